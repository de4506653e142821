#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/pickle.h"

// Internal: included by pickle*.cpp only, and not installed.

namespace weightlift {

inline std::string_view pickle_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline bool is_hashable(PickleKind kind) {
  return kind != PickleKind::kList && kind != PickleKind::kSet && kind != PickleKind::kDict &&
         kind != PickleKind::kOrderedDict;
}

/// The values that a pickle remembers, by place. Python numbers values from 0 or 1 on; a file may
/// use any number of 32 bits.
class PickleMemo {
 public:
  /// Number of places that hold a value.
  std::size_t size() const { return size_; }
  /// Stores a value. Returns false where the places take more room than any pickler's numbering.
  bool put(std::uint32_t place, PickleId id);
  std::optional<PickleId> get(std::uint32_t place) const;

 private:
  std::vector<PickleId> near_;
  std::map<std::uint32_t, PickleId> far_;  // ordered: no file can make it slow
  std::size_t size_ = 0;
};

/// The machine that pickle.cpp describes: reads one pickle into values.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, const std::string& where)
      : bytes_(bytes), where_(where) {
    for (const PickleKind kind : {PickleKind::kNone, PickleKind::kBool, PickleKind::kBool}) {
      make({.kind = kind});
    }
    pickle_.nodes[kTrue].integer = 1;
  }

  Pickle run();

 private:
  static constexpr PickleId kNone = 0;
  static constexpr PickleId kFalse = 1;
  static constexpr PickleId kTrue = 2;

  using Handler = void (PickleMachine::*)();
  struct Instruction {
    unsigned char opcode;
    unsigned protocol;  // the first that has it
    Handler handler;
  };
  static const Instruction* find_instruction(unsigned opcode);

  [[noreturn]] void refuse(const std::string& what) const {
    throw FormatError(where_, fmt::format("pickle: byte {}: {}", start_, what));
  }

  // The bytes.
  std::span<const std::byte> take(std::uint64_t size);
  template <class T>
  T number() {
    return load_little_endian<T>(take(sizeof(T))).value();
  }
  std::string_view line();
  void start();

  // The stack.
  PickleId pop();
  std::vector<PickleId> pop_to_mark();
  void push(PickleId id) { stack_.push_back(id); }
  PickleId top() const;
  PickleId make(PickleNode node);
  void push_new(PickleNode node) { push(make(std::move(node))); }
  PickleNode& node(PickleId id) { return pickle_.nodes[id]; }
  void work(std::size_t amount);

  // The instructions, in the order of the table.
  void frame();
  void mark() { marks_.push_back(stack_.size()); }
  void none() { push(kNone); }
  void boolean() { push(opcode_ == 0x88 ? kTrue : kFalse); }
  void integer();
  void integer_line();
  void long_integer();
  void real();
  void text();
  void binary();
  void empty();
  void tuple();
  void tuple_to_mark();
  void frozenset();
  void append();
  void append_to_mark();
  void set_item();
  void set_items_to_mark();
  void pop_one();
  void pop_group() { pop_to_mark(); }
  void duplicate() { push(top()); }
  void put();
  void get();
  void global();
  void stack_global();
  void reduce();
  void new_object();
  void new_object_with_keywords();
  void build();
  void persistent();

  // What they share.
  std::uint64_t text_bytes();
  void push_global(std::string_view module, std::string_view name);
  void add_elements(PickleId target, const std::vector<PickleId>& elements);
  void add_pairs(PickleId target, const std::vector<PickleId>& pairs);
  void remember(std::uint32_t place, PickleId id);
  void call_known(const PickleNode& callee, PickleId arguments);
  PickleNode dict_of(const KnownGlobal& type, const std::vector<PickleId>& arguments);
  PickleNode elements_of(PickleKind kind, const std::vector<PickleId>& arguments);
  void push_opaque(const PickleNode& callee, PickleId arguments);
  void require_tuple(PickleId id, std::string_view what);

  std::span<const std::byte> bytes_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::size_t start_ = 0;  // of the current instruction
  unsigned opcode_ = 0;
  unsigned protocol_ = 0;
  std::size_t work_ = 0;
  std::vector<PickleId> stack_;
  std::vector<std::size_t> marks_;
  PickleMemo memo_;
  Pickle pickle_;
};

}  // namespace weightlift
