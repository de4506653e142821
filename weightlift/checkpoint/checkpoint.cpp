#include "weightlift/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include "weightlift/base/error.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/safetensors.h"

namespace weightlift {

namespace {

[[noreturn]] void refuse_torch(const std::filesystem::path& path, CheckpointFormat format) {
  throw FormatError(fmt::format(
      "{}: expected safetensors, got a torch checkpoint ({}), which cannot be read yet; save its "
      "state dict in Python: safetensors.torch.save_file(torch.load(\"{}\", map_location=\"cpu\", "
      "weights_only=True), \"model.safetensors\")",
      shown(path), format == CheckpointFormat::kTorchZip ? "zip" : "legacy pickle",
      printable(path.filename().native())));
}

}  // namespace

Checkpoint open_checkpoint(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  const CheckpointFormat format = detect_format(file->bytes(), shown(path));
  if (format != CheckpointFormat::kSafetensors) refuse_torch(path, format);
  SafetensorsFile loaded = load_safetensors(file);
  if (path.extension() != ".safetensors") {
    loaded.notes.push_back(
        fmt::format("{}: holds safetensors, whatever its name says", shown(path)));
  }
  return {format,
          path,
          std::move(file),
          std::move(loaded.tensors),
          std::move(loaded.metadata),
          std::move(loaded.notes)};
}

}  // namespace weightlift
