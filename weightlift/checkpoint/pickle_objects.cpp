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
    refuse(fmt::format("global: expected a line of at most {} bytes", kMaxGlobalBytes));
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
    push_opaque(callee, arguments);
  } else if (callee.kind == PickleKind::kGlobal) {
    call_known(callee, arguments);
  } else {
    refuse(fmt::format("call: expected a global, got {}", describe(callee)));
  }
}

void PickleMachine::call_known(const PickleNode& callee, PickleId arguments) {
  const std::vector<PickleId>& items = node(arguments).items;
  switch (callee.known->kind) {
    case GlobalKind::kDict:
    case GlobalKind::kOrderedDict:
      return push_new(dict_of(*callee.known, items));
    case GlobalKind::kSet:
      return push_new(elements_of(PickleKind::kSet, items));
    case GlobalKind::kSize:
      return push_new(elements_of(PickleKind::kTuple, items));
    case GlobalKind::kStorage:
    case GlobalKind::kDType:
      refuse(fmt::format("call: expected a function, got {}", describe(callee)));
    default:
      work(items.size());
      push_new({.kind = PickleKind::kRebuild, .known = callee.known, .items = items});
  }
}

/// Python 3 writes OrderedDict() and sets its items, Python 2 gives it a list of pairs. A Counter
/// gets a dict; a defaultdict gets the function that makes its missing values.
PickleNode PickleMachine::dict_of(const KnownGlobal& type, const std::vector<PickleId>& arguments) {
  const bool plain = type.kind == GlobalKind::kDict;
  PickleNode made{.kind = plain ? PickleKind::kDict : PickleKind::kOrderedDict};
  if (arguments.empty() || (type.name == "defaultdict" && arguments.size() == 1)) return made;
  const PickleNode& given = node(arguments.back());
  work(given.items.size());
  if (arguments.size() == 1 && given.kind == PickleKind::kDict) {
    made.items = given.items;
    return made;
  }
  bool good = arguments.size() == 1 && given.kind == PickleKind::kList;
  for (std::size_t i = 0; good && i < given.items.size(); ++i) {
    const PickleNode& pair = node(given.items[i]);
    good = (pair.kind == PickleKind::kList || pair.kind == PickleKind::kTuple) &&
           pair.items.size() == 2 && is_hashable(node(pair.items.front()).kind);
    if (good) made.items.insert(made.items.end(), pair.items.begin(), pair.items.end());
  }
  if (!good) refuse(fmt::format("{}: expected no arguments or a list of pairs", type.name));
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

void PickleMachine::push_opaque(const PickleNode& callee, PickleId arguments) {
  push_new({.kind = PickleKind::kOpaque,
            .text = callee.text,
            .name = callee.name,
            .items = {arguments}});
}

void PickleMachine::new_object() {
  const PickleId arguments = pop();
  require_tuple(arguments, "arguments");
  const PickleNode& type = node(pop());
  const bool parameter = type.known != nullptr && type.known->kind == GlobalKind::kParameter;
  if (type.kind != PickleKind::kGlobal || (type.known != nullptr && !parameter)) {
    refuse(fmt::format("object: expected a class of Python, got {}", describe(type)));
  }
  if (parameter) return call_known(type, arguments);
  push_opaque(type, arguments);
}

void PickleMachine::new_object_with_keywords() {
  const PickleNode& keywords = node(pop());
  if (keywords.kind != PickleKind::kDict) {
    refuse(fmt::format("keywords: expected a dict, got {}", describe(keywords)));
  }
  new_object();
}

/// A state dict's OrderedDict gets `_metadata` this way, an attribute: no item, and no weight.
/// Before torch 0.4, a tensor got its storage, and a parameter its settings.
void PickleMachine::build() {
  const PickleId state_id = pop();
  const PickleNode& state = node(state_id);
  PickleNode& target = node(top());
  if (target.kind == PickleKind::kOpaque) {
    target.items.push_back(state_id);
    return;
  }
  const bool tensor = target.kind == PickleKind::kRebuild && state.kind == PickleKind::kTuple;
  if (tensor && target.known->kind == GlobalKind::kParameter) return;
  if (tensor && target.known->kind == GlobalKind::kTensorType && target.items.empty()) {
    work(state.items.size());
    target.items = state.items;
    return;
  }
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
