#include "weightlift/checkpoint/pickle.h"

#include <fmt/format.h>

#include <unordered_set>

#include "weightlift/base/message.h"
#include "weightlift/checkpoint/pickle_machine.h"

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
// description of a tensor. Calling any other makes an opaque value. It keeps its arguments and its
// state, so that messages can tell what it is, and ignores items that are added to it. A reader
// that needs a tensor there refuses it by its name. An optimizer's state or a Namespace next to the
// weights thus does no harm.
//
// The machine checks types where Python and torch do not: items go into dicts, elements into lists,
// state into OrderedDicts and opaque values, nothing into a tensor.
//
// Values are nodes in one array and refer to each other by number. So 40 lists that each hold the
// one before it twice are 40 nodes, not 2^40; 100,000 lists inside each other need no stack; and a
// list may contain itself: whoever walks over values visits each once. A tensor's description is
// made of values that were there before it, so it has no loop. Nothing is allocated by a number in
// the file: texts are views, and every node, every reference and every remembered place costs at
// least one byte of the pickle and counts against the limits of pickle_machine.cpp.

namespace weightlift {

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
      return fmt::format("{} bytes", node.text.size());
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

std::string type_of(const PickleNode& node) {
  const std::string text = describe(node);
  for (const std::string_view article : {"a ", "an ", "the "}) {
    if (text.starts_with(article)) return text.substr(article.size());
  }
  return text;
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
