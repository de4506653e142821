// Any bytes, as a zip or as a legacy file, are refused by a FormatError or UnsupportedError, or
// read. The tensors take no more memory than four times the file; written as safetensors, and as a
// torch zip where torch has all their types, they read back equal.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "fuzz/round_trip.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/checkpoint/torch.h"
#include "weightlift/checkpoint/torch_objects.h"
#include "weightlift/tensor/compare.h"

namespace {

using namespace weightlift;
using fuzzing::require;

/// Views can be many; larger dicts are not written.
constexpr std::size_t kMostBytesWritten = std::size_t{1} << 20U;

void check_memory(const TorchFile& file, const StateDict& tensors) {
  std::size_t copied = 0;
  for (const auto& [name, tensor] : tensors) {
    const auto bytes = tensor.bytes();
    if (tensor.owner() != file.owner) copied += bytes.size();
  }
  require(copied <= std::max(std::size_t{1} << 20U, file.size_bytes * 4));
}

void require_equal(const StateDict& written, const StateDict& tensors) {
  require(written.size() == tensors.size());
  for (const auto& [name, tensor] : tensors) require(bit_equal(tensor, written.at(name)));
}

void check_round_trip(const StateDict& tensors) {
  std::size_t bytes = 0;
  for (const auto& [name, tensor] : tensors) bytes += tensor.bytes().size();
  if (bytes > kMostBytesWritten || tensors.contains("__metadata__")) return;
  require_equal(load_safetensors(fuzzing::write(tensors, {}, ".torch")).tensors, tensors);
  const bool torch_has_all = std::ranges::all_of(tensors, [](const auto& item) {
    return find_storage_global(item.second.dtype()) != nullptr;
  });
  if (!torch_has_all) return;
  const auto file = fuzzing::write_bin(tensors, ".bin");
  const TorchFile written = parse_torch_zip(file->bytes(), file, "written");
  require(written.notes.empty());
  require_checksums(written);
  require_equal(load_state_dict(written, written.pickle.root).tensors, tensors);
}

void read_all(const TorchFile& file) {
  find_obstacle(file);
  find_model_args(file.pickle);
  for (const TorchDict& dict : file.dicts) {
    try {
      const TorchStateDict loaded = load_state_dict(file, dict.id);
      check_memory(file, loaded.tensors);
      check_round_trip(loaded.tensors);
    } catch (const FormatError&) {
      continue;
    } catch (const UnsupportedError&) {
      continue;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto owner = std::make_shared<const int>(0);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    read_all(text.starts_with("PK") ? parse_torch_zip(bytes, owner, "input")
                                    : parse_torch_legacy(bytes, owner, "input"));
  } catch (const FormatError&) {
    return 0;
  } catch (const UnsupportedError&) {
    return 0;
  }
  return 0;
}
