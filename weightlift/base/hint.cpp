#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cstddef>

#include "weightlift/error.h"

namespace weightlift {

namespace {

// In the order of HintCode.
constexpr auto kNames = std::to_array<std::string_view>({"advice",
                                                         "did-you-mean",
                                                         "replace",
                                                         "choose-name",
                                                         "choose-output",
                                                         "choose-weights",
                                                         "ignore-tensors",
                                                         "choose-head",
                                                         "drop-head",
                                                         "give-architecture",
                                                         "omit-architecture",
                                                         "give-image-processor",
                                                         "give-labels",
                                                         "target-timm",
                                                         "convert-first",
                                                         "list-models",
                                                         "use-repository-prefix",
                                                         "allow-public",
                                                         "accept-license",
                                                         "choose-repository",
                                                         "name-each",
                                                         "add-training-state",
                                                         "give-shard",
                                                         "give-names"});
static_assert(kNames.size() == static_cast<std::size_t>(HintCode::kGiveNames) + 1);

}  // namespace

std::string_view to_string(HintCode code) {
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "unknown";
}

std::string to_string(const Hint& hint) {
  return fmt::format("{}({})", to_string(hint.code), fmt::join(hint.values, ", "));
}

}  // namespace weightlift
