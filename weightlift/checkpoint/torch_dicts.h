#pragma once

#include <string>
#include <vector>

#include "weightlift/checkpoint/torch.h"

namespace weightlift {

/// Whether a value is a dict.
inline bool is_dict(const PickleNode& node) {
  return node.kind == PickleKind::kDict || node.kind == PickleKind::kOrderedDict;
}

/// Whether a value is a list or a tuple.
inline bool is_list(const PickleNode& node) {
  return node.kind == PickleKind::kList || node.kind == PickleKind::kTuple;
}

/// The part of a path that a key stands for: the text, or an integer's digits. For other keys, and
/// keys that are too long for a message, their type: no path leads through them.
std::string part_of(const PickleNode& key);

/// The item at a place of a container: its part of a path, and its value.
struct PickleItem {
  std::string part;
  PickleId value;
};

/// The items of a dict, a list or a tuple; none of any other value.
std::vector<PickleItem> items_of(const Pickle& pickle, PickleId container);

/// Sets the file's `dicts` and `keys_of_lists`. Visits each value once, in linear time.
void find_dicts(TorchFile& file);

}  // namespace weightlift
