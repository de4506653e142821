#include "weightlift/checkpoint/torch_choice.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "weightlift/base/error.h"

namespace weightlift {

namespace {

/// The wrapper that timm would take first; "" for none.
std::string_view find_wrapper(const TorchFile& file) {
  struct Wrapper {
    std::string_view key;
    bool unless_none;
  };
  constexpr std::array<Wrapper, 4> kWrappers = {
      {{"state_dict_ema", true}, {"model_ema", true}, {"state_dict", false}, {"model", false}}};
  for (const Wrapper& wrapper : kWrappers) {
    const auto found = find_item(file.pickle, file.pickle.root, wrapper.key);
    const bool none = found && file.pickle.at(*found).kind == PickleKind::kNone;
    if (found && !(wrapper.unless_none && none)) return wrapper.key;
  }
  return "";
}

/// The items of the top level except one key.
std::vector<std::string> other_items(const TorchFile& file, std::string_view taken) {
  std::vector<std::string> others;
  const PickleNode& top = file.pickle.at(file.pickle.root);
  for (std::size_t i = 0; i < top.items.size(); i += 2) {
    const PickleNode& key = file.pickle.at(top.items[i]);
    if (key.kind == PickleKind::kText && key.text == taken) continue;
    others.push_back(
        fmt::format("{} ({})", key.kind == PickleKind::kText ? printable(key.text) : describe(key),
                    describe(file.pickle.at(top.items[i + 1]))));
  }
  return others;
}

[[noreturn]] void refuse_choice(const TorchFile& file, std::string_view path,
                                const std::string& got) {
  constexpr std::size_t kShown = 8;
  std::vector<std::string> paths;
  for (const TorchDict& dict : file.dicts) {
    if (paths.size() == kShown) break;
    paths.push_back(fmt::format("{} ({} tensors)", dict.path.empty() ? "the top level" : dict.path,
                                dict.tensors));
  }
  throw FormatError(fmt::format(
      "{}: {}: expected a dict of tensors, got {}{}", file.where,
      path.empty() ? "top level" : printable(path), got,
      paths.empty() ? ""
                    : fmt::format("; dicts of tensors in the file: {}; load it in Python and save "
                                  "the one that is meant",
                                  fmt::join(paths, ", "))));
}

void require_dict(const TorchFile& file, std::string_view path, const PickleNode& node) {
  if (node.kind == PickleKind::kDict || node.kind == PickleKind::kOrderedDict) return;
  const bool object = node.kind == PickleKind::kOpaque;
  refuse_choice(file, path,
                describe(node) + (object ? ": a whole model? save its state_dict()" : ""));
}

/// Readers differ on which of two items of one name counts.
void require_once(const TorchFile& file, std::string_view path) {
  const PickleNode& top = file.pickle.at(file.pickle.root);
  std::size_t count = 0;
  for (std::size_t i = 0; i < top.items.size(); i += 2) {
    const PickleNode& key = file.pickle.at(top.items[i]);
    if (key.kind == PickleKind::kText && key.text == path) ++count;
  }
  if (count > 1) {
    throw FormatError(fmt::format("{}: top level: name '{}': expected it once, got it {} times",
                                  file.where, printable(path), count));
  }
}

bool is_average_counter(const StateDict::value_type& entry) {
  return entry.first == "n_averaged" && entry.second.dtype() == DType::I64 &&
         entry.second.shape().empty();
}

}  // namespace

TorchChoice choose_state_dict(const TorchFile& file) {
  TorchChoice choice;
  choice.path = find_wrapper(file);
  const PickleId id = choice.path.empty() ? file.pickle.root
                                          : *find_item(file.pickle, file.pickle.root, choice.path);
  if (!choice.path.empty()) require_once(file, choice.path);
  require_dict(file, choice.path, file.pickle.at(id));
  const bool has_tensors = std::ranges::any_of(file.pickle.at(id).items, [&](PickleId item) {
    const PickleKind kind = file.pickle.at(item).kind;
    return kind == PickleKind::kRebuild || kind == PickleKind::kOpaque;
  });
  if (has_tensors) choice.dict = load_state_dict(file, id);
  if (choice.dict.tensors.empty()) refuse_choice(file, choice.path, "one without");
  if (!choice.path.empty()) choice.left_out = other_items(file, choice.path);
  for (const std::string& other : choice.dict.others) {
    choice.left_out.push_back(choice.path.empty() ? other : choice.path + "." + other);
  }
  return choice;
}

StateDict strip_wrapper_names(StateDict tensors, const std::string& where,
                              std::vector<std::string>& notes) {
  std::size_t strip = 0;
  const bool averaged = std::ranges::any_of(tensors, is_average_counter);
  const std::size_t counters = averaged ? 1 : 0;
  std::string stripped;
  for (const std::string_view prefix : {"_orig_mod.", "module.", "_orig_mod."}) {
    const auto with =
        static_cast<std::size_t>(std::ranges::count_if(tensors, [&](const auto& entry) {
          return entry.first.size() > strip + prefix.size() &&
                 std::string_view(entry.first).substr(strip).starts_with(prefix);
        }));
    if (with == 0) continue;
    if (with + counters != tensors.size()) {
      notes.push_back(
          fmt::format("{}: {} of {} names begin with '{}', the others do not: left as "
                      "they are",
                      where, with, tensors.size(), prefix));
      break;
    }
    strip += prefix.size();
    stripped += prefix;
  }
  if (strip == 0) return tensors;
  StateDict plain;
  for (const auto& entry : tensors) {
    if (!is_average_counter(entry)) plain.insert(entry.first.substr(strip), entry.second);
  }
  notes.push_back(fmt::format("{}: all names begin with '{}': taken without{}", where, stripped,
                              averaged ? "; n_averaged is no weight and left out" : ""));
  return plain;
}

}  // namespace weightlift
