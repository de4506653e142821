#include "weightlift/checkpoint/weights_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <span>
#include <system_error>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/error.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// Names that timm's load_state_dict_from_path prefers to others, after transformers'.
constexpr std::array<std::string_view, 2> kTimmWeightsFiles = {"pytorch_model.pth", "model.pth"};

// The longer ending first.
constexpr std::array<std::string_view, 6> kEndings = {".pth.tar", ".safetensors", ".pth",
                                                      ".pt",      ".bin",         ".ckpt"};

template <class Names>
std::string first_listed(const std::vector<std::string>& names, const Names& wanted) {
  for (const std::string_view name : wanted) {
    if (std::ranges::find(names, name) != names.end()) return std::string(name);
  }
  return "";
}

std::vector<std::string> list_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  auto entry = fs::directory_iterator(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) throw_io_error(folder, "cannot read the folder", error.value());
  return names;
}

}  // namespace

std::string choose_weights_file(const std::vector<std::string>& names, Loader loader,
                                const std::string& where) {
  std::string chosen = first_listed(names, kWeightsFiles);
  if (!chosen.empty() || loader == Loader::kTransformers) return chosen;
  chosen = first_listed(names, kTimmWeightsFiles);
  if (!chosen.empty()) return chosen;
  std::vector<std::string> others;
  std::ranges::copy_if(names, std::back_inserter(others),
                       [](const std::string& name) { return !weights_ending(name).empty(); });
  if (others.empty()) return "";
  if (others.size() == 1) return others.front();
  throw MismatchError(where, fmt::format("expected one weights file, got {}", others.size()),
                      advice("keep one of them, or convert that file itself"));
}

fs::path find_weights_file(const fs::path& folder, Loader loader) {
  std::vector<std::string> names;
  for (const std::span<const std::string_view> known :
       {std::span<const std::string_view>(kWeightsFiles), {kTimmWeightsFiles}}) {
    for (const std::string_view name : known) {
      if (is_there(folder / name)) names.emplace_back(name);
    }
  }
  const std::string where = shown(folder);
  std::string chosen = choose_weights_file(names, loader, where);
  if (chosen.empty() && loader == Loader::kTimm) {
    chosen = choose_weights_file(list_names(folder), loader, where);
  }
  if (!chosen.empty()) return folder / chosen;
  throw NotFoundError(where, loader == Loader::kTransformers
                                 ? "model.safetensors or pytorch_model.bin not found"
                                 : "no weights file found");
}

std::string_view weights_ending(std::string_view name) {
  const auto* found = std::ranges::find_if(
      kEndings, [&](std::string_view ending) { return name.ends_with(ending); });
  return found == kEndings.end() ? std::string_view() : *found;
}

}  // namespace weightlift
