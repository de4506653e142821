#include "weightlift/checkpoint/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <map>
#include <unordered_set>

#include "weightlift/base/bytes.h"
#include "weightlift/base/error.h"

// A pickle is a program for a small machine with a stack and numbered places to remember values in
// (the memo). Each instruction is one byte, some with an argument behind it:
//
// clang-format off
//   80 02                            PROTO 2
//   63 "collections\nOrderedDict\n"  GLOBAL: two words
//   29                               EMPTY_TUPLE: ()
//   52                               REDUCE: call it: OrderedDict()
//   28                               MARK
//   58 01 00 00 00 "w"               BINUNICODE: the text "w"
//   ...                              its value
//   75                               SETITEMS: all from MARK on
//   71 05                            BINPUT 5: remember what is on top
//   68 05                            BINGET 5: push it again
//   51                               BINPERSID: the tuple on top names a storage
//   2E                               STOP: the one value left
// clang-format on
//
// Python's own machine imports what GLOBAL names and runs what REDUCE, NEWOBJ and BUILD say. This
// one does not: there is nothing in it that could be imported or called. A global is two words.
// Those in pickle_globals.cpp stand for data, and calling them makes a dict, a set, a tuple or the
// description of a tensor. Calling any other makes an opaque value, which swallows what is added to
// it; whoever needs a tensor there refuses it by its name. An optimizer's state or a Namespace
// beside the weights thus does no harm.
//
// The machine is held to its types where Python and torch were not: items go into dicts, elements
// into lists, state onto OrderedDicts and opaque values, nothing into a tensor.
//
// Values are nodes in one array and refer to each other by number. So 40 lists that each hold the
// one before it twice are 40 nodes, not 2^40; 100,000 lists inside each other need no stack; and a
// list inside itself is found by one walk at the end, which also measures the depth, with a stack
// of its own. Nothing is allocated by a number in the file: texts are views, and every node, every
// reference and every remembered place costs at least one byte of the pickle and counts against the
// limits below.

namespace weightlift {

namespace {

/// A tensor takes some 13 nodes, so these are 75,000 tensors; the largest ResNet with an
/// optimizer's state has 4,000. At about 110 bytes each, a bad file can ask for 110 MB.
constexpr std::size_t kMaxPickleNodes = 1'000'000;
/// Instructions and copied references, 45 a tensor. Each may leave a reference of 4 bytes.
constexpr std::size_t kMaxPickleWork = 5'000'000;
/// Python's own pickler recurses, and so writes nothing deeper than its limit of 1000 calls.
constexpr std::uint32_t kMaxPickleDepth = 1000;
/// Module and name are lines. The longest of torch's have 60 bytes; they are repeated in messages.
constexpr std::size_t kMaxGlobalBytes = 256;

constexpr unsigned kFirstProtocol = 2;
constexpr unsigned kLastProtocol = 5;

std::string_view pickle_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Dotted words of ASCII: anything else no import could have written.
bool is_global_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxGlobalBytes || path.front() == '.' || path.back() == '.') {
    return false;
  }
  return path.find("..") == std::string_view::npos &&
         std::ranges::all_of(path, [](char c) { return c > ' ' && c < '\x7F'; });
}

bool is_hashable(PickleKind kind) {
  return kind != PickleKind::kList && kind != PickleKind::kSet && kind != PickleKind::kDict &&
         kind != PickleKind::kOrderedDict;
}

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
    throw FormatError(fmt::format("{}: pickle: byte {}: {}", where_, start_, what));
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
  void long1();
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
  PickleNode ordered_dict_of(const std::vector<PickleId>& arguments);
  PickleNode elements_of(PickleKind kind, const std::vector<PickleId>& arguments);
  void push_opaque(const PickleNode& callee);
  void require_tuple(PickleId id, std::string_view what);
  void require_tree();

  std::span<const std::byte> bytes_;
  const std::string& where_;
  std::size_t at_ = 0;
  std::size_t start_ = 0;  // of the instruction at hand
  unsigned opcode_ = 0;
  unsigned protocol_ = 0;
  std::size_t work_ = 0;
  std::vector<PickleId> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint32_t, PickleId> memo_;  // ordered: no file can make it slow
  Pickle pickle_;
};

// Not here, and so refused: what no protocol from 2 on writes (the texts and numbers in lines of
// protocols 0 and 1, LIST, DICT, INST, OBJ), what calls by number (EXT), what only recursive values
// need (POP, POP_MARK), DUP, integers of more than 255 bytes (LONG4), and buffers outside of the
// pickle.
const PickleMachine::Instruction* PickleMachine::find_instruction(unsigned opcode) {
  using M = PickleMachine;
  static constexpr std::array<Instruction, 44> kInstructions = {{
      {0x95, 4, &M::frame},
      {'(', 2, &M::mark},
      {'N', 2, &M::none},
      {0x88, 2, &M::boolean},
      {0x89, 2, &M::boolean},
      {'K', 2, &M::integer},
      {'M', 2, &M::integer},
      {'J', 2, &M::integer},
      {0x8A, 2, &M::long1},
      {'G', 2, &M::real},
      {'X', 2, &M::text},
      {'U', 2, &M::text},
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
      refuse(fmt::format("opcode: expected one of protocol {} that makes data, got 0x{:02x}",
                         protocol_, opcode_));
    }
    work(1);
    (this->*instruction->handler)();
  }
  if (!marks_.empty() || stack_.size() != 1) {
    refuse(fmt::format("end: expected one value, got {}{}", stack_.size(),
                       marks_.empty() ? "" : " and an open group"));
  }
  pickle_.root = stack_.front();
  pickle_.size_bytes = at_;
  require_tree();
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
    refuse(fmt::format("expected {} more byte{}, got {}; incomplete?", size, size == 1 ? "" : "s",
                       left));
  }
  const auto taken = bytes_.subspan(at_, narrow<std::size_t>(size));
  at_ += taken.size();
  return taken;
}

std::string_view PickleMachine::line() {
  const std::string_view rest = pickle_text(bytes_.subspan(at_)).substr(0, kMaxGlobalBytes + 1);
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) {
    refuse(fmt::format("global: expected a line of at most {} bytes, got '{}'", kMaxGlobalBytes,
                       printable(rest, 40)));
  }
  at_ += end + 1;
  return rest.substr(0, end);
}

PickleId PickleMachine::top() const {
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() <= floor) refuse("expected a value before it, got none");
  return stack_.back();
}

PickleId PickleMachine::pop() {
  const PickleId id = top();
  stack_.pop_back();
  return id;
}

std::vector<PickleId> PickleMachine::pop_to_mark() {
  if (marks_.empty()) refuse("expected a group that was opened, got none");
  const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
  std::vector<PickleId> values(from, stack_.end());
  stack_.erase(from, stack_.end());
  marks_.pop_back();
  return values;
}

PickleId PickleMachine::make(PickleNode node) {
  if (pickle_.nodes.size() >= kMaxPickleNodes) {
    refuse(fmt::format("values: expected at most {}, got more", kMaxPickleNodes));
  }
  pickle_.nodes.push_back(std::move(node));
  return narrow<PickleId>(pickle_.nodes.size() - 1);
}

void PickleMachine::work(std::size_t amount) {
  work_ += amount;
  if (work_ > kMaxPickleWork) {
    refuse(fmt::format("instructions: expected at most {}, got more", kMaxPickleWork));
  }
}

/// Where pieces begin is of no use here, only that they do not lie.
void PickleMachine::frame() {
  const auto size = number<std::uint64_t>();
  if (size > bytes_.size() - at_) {
    refuse(fmt::format("frame: expected at most {} bytes, got {}; incomplete?", bytes_.size() - at_,
                       size));
  }
}

void PickleMachine::integer() {
  std::int64_t value = 0;
  if (opcode_ == 'K') value = number<std::uint8_t>();
  if (opcode_ == 'M') value = number<std::uint16_t>();
  if (opcode_ == 'J') value = static_cast<std::int32_t>(number<std::uint32_t>());
  push_new({.kind = PickleKind::kInt, .integer = value});
}

/// Two's complement of any length, zero bytes being 0.
void PickleMachine::long1() {
  const std::string_view digits = pickle_text(take(number<std::uint8_t>()));
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
    refuse(fmt::format("elements: expected a {} to add to, got {}",
                       wanted == PickleKind::kSet ? "set" : "list", describe(into)));
  }
  into.items.insert(into.items.end(), elements.begin(), elements.end());
}

void PickleMachine::add_pairs(PickleId target, const std::vector<PickleId>& pairs) {
  PickleNode& into = node(target);
  if (pairs.size() % 2 != 0) refuse("items: expected a value for each key, got a key without");
  if (into.kind == PickleKind::kOpaque) return;
  if (into.kind != PickleKind::kDict && into.kind != PickleKind::kOrderedDict) {
    refuse(fmt::format("items: expected a dict to set them in, got {}", describe(into)));
  }
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    if (!is_hashable(node(pairs[i]).kind)) {
      refuse(fmt::format("key: expected a hashable value, got {}", describe(node(pairs[i]))));
    }
  }
  into.items.insert(into.items.end(), pairs.begin(), pairs.end());
}

void PickleMachine::put() {
  const auto place = opcode_ == 'q'   ? number<std::uint8_t>()
                     : opcode_ == 'r' ? number<std::uint32_t>()
                                      : narrow<std::uint32_t>(memo_.size());
  remember(place, top());
}

/// Python's pickler numbers each value once, without gaps; one of 1996 began at 1.
void PickleMachine::remember(std::uint32_t place, PickleId id) {
  memo_[place] = id;
  if (memo_.size() > kMaxPickleNodes) {
    refuse(fmt::format("memo: expected at most {} values, got more", kMaxPickleNodes));
  }
}

void PickleMachine::get() {
  const std::uint32_t place = opcode_ == 'h' ? number<std::uint8_t>() : number<std::uint32_t>();
  const auto found = memo_.find(place);
  if (found == memo_.end()) {
    refuse(fmt::format("memo: expected a value at {}, got none", place));
  }
  push(found->second);
}

void PickleMachine::global() {
  const std::string_view module = line();
  const std::string_view name = line();
  // Before protocol 4 a name is one word; torch joins module and name, and so takes others.
  if (name.find('.') != std::string_view::npos) {
    refuse(fmt::format("global: expected a name without dots, got '{}'", printable(name, 80)));
  }
  push_global(module, name);
}

void PickleMachine::stack_global() {
  const PickleNode& name = node(pop());
  const PickleNode& module = node(pop());
  if (name.kind != PickleKind::kText || module.kind != PickleKind::kText) {
    refuse("global: expected two texts before it, got other values");
  }
  push_global(module.text, name.text);
}

void PickleMachine::push_global(std::string_view module, std::string_view name) {
  if (!is_global_path(module) || !is_global_path(name)) {
    refuse(fmt::format("global: expected a module and a name, got '{}' and '{}'",
                       printable(module, 80), printable(name, 80)));
  }
  push_new({.kind = PickleKind::kGlobal,
            .text = module,
            .name = name,
            .known = find_known_global(module, name)});
}

void PickleMachine::require_tuple(PickleId id, std::string_view what) {
  if (node(id).kind != PickleKind::kTuple) {
    refuse(fmt::format("{}: expected a tuple, got {}", what, describe(node(id))));
  }
}

void PickleMachine::reduce() {
  const PickleId arguments = pop();
  const PickleNode& callee = node(pop());
  require_tuple(arguments, "arguments");
  const bool foreign = callee.kind == PickleKind::kGlobal && callee.known == nullptr;
  if (foreign || callee.kind == PickleKind::kOpaque) {
    push_opaque(callee);
  } else if (callee.kind == PickleKind::kGlobal) {
    call_known(callee, arguments);
  } else {
    refuse(fmt::format("call: expected a global, got {}", describe(callee)));
  }
}

void PickleMachine::call_known(const PickleNode& callee, PickleId arguments) {
  const std::vector<PickleId>& items = node(arguments).items;
  switch (callee.known->kind) {
    case GlobalKind::kOrderedDict:
      return push_new(ordered_dict_of(items));
    case GlobalKind::kSet:
      return push_new(elements_of(PickleKind::kSet, items));
    case GlobalKind::kSize:
      return push_new(elements_of(PickleKind::kTuple, items));
    case GlobalKind::kTensorType:
    case GlobalKind::kStorage:
    case GlobalKind::kDType:
      refuse(fmt::format("call: expected a function, got {}", describe(callee)));
    default:
      work(items.size());
      push_new({.kind = PickleKind::kRebuild, .known = callee.known, .items = items});
  }
}

/// Python 3 writes OrderedDict() and sets its items, Python 2 gives it a list of pairs.
PickleNode PickleMachine::ordered_dict_of(const std::vector<PickleId>& arguments) {
  PickleNode made{.kind = PickleKind::kOrderedDict};
  if (arguments.empty()) return made;
  const PickleNode& pairs = node(arguments.front());
  bool good = arguments.size() == 1 && pairs.kind == PickleKind::kList;
  work(pairs.items.size());
  for (std::size_t i = 0; good && i < pairs.items.size(); ++i) {
    const PickleNode& pair = node(pairs.items[i]);
    good = (pair.kind == PickleKind::kList || pair.kind == PickleKind::kTuple) &&
           pair.items.size() == 2 && is_hashable(node(pair.items.front()).kind);
    if (good) made.items.insert(made.items.end(), pair.items.begin(), pair.items.end());
  }
  if (!good) refuse("OrderedDict: expected no arguments or a list of pairs, got another form");
  return made;
}

PickleNode PickleMachine::elements_of(PickleKind kind, const std::vector<PickleId>& arguments) {
  PickleNode made{.kind = kind};
  if (arguments.empty()) return made;
  const PickleNode& elements = node(arguments.front());
  if (arguments.size() != 1 ||
      (elements.kind != PickleKind::kList && elements.kind != PickleKind::kTuple)) {
    refuse(fmt::format("{}: expected one list, got another form",
                       kind == PickleKind::kSet ? "set" : "torch.Size"));
  }
  work(elements.items.size());
  made.items = elements.items;
  return made;
}

void PickleMachine::push_opaque(const PickleNode& callee) {
  push_new({.kind = PickleKind::kOpaque, .text = callee.text, .name = callee.name});
}

void PickleMachine::new_object() {
  require_tuple(pop(), "arguments");
  const PickleNode& type = node(pop());
  if (type.kind != PickleKind::kGlobal || type.known != nullptr) {
    refuse(fmt::format("object: expected a class of Python, got {}", describe(type)));
  }
  push_opaque(type);
}

void PickleMachine::new_object_with_keywords() {
  const PickleNode& keywords = node(pop());
  if (keywords.kind != PickleKind::kDict) {
    refuse(fmt::format("keywords: expected a dict, got {}", describe(keywords)));
  }
  new_object();
}

/// What a state dict's OrderedDict gets so is `_metadata`, an attribute: no item, and no weight.
void PickleMachine::build() {
  const PickleNode& state = node(pop());
  const PickleNode& target = node(top());
  if (target.kind == PickleKind::kOpaque) return;
  if (target.kind != PickleKind::kOrderedDict || state.kind != PickleKind::kDict) {
    refuse(fmt::format("state: expected a dict for an OrderedDict, got {} for {}", describe(state),
                       describe(target)));
  }
}

void PickleMachine::persistent() {
  const PickleId id = pop();
  push_new({.kind = PickleKind::kPersistent, .items = {id}});
}

/// One walk over what the root holds, each node once, children before their parents: a child that
/// is still open is its own ancestor.
void PickleMachine::require_tree() {
  constexpr std::uint32_t kOpen = std::numeric_limits<std::uint32_t>::max();
  struct Visit {
    PickleId id;
    std::size_t next;
  };
  std::vector<std::uint32_t> height(pickle_.nodes.size(), 0);
  std::vector<Visit> path = {{pickle_.root, 0}};
  height[pickle_.root] = kOpen;
  while (!path.empty()) {
    Visit& visit = path.back();
    const auto& items = node(visit.id).items;
    if (visit.next < items.size()) {
      const PickleId child = items[visit.next++];
      if (height[child] == kOpen) refuse("values: expected a tree, got one that holds itself");
      if (height[child] != 0) continue;
      height[child] = kOpen;
      path.push_back({child, 0});
    } else {
      std::uint32_t tallest = 0;
      for (const PickleId child : items) tallest = std::max(tallest, height[child]);
      height[visit.id] = tallest + 1;
      if (tallest >= kMaxPickleDepth) {
        refuse(fmt::format("values: expected at most {} inside each other, got more",
                           kMaxPickleDepth));
      }
      path.pop_back();
    }
  }
}

}  // namespace

Pickle parse_pickle(std::span<const std::byte> bytes, const std::string& where) {
  return PickleMachine(bytes, where).run();
}

std::string describe(const PickleNode& node) {
  switch (node.kind) {
    case PickleKind::kNone:
      return "None";
    case PickleKind::kBool:
      return "a bool";
    case PickleKind::kInt:
    case PickleKind::kBigInt:
      return "an int";
    case PickleKind::kFloat:
      return "a float";
    case PickleKind::kText:
      return "a str";
    case PickleKind::kBytes:
      return fmt::format("bytes, {} of them", node.text.size());
    case PickleKind::kTuple:
      return fmt::format("a tuple of {}", node.items.size());
    case PickleKind::kList:
      return fmt::format("a list of {}", node.items.size());
    case PickleKind::kSet:
      return fmt::format("a set of {}", node.items.size());
    case PickleKind::kDict:
    case PickleKind::kOrderedDict:
      return fmt::format("a dict of {}", node.items.size() / 2);
    case PickleKind::kGlobal:
      return fmt::format("the global {}.{}", node.text, node.name);
    case PickleKind::kRebuild:
      return "a tensor";
    case PickleKind::kPersistent:
      return "a storage";
    case PickleKind::kOpaque:
      return fmt::format("an object of {}.{}", node.text, node.name);
  }
  return "an unknown value";
}

std::vector<std::string> foreign_globals(const Pickle& pickle) {
  std::vector<std::string> names;
  std::unordered_set<std::string> seen;
  for (const PickleNode& node : pickle.nodes) {
    if (node.kind != PickleKind::kGlobal || node.known != nullptr) continue;
    std::string name = fmt::format("{}.{}", node.text, node.name);
    if (seen.insert(name).second) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace weightlift
