#include "weightlift/checkpoint/pickle_machine.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>

// The stack, the memo, and the instructions that make plain values; those that name or call
// something are in pickle_objects.cpp.

namespace weightlift {

namespace {

/// A tensor takes about 13 nodes, so these are 75,000 tensors; the largest ResNet with an
/// optimizer's state has 4,000. At about 110 bytes each, a bad file can make the reader use 110 MB.
constexpr std::size_t kMaxPickleNodes = 1'000'000;
/// Instructions and copied references, 45 a tensor. Each may leave a reference of 4 bytes.
constexpr std::size_t kMaxPickleWork = 5'000'000;

/// A file has no more values to number. Places beyond are for files that do not count from 0.
constexpr std::uint32_t kNearPlaces = kMaxPickleNodes;
constexpr std::size_t kMaxFarPlaces = 1000;
constexpr PickleId kNoValue = std::numeric_limits<PickleId>::max();

constexpr unsigned kFirstProtocol = 2;
constexpr unsigned kLastProtocol = 5;

}  // namespace

bool PickleMemo::put(std::uint32_t place, PickleId id) {
  if (!get(place)) ++size_;
  if (place >= kNearPlaces) {
    far_[place] = id;
    return far_.size() <= kMaxFarPlaces;
  }
  if (place >= near_.size()) near_.resize(std::size_t{place} + 1, kNoValue);
  near_[place] = id;
  return true;
}

std::optional<PickleId> PickleMemo::get(std::uint32_t place) const {
  if (place < near_.size() && near_[place] != kNoValue) return near_[place];
  const auto found = far_.find(place);
  return found == far_.end() ? std::nullopt : std::optional(found->second);
}

// Missing here, and so refused: instructions that no protocol from 2 on writes (texts and floats
// in lines of protocols 0 and 1, LIST, DICT, INST, OBJ), calls by number (EXT), and buffers outside
// of the pickle.
const PickleMachine::Instruction* PickleMachine::find_instruction(unsigned opcode) {
  using M = PickleMachine;
  static constexpr std::array<Instruction, 50> kInstructions = {{
      {0x95, 4, &M::frame},
      {'(', 2, &M::mark},
      {'N', 2, &M::none},
      {0x88, 2, &M::boolean},
      {0x89, 2, &M::boolean},
      {'K', 2, &M::integer},
      {'M', 2, &M::integer},
      {'J', 2, &M::integer},
      {'I', 2, &M::integer_line},
      {0x8A, 2, &M::long_integer},
      {0x8B, 2, &M::long_integer},
      {'G', 2, &M::real},
      {'X', 2, &M::text},
      {'U', 2, &M::text},
      {'T', 2, &M::text},
      {0x8C, 4, &M::text},
      {0x8D, 4, &M::text},
      {'B', 3, &M::binary},
      {'C', 3, &M::binary},
      {0x8E, 4, &M::binary},
      {0x96, 5, &M::binary},
      {')', 2, &M::empty},
      {']', 2, &M::empty},
      {'}', 2, &M::empty},
      {0x8F, 4, &M::empty},
      {0x85, 2, &M::tuple},
      {0x86, 2, &M::tuple},
      {0x87, 2, &M::tuple},
      {'t', 2, &M::tuple_to_mark},
      {0x91, 4, &M::frozenset},
      {'a', 2, &M::append},
      {'e', 2, &M::append_to_mark},
      {0x90, 4, &M::append_to_mark},
      {'s', 2, &M::set_item},
      {'u', 2, &M::set_items_to_mark},
      {'0', 2, &M::pop_one},
      {'1', 2, &M::pop_group},
      {'2', 2, &M::duplicate},
      {'q', 2, &M::put},
      {'r', 2, &M::put},
      {0x94, 4, &M::put},
      {'h', 2, &M::get},
      {'j', 2, &M::get},
      {'c', 2, &M::global},
      {0x93, 4, &M::stack_global},
      {'R', 2, &M::reduce},
      {0x81, 2, &M::new_object},
      {0x92, 4, &M::new_object_with_keywords},
      {'b', 2, &M::build},
      {'Q', 2, &M::persistent},
  }};
  const auto* found = std::ranges::find(kInstructions, opcode, &Instruction::opcode);
  return found == kInstructions.end() ? nullptr : found;
}

Pickle PickleMachine::run() {
  start();
  for (;;) {
    start_ = at_;
    opcode_ = number<std::uint8_t>();
    if (opcode_ == '.') break;
    const Instruction* instruction = find_instruction(opcode_);
    if (instruction == nullptr || instruction->protocol > protocol_) {
      refuse(fmt::format("opcode 0x{:02x} is unsupported in protocol {}", opcode_, protocol_));
    }
    work(1);
    (this->*instruction->handler)();
  }
  if (!marks_.empty() || stack_.size() != 1) {
    refuse(fmt::format("expected one value at the end, got {}{}", stack_.size(),
                       marks_.empty() ? "" : " and an open group"));
  }
  pickle_.root = stack_.front();
  pickle_.size_bytes = at_;
  return std::move(pickle_);
}

void PickleMachine::start() {
  constexpr unsigned kProto = 0x80;
  if (number<std::uint8_t>() == kProto) protocol_ = number<std::uint8_t>();
  if (protocol_ < kFirstProtocol || protocol_ > kLastProtocol) {
    refuse(fmt::format("protocol: expected {} to {}, got {}", kFirstProtocol, kLastProtocol,
                       bytes_[0] == std::byte{kProto} ? std::to_string(protocol_) : "none"));
  }
}

std::span<const std::byte> PickleMachine::take(std::uint64_t size) {
  const std::size_t left = bytes_.size() - at_;
  if (size > left) {
    refuse(fmt::format("truncated: expected {} more byte{}, got {}", size, size == 1 ? "" : "s",
                       left));
  }
  const auto taken = bytes_.subspan(at_, narrow<std::size_t>(size));
  at_ += taken.size();
  return taken;
}

PickleId PickleMachine::top() const {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) refuse("no value before this instruction");
  return stack_.back();
}

PickleId PickleMachine::pop() {
  const PickleId id = top();
  stack_.pop_back();
  return id;
}

std::vector<PickleId> PickleMachine::pop_to_mark() {
  if (marks_.empty()) refuse("no group is open");
  const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleId> values(from, stack_.end());
  stack_.erase(from, stack_.end());
  marks_.pop_back();
  return values;
}

PickleId PickleMachine::make(PickleNode node) {
  if (pickle_.nodes.size() >= kMaxPickleNodes) {
    refuse(fmt::format("more than {} values", kMaxPickleNodes));
  }
  pickle_.nodes.push_back(std::move(node));
  return narrow<PickleId>(pickle_.nodes.size() - 1);
}

void PickleMachine::work(std::size_t amount) {
  work_ += amount;
  if (work_ > kMaxPickleWork) {
    refuse(fmt::format("more than {} instructions", kMaxPickleWork));
  }
}

/// The reader needs no frames; it checks that their sizes are possible.
void PickleMachine::frame() {
  const auto size = number<std::uint64_t>();
  if (size > bytes_.size() - at_) {
    refuse(
        fmt::format("truncated: expected a frame of {} bytes, got {}", size, bytes_.size() - at_));
  }
}

void PickleMachine::integer() {
  std::int64_t value = 0;
  if (opcode_ == 'K') value = number<std::uint8_t>();
  if (opcode_ == 'M') value = number<std::uint16_t>();
  if (opcode_ == 'J') value = static_cast<std::int32_t>(number<std::uint32_t>());
  push_new({.kind = PickleKind::kInt, .integer = value});
}

/// Python 2 writes integers of 32 to 63 bits as a line of digits.
void PickleMachine::integer_line() {
  const std::string_view digits = line();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    refuse("int: expected digits of 64 bits");
  }
  push_new({.kind = PickleKind::kInt, .integer = value});
}

/// Two's complement of any length, zero bytes being 0.
void PickleMachine::long_integer() {
  const std::uint64_t size = opcode_ == 0x8A ? number<std::uint8_t>() : number<std::uint32_t>();
  const std::string_view digits = pickle_text(take(size));
  const bool negative = !digits.empty() && (static_cast<unsigned char>(digits.back()) & 0x80U) != 0;
  const char sign = negative ? '\xFF' : '\0';
  std::uint64_t value = negative ? std::numeric_limits<std::uint64_t>::max() : 0;
  bool fits = true;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i >= sizeof(value)) {
      fits = fits && digits[i] == sign;
      continue;
    }
    value &= ~(std::uint64_t{0xFF} << (8 * i));
    value |= std::uint64_t{static_cast<unsigned char>(digits[i])} << (8 * i);
  }
  const auto number = static_cast<std::int64_t>(value);
  fits = fits && (number < 0) == negative;
  push_new({.kind = fits ? PickleKind::kInt : PickleKind::kBigInt, .integer = fits ? number : 0});
}

void PickleMachine::real() {
  std::uint64_t bits = 0;  // the only number that is big-endian
  for (const std::byte byte : take(sizeof(bits)))
    bits = bits << 8U | std::to_integer<unsigned>(byte);
  push_new({.kind = PickleKind::kFloat, .real = std::bit_cast<double>(bits)});
}

std::uint64_t PickleMachine::text_bytes() {
  switch (opcode_) {
    case 'X':
    case 'T':
    case 'B':
      return number<std::uint32_t>();
    case 'U':
    case 'C':
    case 0x8C:
      return number<std::uint8_t>();
    default:
      return number<std::uint64_t>();
  }
}

void PickleMachine::text() {
  const auto bytes = take(text_bytes());
  push_new({.kind = PickleKind::kText, .text = pickle_text(bytes)});
}

void PickleMachine::binary() {
  const auto bytes = take(text_bytes());
  push_new({.kind = PickleKind::kBytes, .text = pickle_text(bytes)});
}

void PickleMachine::empty() {
  push_new({.kind = opcode_ == ')'   ? PickleKind::kTuple
                    : opcode_ == ']' ? PickleKind::kList
                    : opcode_ == '}' ? PickleKind::kDict
                                     : PickleKind::kSet});
}

void PickleMachine::tuple() {
  std::vector<PickleId> items(opcode_ - 0x84U);
  for (std::size_t i = items.size(); i-- > 0;) items[i] = pop();
  push_new({.kind = PickleKind::kTuple, .items = std::move(items)});
}

void PickleMachine::tuple_to_mark() {
  push_new({.kind = PickleKind::kTuple, .items = pop_to_mark()});
}

void PickleMachine::frozenset() { push_new({.kind = PickleKind::kSet, .items = pop_to_mark()}); }

void PickleMachine::append() {
  const PickleId element = pop();
  add_elements(top(), {element});
}

void PickleMachine::append_to_mark() {
  const auto elements = pop_to_mark();
  add_elements(top(), elements);
}

void PickleMachine::set_item() {
  const PickleId value = pop();
  const PickleId key = pop();
  add_pairs(top(), {key, value});
}

void PickleMachine::set_items_to_mark() {
  const auto pairs = pop_to_mark();
  add_pairs(top(), pairs);
}

void PickleMachine::add_elements(PickleId target, const std::vector<PickleId>& elements) {
  PickleNode& into = node(target);
  if (into.kind == PickleKind::kOpaque) return;
  const PickleKind wanted = opcode_ == 0x90 ? PickleKind::kSet : PickleKind::kList;
  if (into.kind != wanted) {
    refuse(fmt::format("cannot add elements: expected a {}, got {}",
                       wanted == PickleKind::kSet ? "set" : "list", describe(into)));
  }
  into.items.insert(into.items.end(), elements.begin(), elements.end());
}

void PickleMachine::add_pairs(PickleId target, const std::vector<PickleId>& pairs) {
  PickleNode& into = node(target);
  if (pairs.size() % 2 != 0) refuse("cannot set items: a key has no value");
  if (into.kind == PickleKind::kOpaque) return;
  if (into.kind != PickleKind::kDict && into.kind != PickleKind::kOrderedDict) {
    refuse(fmt::format("cannot set items: expected a dict, got {}", describe(into)));
  }
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    if (!is_hashable(node(pairs[i]).kind)) {
      refuse(fmt::format("key: expected a hashable value, got {}", describe(node(pairs[i]))));
    }
  }
  into.items.insert(into.items.end(), pairs.begin(), pairs.end());
}

/// Where a group was just opened, the mark is what goes: Python drops a class's arguments so.
void PickleMachine::pop_one() {
  if (!marks_.empty() && stack_.size() == marks_.back()) {
    marks_.pop_back();
  } else {
    pop();
  }
}

void PickleMachine::put() {
  const auto place = opcode_ == 'q'   ? number<std::uint8_t>()
                     : opcode_ == 'r' ? number<std::uint32_t>()
                                      : narrow<std::uint32_t>(memo_.size());
  remember(place, top());
}

/// Python's pickler numbers each value once, without gaps; one of 1996 began at 1.
void PickleMachine::remember(std::uint32_t place, PickleId id) {
  if (!memo_.put(place, id)) {
    refuse(fmt::format("memo: more than {} places from {} on", kMaxFarPlaces, kNearPlaces));
  }
}

void PickleMachine::get() {
  const std::uint32_t place = opcode_ == 'h' ? number<std::uint8_t>() : number<std::uint32_t>();
  const auto found = memo_.get(place);
  if (!found) {
    refuse(fmt::format("memo: no value at place {}", place));
  }
  push(*found);
}

}  // namespace weightlift
