#include "weightlift/checkpoint/torch_dicts.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "weightlift/base/message.h"

namespace weightlift {

namespace {

/// VISSL nests five levels. Messages show paths, and each level repeats those above.
constexpr std::size_t kMaxLevels = 16;
constexpr std::size_t kMaxKeyBytes = 256;
/// A checkpoint may have a dict for each parameter (an optimizer's state by name): the largest
/// ResNet has 620. Each takes up to 4 KB for its path.
constexpr std::size_t kMaxDicts = 10'000;

constexpr std::size_t kTop = static_cast<std::size_t>(-1);

/// A container on the way from the top level.
struct Container {
  PickleId id = 0;
  std::size_t parent = kTop;         ///< index of the container above, kTop for the top level
  std::optional<PickleId> key = {};  ///< in the parent, where that is a dict
  std::size_t place = 0;             ///< in the parent
  std::size_t level = 0;
  bool named = true;      ///< keys of text and integers, and places, lead to it
  bool numbered = false;  ///< an integer or a place is on the way
};

class DictFinder {
 public:
  explicit DictFinder(TorchFile& file)
      : pickle_(file.pickle), found_(file), seen_(pickle_.nodes.size()) {}

  void find() {
    std::vector<Container> open = {{.id = pickle_.root}};
    while (!open.empty()) {
      const Container container = open.back();
      open.pop_back();
      if (seen_[container.id]) continue;
      seen_[container.id] = true;
      visited_.push_back(container);
      if (container.level == 1) top_ = part_in_parent(container);
      const PickleNode& node = pickle_.at(container.id);
      mark_tensors(container, node, is_dict(node) && list_dict(container, node));
      const auto first = static_cast<std::ptrdiff_t>(open.size());
      push_items(container, node, open);
      std::reverse(open.begin() + first, open.end());  // the first item is visited first
    }
  }

 private:
  const PickleNode& value(const PickleNode& dict, std::size_t i) const {
    return pickle_.at(dict.items[i]);
  }
  bool is_tensor(const PickleNode& dict, std::size_t i) const {
    return value(dict, i).kind == PickleKind::kRebuild;
  }

  /// Adds the dict to those found, unless it is not one for tensors with names.
  bool list_dict(const Container& container, const PickleNode& node) {
    std::size_t tensors = 0;
    bool dotted = false;
    for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
      const PickleNode& key = value(node, i);
      if (key.kind != PickleKind::kText || !is_tensor(node, i + 1)) continue;
      ++tensors;
      dotted = dotted || key.text.find('.') != std::string_view::npos;
    }
    const bool wanted = container.numbered ? dotted : tensors != 0 || container.level <= 1;
    const bool room = container.level <= kMaxLevels && found_.dicts.size() < kMaxDicts;
    if (!wanted || !container.named || !room) return false;
    found_.dicts.push_back({path_to(container), container.id, tensors, container.level, dotted});
    return true;
  }

  /// Keeps the parts of the top level that lead to tensors without a name in a listed dict.
  void mark_tensors(const Container& container, const PickleNode& node, bool listed) {
    const std::size_t step = is_dict(node) ? 2 : 1;
    for (std::size_t i = step - 1; i < node.items.size(); i += step) {
      const bool text = step == 2 && value(node, i - 1).kind == PickleKind::kText;
      if (!is_tensor(node, i) || (listed && text)) continue;
      std::string part = container.level != 0 ? top_
                         : step == 2          ? part_of(value(node, i - 1))
                                              : std::to_string(i);
      if (found_.keys_of_lists.empty() || found_.keys_of_lists.back() != part) {
        found_.keys_of_lists.push_back(std::move(part));
      }
      if (container.level != 0) return;
    }
  }

  void push_items(const Container& container, const PickleNode& node,
                  std::vector<Container>& open) {
    const std::size_t step = is_dict(node) ? 2 : 1;
    for (std::size_t i = step - 1; i < node.items.size(); i += step) {
      const PickleId id = node.items[i];
      if (seen_[id] || (!is_dict(pickle_.at(id)) && !is_list(pickle_.at(id)))) continue;
      Container next{.id = id,
                     .parent = visited_.size() - 1,
                     .place = i,
                     .level = container.level + 1,
                     .named = container.named,
                     .numbered = true};
      if (step == 2) {
        const PickleNode& key = value(node, i - 1);
        const bool text = key.kind == PickleKind::kText && key.text.size() <= kMaxKeyBytes;
        next.key = node.items[i - 1];
        next.named = container.named && (text || key.kind == PickleKind::kInt);
        next.numbered = container.numbered || !text;
      }
      open.push_back(next);
    }
  }

  std::string part_in_parent(const Container& container) const {
    return container.key ? part_of(pickle_.at(*container.key)) : std::to_string(container.place);
  }

  std::string path_to(const Container& container) const {
    std::vector<std::string> parts;
    for (const Container* at = &container; at->parent != kTop; at = &visited_[at->parent]) {
      parts.push_back(part_in_parent(*at));
    }
    std::string path;
    for (std::size_t i = parts.size(); i-- > 0;) path += path.empty() ? parts[i] : "." + parts[i];
    return path;
  }

  const Pickle& pickle_;
  TorchFile& found_;
  std::vector<bool> seen_;
  std::vector<Container> visited_;
  std::string top_;  ///< the part of the top level below which the search is
};

}  // namespace

std::string part_of(const PickleNode& key) {
  if (key.kind == PickleKind::kInt) return std::to_string(key.integer);
  return key.kind == PickleKind::kText && key.text.size() <= kMaxKeyBytes ? printable(key.text)
                                                                          : type_of(key);
}

std::vector<PickleItem> items_of(const Pickle& pickle, PickleId container) {
  std::vector<PickleItem> items;
  const PickleNode& node = pickle.at(container);
  if (is_dict(node)) {
    for (std::size_t i = 0; i + 1 < node.items.size(); i += 2) {
      items.push_back({part_of(pickle.at(node.items[i])), node.items[i + 1]});
    }
  } else if (is_list(node)) {
    for (const PickleId item : node.items) items.push_back({std::to_string(items.size()), item});
  }
  return items;
}

void find_dicts(TorchFile& file) { DictFinder(file).find(); }

}  // namespace weightlift
