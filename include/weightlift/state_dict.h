#pragma once

// Layer: tensor

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "weightlift/tensor.h"

/// @file
/// Dicts of tensors.

namespace WEIGHTLIFT_API weightlift {

/// The names of a dict of tensors inside a file. A plain value with its own copy of the names.
struct NamedDict {
  std::string path;                ///< the keys that lead to it, joined by dots; "" for the top
  std::size_t level = 0;           ///< number of these keys
  std::vector<std::string> names;  ///< of its tensors, in the dict's order
};

/// Names to tensors in insertion order, as torch's state_dict. Names are unique.
///
/// Holds handles (Tensor): copying it copies no element, and its tensors outlive it. References,
/// pointers and iterators from it are valid until the next call that is not const. All const calls
/// of one StateDict may overlap; any other call overlaps with no call on the same StateDict.
class StateDict {
 public:
  /// A name and its tensor.
  using value_type = std::pair<std::string, Tensor>;

  StateDict() = default;

  /// Copies names and handles, no element.
  StateDict(const StateDict&) = default;

  /// Takes the entries; `other` is empty then.
  StateDict(StateDict&& other) noexcept { swap(other); }

  StateDict& operator=(StateDict other) noexcept {
    swap(other);
    return *this;
  }
  ~StateDict() = default;

  /// Adds an entry at the end. Throws MismatchError where the name is taken.
  void insert(std::string name, Tensor tensor);

  /// Removes the entry of that name, and keeps the order of the others. Returns whether there was
  /// one. Takes time in proportion to size().
  bool erase(std::string_view name);

  /// Binds the name to another tensor; the entry keeps its place. Throws NotFoundError where there
  /// is no such name.
  void replace(std::string_view name, Tensor tensor);

  /// The tensor of that name, nullptr where there is none.
  const Tensor* find(std::string_view name) const;

  /// The tensor of that name. Throws NotFoundError where there is none.
  const Tensor& at(std::string_view name) const;

  /// Whether there is a tensor of that name.
  bool contains(std::string_view name) const { return find(name) != nullptr; }

  /// The number of tensors.
  std::size_t size() const { return entries_.size(); }

  /// Whether there is no tensor.
  bool empty() const { return entries_.empty(); }

  /// Iterates over the entries (value_type), in insertion order.
  auto begin() const { return entries_.begin(); }
  /// The end of the iteration.
  auto end() const { return entries_.end(); }

  /// Exchanges the entries of both.
  void swap(StateDict& other) noexcept {
    entries_.swap(other.entries_);
    index_.swap(other.index_);
  }

 private:
  /// The place of a name in `entries_`. Throws NotFoundError where there is none.
  std::size_t place_of(std::string_view name) const;

  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  std::vector<value_type> entries_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;
};

/// The names of these tensors, as those of a dict at the top level of a file.
NamedDict name_tensors(const StateDict& tensors);

/// What complete_counters() changed.
struct CounterChanges {
  std::int64_t added = 0;   ///< missing, now 0
  std::int64_t mended = 0;  ///< converted to int64 scalars
};

/// Completes the counters of batch norms (num_batches_tracked) as torch does when it loads a state
/// dict. Files from before 2018 lack them: each `running_mean` without its counter gets one of 0 at
/// the end of `tensors`. A counter with one dimension, or of another dtype, becomes an int64 scalar
/// in its place. A counter that is not one number of 64 bits stays as it is.
CounterChanges complete_counters(StateDict& tensors);

}  // namespace weightlift
