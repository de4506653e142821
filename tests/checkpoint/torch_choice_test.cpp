#include "weightlift/checkpoint/torch_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/checkpoint/torch_builder.h"
#include "tests/support/refusal.h"
#include "weightlift/base/error.h"

namespace weightlift {
namespace {

using testing::counting_floats;
using ::testing::ElementsAre;
using testing::float_tensor;
using testing::global;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::ordered_dict;
using testing::text;
using testing::torch_zip;
using namespace std::string_literals;

/// {name: a tensor}.
std::string dict_of(const std::string& name) {
  return ordered_dict(text(name) + float_tensor(4, 0, {2}, {1}));
}

TorchChoice choose(const std::string& value) {
  const auto owner = std::make_shared<const std::string>(torch_zip(value, {counting_floats(4)}));
  return choose_state_dict(parse_torch_zip(std::as_bytes(std::span(*owner)), owner, "memory"));
}

/// {items}, whose values are dicts with one tensor named as their key.
std::string wrapped(const std::vector<std::string>& keys) {
  std::string items;
  for (const std::string& key : keys) items += text(key) + dict_of("in_" + key);
  return "}(" + items + "u";
}

std::string refusal_of(const std::string& value) {
  return testing::refusal<FormatError>([&] { choose(value); });
}

TEST(TorchChoiceTest, FollowsTimmsOrder) {
  const std::vector<std::string> order = {"state_dict_ema", "model_ema", "state_dict", "model"};
  for (std::size_t first = 0; first < order.size(); ++first) {
    std::vector<std::string> keys(order.begin() + static_cast<std::ptrdiff_t>(first), order.end());
    std::ranges::reverse(keys);
    const TorchChoice choice = choose(wrapped(keys));
    EXPECT_EQ(choice.path, order[first]);
    EXPECT_TRUE(choice.dict.tensors.contains("in_" + order[first]));
    EXPECT_EQ(choice.left_out.size(), keys.size() - 1);
  }
  EXPECT_EQ(choose(dict_of("w")).path, "");
}

TEST(TorchChoiceTest, PassesOverAveragesThatAreNone) {
  for (const char* key : {"state_dict_ema", "model_ema"}) {
    const std::string value = "}(" + text(key) + "N" + text("state_dict") + dict_of("w") + "u";
    EXPECT_EQ(choose(value).path, "state_dict");
    EXPECT_THAT(choose(value).left_out, ElementsAre(key + " (None)"s));
  }
}

TEST(TorchChoiceTest, SaysWhatItLeftOut) {
  const TorchChoice choice =
      choose("}(" + text("epoch") + "K\1"s + text("args") + global("argparse", "Namespace") +
             ")\x81}b" + "K\7N"s + text("model") +
             ordered_dict(text("w") + float_tensor(4, 0, {2}, {1}) + text("step") + "K\1"s) + "u");
  EXPECT_THAT(choice.left_out,
              ElementsAre("epoch (an int)", "args (an object of argparse.Namespace)",
                          "an int (None)", "model.step (an int)"));
}

TEST(TorchChoiceTest, RefusesWhatIsNoDictOfTensors) {
  EXPECT_THAT(refusal_of("}" + text("state_dict") + "Ns"),
              HasSubstr("memory: state_dict: expected a dict of tensors, got None"));
  EXPECT_THAT(refusal_of("}" + text("model") + float_tensor(4, 0, {2}, {1}) + "s"),
              HasSubstr("memory: model: expected a dict of tensors, got a tensor; dicts of tensors "
                        "in the file: the top level (1 tensors)"));
  EXPECT_THAT(refusal_of("}" + text("state_dict_ema") + "}s"),
              HasSubstr("memory: state_dict_ema: expected a dict of tensors, got one without"));
  EXPECT_THAT(refusal_of("}"), HasSubstr("top level: expected a dict of tensors, got one without"));
  EXPECT_THAT(refusal_of("]"), HasSubstr("top level: expected a dict of tensors, got a list of 0"));
  EXPECT_THAT(refusal_of(float_tensor(4, 0, {2}, {1})), HasSubstr("got a tensor"));
  EXPECT_THAT(
      refusal_of(global("torchvision.models.resnet", "ResNet") + ")\x81}b"),
      HasSubstr("got an object of torchvision.models.resnet.ResNet: a whole model? save its "
                "state_dict()"));
}

TEST(TorchChoiceTest, RefusesAWrapperThatComesTwice) {
  EXPECT_EQ(refusal_of(wrapped({"state_dict", "model", "state_dict"})),
            "memory: top level: name 'state_dict': expected it once, got it 2 times");
}

TEST(TorchChoiceTest, NamesTheDictsThatCouldBeMeant) {
  const std::string nested = "}" + text("model") + dict_of("w") + "s";
  EXPECT_THAT(refusal_of("}" + text("checkpoint") + nested + "s"),
              HasSubstr("top level: expected a dict of tensors, got one without; dicts of tensors "
                        "in the file: checkpoint.model (1 tensors); load it in Python"));
  EXPECT_THAT(refusal_of("}" + text("state_dict") + nested + "s"),
              HasSubstr("in the file: state_dict.model (1 tensors)"));
}

TEST(TorchChoiceTest, NamesATensorOfAnotherKindAmongTheWeights) {
  EXPECT_THAT(
      refusal_of(ordered_dict(text("w") + global("torch._utils", "_rebuild_qtensor") + ")R")),
      HasSubstr("tensor 'w': expected a dense tensor of torch, got a quantised tensor"));
  EXPECT_THAT(refusal_of(ordered_dict(text("w") + global("os", "system") + ")R")),
              HasSubstr("got one without"));
}

/// Names joined by spaces after stripping; what was noted.
std::pair<std::string, std::vector<std::string>> stripped(const std::vector<std::string>& names) {
  StateDict tensors;
  for (const std::string& name : names) {
    const Shape shape = name == "n_averaged" ? Shape{} : Shape{1};
    tensors.insert(name, Tensor::of(shape, std::vector<std::int64_t>{1}));
  }
  std::vector<std::string> notes;
  std::string joined;
  for (const auto& [name, tensor] : strip_wrapper_names(std::move(tensors), "memory", notes)) {
    joined += (joined.empty() ? "" : " ") + name;
  }
  return {joined, notes};
}

TEST(TorchChoiceTest, StripsEachPrefixOnceAsTimmDoes) {
  for (const char* prefix : {"module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.",
                             "_orig_mod._orig_mod.", "_orig_mod.module._orig_mod."}) {
    const auto [names, notes] = stripped({prefix + "a"s, prefix + "b"s});
    EXPECT_EQ(names, "a b") << prefix;
    EXPECT_THAT(notes, ElementsAre(HasSubstr("begin with '"s + prefix + "': taken without")));
  }
  EXPECT_EQ(stripped({"module.module.a"}).first, "module.a");
  EXPECT_EQ(stripped({"module._orig_mod.module.a"}).first, "module.a");
  EXPECT_EQ(stripped({"model.a"}).first, "model.a");
  EXPECT_EQ(stripped({"modulea"}).first, "modulea");
  EXPECT_THAT(stripped({"a", "b"}).second, IsEmpty());
}

// timm strips these from the names that have them, and lets names that then meet replace each
// other.
TEST(TorchChoiceTest, LeavesPrefixesThatOnlySomeHave) {
  for (const std::vector<std::string>& names :
       {std::vector<std::string>{"module.a", "a"}, std::vector<std::string>{"module.a", "fc.b"}}) {
    const auto [kept, notes] = stripped(names);
    EXPECT_EQ(kept, names[0] + " " + names[1]);
    EXPECT_THAT(notes, ElementsAre(HasSubstr("1 of 2 names begin with 'module.'")));
  }
}

TEST(TorchChoiceTest, LeavesOutTheCounterOfAverages) {
  const auto [names, notes] = stripped({"n_averaged", "module.a", "module.b"});
  EXPECT_EQ(names, "a b");
  EXPECT_THAT(notes, ElementsAre(HasSubstr("n_averaged is no weight and left out")));
}

}  // namespace
}  // namespace weightlift
