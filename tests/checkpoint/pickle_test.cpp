#include "weightlift/checkpoint/pickle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/checkpoint/golden.h"
#include "tests/checkpoint/pickle_builder.h"
#include "tests/checkpoint/refusal_case.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using testing::call;
using testing::case_name;
using ::testing::ElementsAre;
using testing::global;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::le;
using testing::ordered_dict;
using testing::pickle_of;
using testing::Refusal;
using ::testing::StartsWith;
using testing::text;
using testing::tuple;
using namespace std::string_literals;

Pickle parse(const std::string& bytes) {
  return parse_pickle(std::as_bytes(std::span(bytes)), "memory");
}

/// The message that refuses the pickle, "accepted" where there is none.
std::string refusal_of(const std::string& bytes) {
  return testing::refusal<FormatError>([&] { parse(bytes); });
}

/// A value in Python's way of writing it. For small ones: it repeats what is shared.
std::string shown(const Pickle& pickle, PickleId id) {
  const PickleNode& node = pickle.at(id);
  std::string items;
  for (const PickleId item : node.items) items += (items.empty() ? "" : " ") + shown(pickle, item);
  switch (node.kind) {
    case PickleKind::kInt:
      return std::to_string(node.integer);
    case PickleKind::kBool:
      return node.integer != 0 ? "True" : "False";
    case PickleKind::kFloat:
      return std::to_string(node.real);
    case PickleKind::kText:
      return "'" + std::string(node.text) + "'";
    case PickleKind::kBytes:
      return "b'" + std::string(node.text) + "'";
    case PickleKind::kTuple:
      return "(" + items + ")";
    case PickleKind::kList:
      return "[" + items + "]";
    case PickleKind::kSet:
      return "set{" + items + "}";
    case PickleKind::kDict:
      return "{" + items + "}";
    case PickleKind::kOrderedDict:
      return "OrderedDict{" + items + "}";
    case PickleKind::kRebuild:
      return std::string(node.known->name) + "(" + items + ")";
    case PickleKind::kPersistent:
      return "storage" + items;
    case PickleKind::kBigInt:
      return "big";
    default:
      return describe(node);
  }
}

std::string read(const std::string& bytes) {
  const Pickle pickle = parse(bytes);
  return shown(pickle, pickle.root);
}

/// What the pickle of protocol 2 with that body holds.
std::string read_body(std::string_view body) { return read(pickle_of(body)); }

const std::string kGolden =
    "OrderedDict{'w' _rebuild_tensor_v2(storage('storage' the global torch.FloatStorage '0' 'cpu' "
    "2) "
    "0 (2) (1) False OrderedDict{})}";

TEST(PickleTest, ReadsWhatTorchWrites) {
  EXPECT_EQ(read(testing::golden_pickle()), kGolden);
  EXPECT_EQ(read(testing::golden_memo_pickle()), kGolden);
  EXPECT_EQ(parse(testing::golden_pickle() + "behind").size_bytes, testing::golden_pickle().size());
}

TEST(PickleTest, ReadsNumbers) {
  EXPECT_EQ(read_body("(K\xFFM\xFF\xFFJ\xFE\xFF\xFF\xFFt"), "(255 65535 -2)");
  EXPECT_EQ(read_body("(\x8A\x05"s + "\0\0\0\x80\0"s + "\x8A\x01@\x8A\0t"s), "(2147483648 64 0)");
  EXPECT_EQ(read_body("(\x8A\x09\x02"s + std::string(8, '\0') + "\x8A\x01\x80\x8A\x02\xFF\xFFt"),
            "(2 -128 -1)");
  EXPECT_EQ(read_body("\x8A\x08"s + le(std::uint64_t{1} << 63U)), "-9223372036854775808");
  EXPECT_EQ(read_body("\x8A\x09"s + le(std::uint64_t{1} << 63U) + "\0"s), "big");
  EXPECT_EQ(read_body("\x8A\xFF"s + std::string(255, '\x11')), "big");
  EXPECT_EQ(read_body("(G\x3F\xF0\0\0\0\0\0\0NK\0\x88\x89t"s), "(1.000000 None 0 True False)");
}

TEST(PickleTest, ReadsContainers) {
  EXPECT_EQ(read_body("(]K\1a]}K\1K\2s)\x85t"s), "([1] [] {1 2} (()))");
  EXPECT_EQ(read_body("(](K\1K\2e}(K\1K\2K\3K\4uK\1K\2\x86K\1K\2K\3\x87t"s),
            "([1 2] {1 2 3 4} (1 2) (1 2 3))");
  EXPECT_EQ(read_body(global("__builtin__", "set") + "](K\1K\2e\x85R"s), "set{1 2}");
  EXPECT_EQ(read_body(call(global("torch", "Size"), tuple("K\1K\2"))), "(1 2)");
  // CPython ends a dict of 1000 items with an empty group.
  EXPECT_EQ(read_body("(}(u](et"), "({} [])");
}

TEST(PickleTest, ReadsManyItemsInGroups) {
  std::string body = "}";
  for (int group = 0; group < 3; ++group) {
    body += "(";
    for (int i = 0; i < (group < 2 ? 1000 : 1); ++i) body += text(std::to_string(i)) + "K\1"s;
    body += "u";
  }
  EXPECT_EQ(parse(pickle_of(body)).nodes.back().kind, PickleKind::kInt);
  EXPECT_EQ(describe(parse(pickle_of(body)).at(3)), "a dict of 2001");
}

TEST(PickleTest, ReadsWhatPython2Wrote) {
  EXPECT_EQ(read_body(global("collections", "OrderedDict") + "](](U\1aK\1e](U\1bK\2ee\x85R"s),
            "OrderedDict{'a' 1 'b' 2}");
  EXPECT_EQ(read_body("(I4294967296\nI-5\nT\1\0\0\0xt"s), "(4294967296 -5 'x')");
  EXPECT_EQ(read_body("\x8B\x09\0\0\0"s + std::string(8, '\0') + "\1"s), "big");
  EXPECT_THAT(refusal_of(pickle_of("I12x\n"s)), HasSubstr("int: expected digits of 64 bits"));
  EXPECT_THAT(refusal_of(pickle_of("\x8B\xFF\xFF\xFF\xFF"s)), HasSubstr("truncated"));
}

TEST(PickleTest, ReadsProtocols3To5) {
  EXPECT_EQ(read(pickle_of("(C\2abB\1\0\0\0ct"s, '\3')), "(b'ab' b'c')");
  EXPECT_EQ(read(pickle_of("\x95\x02\0\0\0\0\0\0\0\x8C\1a\x94"s, '\4')), "'a'");
  EXPECT_EQ(read(pickle_of("\x8C\x0B"s + "collections\x8C\x0BOrderedDict\x93)R"s, '\4')),
            "OrderedDict{}");
  EXPECT_EQ(
      read(pickle_of("(\x8F(K\1\x90(K\2\x91\x8D\1\0\0\0\0\0\0\0a\x8E\1\0\0\0\0\0\0\0bt"s, '\4')),
      "(set{1} set{2} 'a' b'b')");
  EXPECT_EQ(read(pickle_of("\x96\2\0\0\0\0\0\0\0ab"s, '\5')), "b'ab'");
  EXPECT_EQ(read(pickle_of("(\x8C\1a\x94K\1\x94h\0h\1t"s, '\4')), "('a' 1 'a' 1)");
}

TEST(PickleTest, RemembersAtAnyPlaceInLittleMemory) {
  EXPECT_EQ(read_body("(K\7r\xFF\xFF\xFF\xFFj\xFF\xFF\xFF\xFFt"s), "(7 7)");
}

TEST(PickleTest, KeepsAttributesOutOfTheItems) {
  EXPECT_EQ(read_body(global("collections", "OrderedDict") + ")R" + text("w") + "K\1s}"s +
                      text("_metadata") + "}sb"),
            "OrderedDict{'w' 1}");
}

// torch refuses a file that names any of these. Here they are words: their results are opaque, and
// a reader that needs a tensor in such a place refuses it by its name.
TEST(PickleTest, NeverCallsUnknownGlobals) {
  for (const auto& [module, name] :
       std::vector<std::pair<std::string, std::string>>{{"os", "system"},
                                                        {"posix", "system"},
                                                        {"nt", "system"},
                                                        {"sys", "exit"},
                                                        {"__builtin__", "eval"},
                                                        {"__builtin__", "getattr"},
                                                        {"builtins", "exec"},
                                                        {"pip", "main"},
                                                        {"runpy", "run_path"},
                                                        {"importlib", "import_module"},
                                                        {"torch.hub", "load"},
                                                        {"torch", "load"},
                                                        {"torch.storage", "_load_from_bytes"},
                                                        {"numpy", "load"},
                                                        {"copyreg", "_reconstructor"}}) {
    const std::string bytes = pickle_of(call(global(module, name), text("touch /tmp/never")));
    EXPECT_EQ(read(bytes), "an object of " + module + "." + name);
    EXPECT_THAT(foreign_globals(parse(bytes)), ElementsAre(module + "." + name));
  }
}

TEST(PickleTest, KeepsArgumentsAndStatesOfOpaqueValues) {
  const std::string bytes =
      pickle_of(global("argparse", "Namespace") + ")\x81}" + text("lr") + "K\1sbK\2b"s);
  const Pickle pickle = parse(bytes);
  const PickleNode& spaces = pickle.at(pickle.root);
  ASSERT_EQ(spaces.items.size(), 3U);
  EXPECT_EQ(shown(pickle, spaces.items[0]), "()");
  EXPECT_EQ(shown(pickle, spaces.items[1]), "{'lr' 1}");
  EXPECT_EQ(shown(pickle, spaces.items[2]), "2");
}

TEST(PickleTest, ReadsDictsOfOtherClasses) {
  EXPECT_EQ(read_body(call(global("collections", "defaultdict"), global("__builtin__", "list")) +
                      "(K\1K\2u"s),
            "{1 2}");
  EXPECT_EQ(read_body(call(global("collections", "Counter"), "}K\1K\2s"s)), "{1 2}");
  EXPECT_EQ(read_body(call(global("__builtin__", "dict"), "](K\1K\2\x86"s + "K\3K\4\x86"s + "e")),
            "{1 2 3 4}");
}

// Python writes POP for the copies of a tuple that contains itself, cloudpickle for the results of
// functions that set an object's state.
TEST(PickleTest, ReadsValuesThatContainThemselves) {
  const auto size = [](const std::string& body) {
    const Pickle pickle = parse(pickle_of(body));
    return describe(pickle.at(pickle.root));
  };
  EXPECT_EQ(size("}q\0"s + text("me") + "h\0s"s), "a dict of 1");
  EXPECT_EQ(size("]q\0h\0a"s), "a list of 1");
  EXPECT_EQ(size("]q\0]h\0aa"s), "a list of 1");
  // pickle.dumps(t, 2) of a = []; t = (a,); a.append(t), and of t = (a, 1, 2, 3)
  EXPECT_EQ(size("]q\0h\0\x85q\1a0h\1"s), "a tuple of 1");
  EXPECT_EQ(size("(]q\0(h\0K\1K\2K\3tq\1aK\1K\2K\3"s + "1h\1"s), "a tuple of 4");
  EXPECT_EQ(read_body("K\1(0"s), "1");  // POP at an open group closes it
  EXPECT_EQ(read_body("K\1"s + "2\x86"s), "(1 1)");
  EXPECT_EQ(read_body(global("a", "B") + ")\x81q\0"s + global("a", "set_state") + "h\0}\x86R0"s),
            "an object of a.B");
}

TEST(PickleTest, NamesUnknownGlobalsOnce) {
  const std::string os = global("os", "system");
  EXPECT_EQ(read_body("}" + text("a") + os + "s" + text("b") + os + "s" + text("c") + "K\1s"s),
            "{'a' the global os.system 'b' the global os.system 'c' 1}");
  EXPECT_THAT(foreign_globals(parse(pickle_of("(" + os + os + global("a.b", "C") + "t"))),
              ElementsAre("os.system", "a.b.C"));
  EXPECT_THAT(foreign_globals(parse(testing::golden_pickle())), IsEmpty());
}

TEST(PickleTest, IgnoresChangesToOpaqueValues) {
  const std::string spaces = global("argparse", "Namespace") + ")\x81}" + text("lr") + "K\1sb"s;
  EXPECT_EQ(read_body(spaces), "an object of argparse.Namespace");
  EXPECT_EQ(read_body(call(global("collections", "deque"), "]") + "(K\1eK\2a"s),
            "an object of collections.deque");
  EXPECT_EQ(read_body(call(call(global("functools", "partial"), "K\1"s), "K\1"s)),
            "an object of functools.partial");
  EXPECT_EQ(read(pickle_of(global("a", "B") + ")}\x92"s, '\4')), "an object of a.B");
}

TEST(PickleTest, ComparesNamesAsPairs) {
  // Joined by a dot these are torch's function; torch 2.13 takes them for it.
  EXPECT_EQ(read(pickle_of("\x8C\5torch\x8C\x19_utils._rebuild_tensor_v2\x93)R"s, '\4')),
            "an object of torch._utils._rebuild_tensor_v2");
  EXPECT_THAT(refusal_of(pickle_of(global("torch", "_utils._rebuild_tensor_v2"))),
              HasSubstr("global: expected a name without dots, got '_utils._rebuild_tensor_v2'"));
}

class PickleRefusalTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(PickleRefusalTest, StatesTheFault) {
  const std::string message = refusal_of(GetParam().bytes);
  EXPECT_THAT(message, StartsWith("memory: pickle: byte "));
  EXPECT_THAT(message, HasSubstr(GetParam().reason));
  EXPECT_LT(message.size(), 400U);
  EXPECT_EQ(message.find('\n'), std::string::npos);
}

Refusal body_case(std::string name, std::string_view body, std::string reason) {
  return {std::move(name), pickle_of(body), std::move(reason)};
}

const std::string kTensor = call(global("torch._utils", "_rebuild_tensor_v2"), "K\1"s);

INSTANTIATE_TEST_SUITE_P(
    Frame, PickleRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        {"NoProto", "}.", "protocol: expected 2 to 5, got none"},
        {"Proto0", pickle_of("}", '\0'), "protocol: expected 2 to 5, got 0"},
        {"Proto1", pickle_of("}", '\1'), "protocol: expected 2 to 5, got 1"},
        {"Proto255", pickle_of("}", '\xFF'), "protocol: expected 2 to 5, got 255"},
        {"Empty", "", "truncated: expected 1 more byte, got 0"},
        {"NoStop", "\x80\x02}", "truncated: expected 1 more byte, got 0"},
        body_case("NoValue", "", "expected one value at the end, got 0"),
        body_case("TwoValues", "}}", "expected one value at the end, got 2"),
        body_case("OpenGroup", "}(", "expected one value at the end, got 1 and an open group"),
        body_case("TextPastEnd", "X\xFF\xFF\xFF\xFFw"s, "expected 4294967295 more bytes, got 2"),
        {"Text8PastEnd", pickle_of("\x8D"s + std::string(8, '\xFF'), '\4'),
         "expected 18446744073709551615 more bytes"},
        {"FramePastEnd", pickle_of("\x95"s + std::string(8, '\xFF'), '\4'),
         "truncated: expected a frame of 18446744073709551615 bytes, got 1"},
        body_case("TupleWithoutMark", "K\1t"s, "no group is open"),
        body_case("Tuple3Underflow", "K\1K\1\x87"s, "no value before this instruction"),
        body_case("UnderflowAtMark", "K\1(\x85t"s, "no value before this instruction"),
        body_case("PutOnEmpty", "q\1"s, "no value before this instruction"),
        body_case("GetUnset", "h\1"s, "memo: no value at place 1"),
        body_case("LongGetUnset", "j\1\0\0\1"s, "memo: no value at place 16777217")}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Globals, PickleRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        body_case("EmptyModule", "c\nname\n", "expected a module and a name, got '' and 'name'"),
        body_case("EndsInDot", "ctorch.\nload\n", "got 'torch.' and 'load'"),
        body_case("CrLf", "ccollections\r\nOrderedDict\r\n", "got 'collections\\x0d'"),
        body_case("NonAscii", "ct\xC3\xB6rch\nload\n", "expected a module and a name"),
        body_case("NoLine", "ccollections", "global: expected a line of at most 256 bytes"),
        body_case("LongLine", "c" + std::string(1'000'000, 'x') + "\nname\n",
                  "global: expected a line of at most 256 bytes"),
        {"StackGlobalOfInts", pickle_of("K\1K\1\x93"s, '\4'), "global: expected two texts"},
        body_case("ReduceInt", global("os", "system") + "K\1R"s,
                  "arguments: expected a tuple, got an int"),
        body_case("ReduceList", global("collections", "OrderedDict") + "]R",
                  "arguments: expected a tuple, got a list of 0"),
        body_case("ReduceResult", global("collections", "OrderedDict") + ")R)R",
                  "call: expected a global, got a dict of 0"),
        body_case("ReduceText", text("x") + ")R", "call: expected a global, got a str"),
        body_case("CallStorage", global("torch", "FloatStorage") + "K\4\x85R"s,
                  "call: expected a function, got the global torch.FloatStorage"),
        body_case("NewOrderedDict", global("collections", "OrderedDict") + ")\x81",
                  "object: expected a class of Python, got the global collections.OrderedDict"),
        body_case("NewTensor", global("torch", "Tensor") + ")\x81", "got the global torch.Tensor"),
        body_case("PopNothing", "0", "no value before this instruction"),
        body_case("PopGroupWithoutMark", "K\1"s + "1", "no group is open"),
        body_case("DuplicateNothing", "2", "no value before this instruction"),
        body_case("NewSize", global("torch", "Size") + ")\x81", "got the global torch.Size"),
        body_case("OrderedDictOfInt", call(global("collections", "OrderedDict"), "K\1"s),
                  "OrderedDict: expected no arguments or a list of pairs"),
        body_case("OrderedDictOfTriples",
                  call(global("collections", "OrderedDict"), "]K\1K\1K\1\x87"s + "a"),
                  "OrderedDict: expected no arguments or a list of pairs"),
        body_case("SetOfInt", call(global("__builtin__", "set"), "K\1"s),
                  "set: expected one list")}),
    case_name);

INSTANTIATE_TEST_SUITE_P(
    Types, PickleRefusalTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        body_case("ItemOfTensor", kTensor + "K\0K\x63s"s,
                  "cannot set items: expected a dict, got a tensor"),
        body_case("ItemsOfTensor", kTensor + "(K\0K\x63u"s, "got a tensor"),
        body_case("ItemsOfList", "](K\1K\1u"s,
                  "cannot set items: expected a dict, got a list of 0"),
        body_case("AppendToDict", "}K\1a"s,
                  "cannot add elements: expected a list, got a dict of 0"),
        body_case("AppendsToTuple", ")(K\1e"s,
                  "cannot add elements: expected a list, got a tuple of 0"),
        body_case("OddItems", "}(K\1u"s, "cannot set items: a key has no value"),
        body_case("BuildDict", "}}b",
                  "state: expected a dict for an OrderedDict, got a dict of 0 "
                  "for a dict of 0"),
        body_case("BuildInt", global("collections", "OrderedDict") + ")RK\1b"s, "got an int for"),
        body_case("BuildNone", global("collections", "OrderedDict") + ")RNb", "got None for"),
        body_case("BuildTensor", kTensor + "}b", "got a dict of 0 for a tensor"),
        body_case("ListKey", "}]K\1s"s, "key: expected a hashable value, got a list of 0")}),
    case_name);

// Not of protocol 2, or unused; the reader accepts some of them from protocol 3 and 4 on, see
// above.
TEST(PickleTest, RefusesOtherOpcodes) {
  for (const int opcode :
       std::vector<int>{'i',  'o',  0x82, 0x83, 0x84, 0x93, 0x92, 'l',  'd',  'p',  'g',
                        'L',  'F',  'S',  'V',  'B',  'C',  0x8C, 0x8D, 0x8E, 0x94, 0x95,
                        0x8F, 0x90, 0x91, 0x96, 0x97, 0x98, 'P',  0x80, 0x00, 0xFF}) {
    const std::string body = "K\1K\1"s + static_cast<char>(opcode) + std::string(20, '\0');
    EXPECT_THAT(refusal_of(pickle_of(body)), HasSubstr(" is unsupported in protocol 2")) << opcode;
  }
}

TEST(PickleTest, ReadsBillionLaughsByReference) {
  std::string body = "]q\0"s;
  for (int level = 1; level <= 40; ++level) {
    const char before = static_cast<char>(level - 1);
    body += "]h"s + before + "ah" + before + "aq" + static_cast<char>(level);
  }
  body = "(" + body + "t";
  EXPECT_LT(parse(pickle_of(body)).nodes.size(), 50U);
}

TEST(PickleTest, ReadsAnyDepthWithoutRecursion) {
  const std::string deep = std::string(100'000, ']') + std::string(99'999, 'a');
  EXPECT_EQ(refusal_of(pickle_of(deep)), "accepted");
  std::string tuples = ")";
  for (int i = 0; i < 100'000; ++i) tuples += "\x85";
  EXPECT_EQ(refusal_of(pickle_of(tuples)), "accepted");
}

TEST(PickleTest, LimitsValuesInstructionsAndPlaces) {
  EXPECT_THAT(refusal_of(pickle_of("(" + std::string(1'100'000, ']') + "t")),
              HasSubstr("more than 1000000 values"));
  std::string gets = "(";
  for (int i = 0; i < 5'000'000; ++i) gets += "N";
  EXPECT_THAT(refusal_of(pickle_of(gets + "t")), HasSubstr("more than 5000000 instructions"));
  std::string copies =
      "(" + global("__builtin__", "set") + "q\0("s + std::string(100'000, 'N') + "t\x85q\1"s;
  for (int i = 0; i < 1000; ++i) copies += "h\0h\1R"s;
  EXPECT_THAT(refusal_of(pickle_of(copies + "t")), HasSubstr("more than 5000000 instructions"));
  std::string puts = "N";
  for (std::uint32_t i = 0; i < 1'000'000; ++i) puts += "r" + le(i);
  EXPECT_EQ(refusal_of(pickle_of(puts)), "accepted");
  for (std::uint32_t i = 0; i < 1001; ++i) puts += "r" + le(std::uint32_t{0xFFFF0000} + i * 7);
  EXPECT_THAT(refusal_of(pickle_of(puts)),
              HasSubstr("memo: more than 1000 places from 1000000 on"));
}

TEST(PickleTest, RefusesEveryPrefixAndSurvivesEveryFlippedBit) {
  for (const std::string& whole : {testing::golden_pickle(), testing::golden_memo_pickle()}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_NE(refusal_of(whole.substr(0, size)), "accepted") << size;
    }
    for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
      std::string bytes = whole;
      bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
      refusal_of(bytes);
    }
  }
}

}  // namespace
}  // namespace weightlift
