#include "weightlift/checkpoint/checkpoint.h"

#include <fmt/format.h>

#include "weightlift/base/error.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/safetensors.h"

namespace weightlift {

namespace {

[[noreturn]] void refuse_torch(const std::filesystem::path& path, CheckpointFormat format) {
  throw FormatError(fmt::format(
      "{0}: expected safetensors, got a torch checkpoint ({1}), which cannot be read yet; save its "
      "state dict in Python: import torch, safetensors.torch as st; d = torch.load(\"{2}\", "
      "map_location=\"cpu\", weights_only=True); st.save_file(d.get(\"state_dict\", d), "
      "\"{2}.safetensors\")",
      shown(path), format == CheckpointFormat::kTorchZip ? "zip" : "legacy pickle",
      printable(path.native(), 400)));
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
