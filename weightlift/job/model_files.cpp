#include "weightlift/job/model_files.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/text.h"
#include "weightlift/conversion.h"
#include "weightlift/convert/source.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// What transformers' Trainer, accelerate, DeepSpeed, torch.distributed.checkpoint and timm write
/// beside a model to resume a run, by their names for it. training_args.bin is a pickle of the
/// run's arguments, with paths. Logs (runs/, events.out.tfevents*, summary.csv) are not listed: the
/// Hub shows them.
constexpr auto kStateFiles = std::to_array<std::string_view>({
    "optimizer.pt",
    "optimizer.bin",
    "optimizer_[0-9]*.bin",
    "scheduler.pt",
    "scheduler.bin",
    "scheduler_[0-9]*.bin",
    "scaler.pt",
    "rng_state.pth",
    "rng_state_[0-9]*.pth",
    "random_states_[0-9]*.pkl",
    "sampler.bin",
    "sampler_[0-9]*.bin",
    "dl_state_dict.bin",
    "dl_state_dict_[0-9]*.bin",
    "custom_checkpoint_[0-9]*.pkl",
    "training_args.bin",
    "trainer_state.json",
    "*_optim_states.pt",
    "zero_to_fp32.py",
    "*.distcp",
    ".metadata",
});

/// They also contain the weights: the file that a folder's weights are read from is none of them.
constexpr auto kStateWithWeights = std::to_array<std::string_view>({
    "*_model_states.pt",
    "checkpoint-[0-9]*.pth.tar",
    "recovery-[0-9]*.pth.tar",
    "last.pth.tar",
});

constexpr auto kStateFolders = std::to_array<std::string_view>({
    "checkpoint-[0-9]*",
    "global_step[0-9]*",
    "pytorch_model_fsdp_[0-9]*",
    "optimizer_[0-9]*",
});

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& patterns) {
  return std::ranges::any_of(
      patterns, [&](std::string_view pattern) { return matches_pattern(name, pattern); });
}

/// Whether the file is DeepSpeed's `latest`, which names the folder of its checkpoint beside it.
bool names_checkpoint(const fs::path& file) {
  constexpr std::uintmax_t kMaxNameBytes = 255;
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  if (file.filename() != "latest" || error || size == 0 || size > kMaxNameBytes) return false;
  std::string name = read_text_file(file, kMaxNameBytes);
  while (!name.empty() && name.back() == '\n') name.pop_back();
  return !name.empty() && name.find('/') == name.npos && name.find('\0') == name.npos &&
         fs::is_directory(file.parent_path() / name, error);
}

bool is_training_state(const fs::directory_entry& entry, bool is_weights) {
  const std::string name = entry.path().filename().string();
  std::error_code ignored;
  if (entry.is_directory(ignored)) return is_one_of(name, kStateFolders);
  return is_one_of(name, kStateFiles) || (!is_weights && is_one_of(name, kStateWithWeights)) ||
         names_checkpoint(entry.path());
}

/// The file that the folder's weights are read from, in the folder; empty where there is none or it
/// cannot be known.
std::string weights_of(const fs::path& folder) {
  try {
    return find_source_weights(folder.string()).lexically_relative(folder).generic_string();
  } catch (const Error&) {
    return "";
  }
}

/// Reads a folder once, top down.
class Listing {
 public:
  Listing(const fs::path& folder, const FileChoice& choice)
      : folder_(folder), choice_(choice), weights_(weights_of(folder)) {}

  ModelFiles read() {
    std::error_code error;
    fs::recursive_directory_iterator entry(folder_, error);
    const fs::recursive_directory_iterator end;
    for (; !error && entry != end; entry.increment(error)) {
      const int depth = entry.depth();
      if (depth <= state_depth_) state_depth_ = kNone;
      if (!add(*entry, depth)) entry.disable_recursion_pending();
    }
    if (error) throw IoError(shown(folder_), error.message());
    std::ranges::sort(files_.of_model);
    std::ranges::sort(files_.training_state);
    choose();
    return std::move(files_);
  }

 private:
  static constexpr int kNone = -1;

  /// Returns whether to enter the entry, where it is a folder.
  bool add(const fs::directory_entry& entry, int depth) {
    const std::string path = entry.path().lexically_relative(folder_).generic_string();
    const std::string name = entry.path().filename().string();
    std::error_code dangling;
    const bool linked = entry.is_symlink(dangling);
    const bool folder = !linked && entry.is_directory(dangling);
    const bool inside_state = state_depth_ != kNone;
    const bool state = inside_state || is_training_state(entry, path == weights_);
    if ((name.starts_with('.') && !(state && name == ".metadata")) || name == "__pycache__") {
      if (path != kRecordFile) ++(name == "__pycache__" ? files_.others : files_.hidden);
      return false;
    }
    if (folder) {
      if (!state || inside_state) return true;
      files_.training_state.push_back(path + "/");
      state_depth_ = depth;
      return choice_.training_state;
    }
    if (!entry.is_regular_file(dangling)) {  // nor a link to one
      ++files_.others;
      if (linked && entry.is_directory(dangling)) files_.linked_folders.push_back(path);
    } else if (!state) {
      files_.of_model.push_back(path);
    } else {
      if (!inside_state) files_.training_state.push_back(path);
      state_files_.push_back(path);
    }
    return false;
  }

  void choose() {
    files_.paths = files_.of_model;
    if (choice_.training_state) {
      files_.training_state.clear();
      files_.paths.insert(files_.paths.end(), state_files_.begin(), state_files_.end());
      std::ranges::sort(files_.paths);
    }
    std::erase_if(files_.paths,
                  [&](const std::string& path) { return !is_chosen(path, choice_.filter); });
  }

  const fs::path& folder_;
  const FileChoice& choice_;
  std::string weights_;
  int state_depth_ = kNone;  ///< of the folder of training state that is being read
  std::vector<std::string> state_files_;
  ModelFiles files_;
};

}  // namespace

ModelFiles list_model_files(const fs::path& folder, const FileChoice& choice) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (!fs::is_directory(status)) {
    if (!fs::exists(status)) throw NotFoundError(shown(folder), "no such folder");
    throw MismatchError(shown(folder), "expected a model folder, got a file");
  }
  return Listing(folder, choice).read();
}

void note_skipped_files(const ModelFiles& files, ProgressSink& progress) {
  if (files.hidden + files.others > 0) {
    progress.note(
        {NoteCode::kFilesNotPublished,
         "",
         {{"hidden", std::to_string(files.hidden)}, {"others", std::to_string(files.others)}}});
  }
  if (files.training_state.empty()) return;
  std::vector<std::string> names;
  for (const std::string& name : files.training_state) names.push_back(printable(name));
  constexpr std::size_t kShown = 8;
  progress.note({NoteCode::kTrainingStateSkipped,
                 "",
                 {{"files", first_of(names, kShown)}},
                 {{HintCode::kAddTrainingState, {}}}});
}

}  // namespace weightlift
