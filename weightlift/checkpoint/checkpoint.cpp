#include "weightlift/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include "weightlift/base/error.h"
#include "weightlift/checkpoint/safetensors.h"

namespace weightlift {

namespace {

[[noreturn]] void refuse_torch(const std::filesystem::path& path, CheckpointFormat format) {
  throw FormatError(fmt::format(
      "{}: expected safetensors, got a torch checkpoint ({}), which cannot be read yet; save its "
      "state dict in Python: safetensors.torch.save_file(torch.load({:?}, map_location=\"cpu\", "
      "weights_only=True), \"model.safetensors\")",
      path.string(), format == CheckpointFormat::kTorchZip ? "zip" : "legacy pickle",
      path.filename().string()));
}

}  // namespace

Checkpoint open_checkpoint(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  const CheckpointFormat format = detect_format(file->bytes(), path.string());
  if (format != CheckpointFormat::kSafetensors) refuse_torch(path, format);
  SafetensorsFile loaded = load_safetensors(file);
  if (path.extension() != ".safetensors") {
    loaded.notes.push_back(
        fmt::format("{}: holds safetensors, whatever its name says", path.string()));
  }
  return {format,
          path,
          std::move(file),
          std::move(loaded.tensors),
          std::move(loaded.metadata),
          std::move(loaded.notes)};
}

}  // namespace weightlift
