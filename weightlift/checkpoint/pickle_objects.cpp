#include <algorithm>

#include "weightlift/checkpoint/pickle_machine.h"

// The instructions that import and call in Python. Here they compare words and describe values.

namespace weightlift {

namespace {

/// Module and name are lines. The longest of torch's have 60 bytes; messages repeat them.
constexpr std::size_t kMaxGlobalBytes = 256;

/// Dotted words of ASCII: no import writes anything else.
bool is_global_path(std::string_view path) {
  if (path.empty() || path.size() > kMaxGlobalBytes || path.front() == '.' || path.back() == '.') {
    return false;
  }
  return path.find("..") == std::string_view::npos &&
         std::ranges::all_of(path, [](char c) { return c > ' ' && c < '\x7F'; });
}

}  // namespace

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

void PickleMachine::global() {
  const std::string_view module = line();
  const std::string_view name = line();
  // Before protocol 4 a name is one word; torch joins module and name, and so accepts others.
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
  if (!good) refuse("OrderedDict: expected no arguments or a list of pairs");
  return made;
}

PickleNode PickleMachine::elements_of(PickleKind kind, const std::vector<PickleId>& arguments) {
  PickleNode made{.kind = kind};
  if (arguments.empty()) return made;
  const PickleNode& elements = node(arguments.front());
  if (arguments.size() != 1 ||
      (elements.kind != PickleKind::kList && elements.kind != PickleKind::kTuple)) {
    refuse(fmt::format("{}: expected one list", kind == PickleKind::kSet ? "set" : "torch.Size"));
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

/// A state dict's OrderedDict gets `_metadata` this way, an attribute: no item, and no weight.
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

}  // namespace weightlift
