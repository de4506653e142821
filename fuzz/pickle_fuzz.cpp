// Any bytes are refused by a FormatError or read. The values are views of the input, and no more of
// them than it has bytes. A tensor's description is made of older values, so it has no loop.
#include <cstdint>
#include <vector>

#include "fuzz/round_trip.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/pickle.h"

namespace {

using namespace weightlift;
using fuzzing::require;

constexpr std::size_t kSharedValues = 3;  // None, False, True

void check(const Pickle& pickle, std::string_view input) {
  require(pickle.size_bytes <= input.size());
  require(pickle.nodes.size() <= pickle.size_bytes + kSharedValues);
  require(pickle.root < pickle.nodes.size());
  for (PickleId id = 0; id < pickle.nodes.size(); ++id) {
    const PickleNode& node = pickle.at(id);
    require(!describe(node).empty());
    require((node.kind == PickleKind::kRebuild) <= (node.known != nullptr));
    const bool tensor =
        node.kind == PickleKind::kRebuild && node.known->kind != GlobalKind::kTensorType;
    for (const PickleId item : node.items) require(!tensor || item < id);
    for (const std::string_view view : {node.text, node.name}) {
      require(view.empty() || (view.data() >= input.data() &&
                               view.data() + view.size() <= input.data() + input.size()));
    }
    for (const PickleId item : node.items) require(item < pickle.nodes.size());
    const bool dict = node.kind == PickleKind::kDict || node.kind == PickleKind::kOrderedDict;
    require(!dict || node.items.size() % 2 == 0);
    require(node.kind != PickleKind::kOpaque || !node.items.empty());
  }
  foreign_globals(pickle);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    check(parse_pickle(bytes, "input"), {reinterpret_cast<const char*>(data), size});
  } catch (const FormatError&) {
    return 0;
  }
  return 0;
}
