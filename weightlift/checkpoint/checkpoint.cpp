#include "weightlift/checkpoint/checkpoint.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "weightlift/base/error.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/checkpoint/torch_choice.h"

namespace weightlift {

namespace {

/// "a, b and 3 more"
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 12;
  const std::span<const std::string> first(names.data(), std::min(names.size(), kShown));
  return names.size() <= kShown
             ? fmt::format("{}", fmt::join(names, ", "))
             : fmt::format("{} and {} more", fmt::join(first, ", "), names.size() - kShown);
}

Checkpoint open_safetensors(std::shared_ptr<const MappedFile> file) {
  SafetensorsFile loaded = load_safetensors(file);
  Checkpoint checkpoint{CheckpointFormat::kSafetensors, file->path(), std::move(file),
                        std::move(loaded.tensors)};
  checkpoint.metadata = std::move(loaded.metadata);
  checkpoint.notes = std::move(loaded.notes);
  return checkpoint;
}

void note_choice(const TorchChoice& choice, const std::string& where, Checkpoint& checkpoint) {
  if (!choice.path.empty() || !choice.left_out.empty()) {
    checkpoint.notes.push_back(
        fmt::format("{}: took {}, as timm does{}{}", where,
                    choice.path.empty() ? "the tensors at the top level" : choice.path,
                    choice.left_out.empty() ? "" : "; left out: ", some_of(choice.left_out)));
  }
  if (!checkpoint.globals.empty()) {
    checkpoint.notes.push_back(fmt::format("{}: names what is no data, none of it made or run: {}",
                                           where, some_of(checkpoint.globals)));
  }
}

Checkpoint read_torch(CheckpointFormat format, std::shared_ptr<const MappedFile> file) {
  const std::string where = shown(file->path());
  TorchFile torch = format == CheckpointFormat::kTorchZip
                        ? parse_torch_zip(file->bytes(), file, where)
                        : parse_torch_legacy(file->bytes(), file, where);
  TorchChoice choice = choose_state_dict(torch);
  Checkpoint checkpoint{format, file->path(), std::move(file), std::move(choice.dict.tensors)};
  checkpoint.notes = std::move(torch.notes);
  checkpoint.globals = foreign_globals(torch.pickle);
  note_choice(choice, where, checkpoint);
  checkpoint.state_dict = std::move(choice.path);
  checkpoint.left_out = std::move(choice.left_out);
  for (const auto& [key, storage] : torch.storages) {
    if (storage.entry) checkpoint.checksums.push_back(*storage.entry);
  }
  return checkpoint;
}

Checkpoint open_torch(CheckpointFormat format, const std::shared_ptr<const MappedFile>& file) {
  try {
    Checkpoint checkpoint = read_torch(format, file);
    file->require_intact();
    return checkpoint;
  } catch (const FormatError&) {
    file->require_intact();  // a file that shrank meanwhile reads as zeros: tell that instead
    throw;
  }
}

}  // namespace

Checkpoint open_checkpoint(const std::filesystem::path& path) {
  auto file = MappedFile::open(path);
  const CheckpointFormat format = detect_format(file->bytes(), shown(path));
  const bool safetensors = format == CheckpointFormat::kSafetensors;
  Checkpoint checkpoint =
      safetensors ? open_safetensors(std::move(file)) : open_torch(format, file);
  checkpoint.tensors =
      strip_wrapper_names(std::move(checkpoint.tensors), shown(path), checkpoint.notes);
  if (safetensors != (path.extension() == ".safetensors")) {
    checkpoint.notes.push_back(fmt::format("{}: holds {}{}, whatever its name says", shown(path),
                                           safetensors ? "" : "a ", to_string(format)));
  }
  return checkpoint;
}

void require_checksums(const Checkpoint& checkpoint) {
  try {
    for (const ZipEntry& entry : checkpoint.checksums) {
      require_crc(entry, shown(checkpoint.path));
    }
  } catch (const FormatError&) {
    checkpoint.file->require_intact();
    throw;
  }
}

}  // namespace weightlift
