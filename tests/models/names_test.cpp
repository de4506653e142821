#include "weightlift/models/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/models/families.h"
#include "weightlift/models/resnet/resnet.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Names = std::vector<std::string>;

/// Enough names to identify a ResNet.
Names network(const std::string& prefix = "") {
  Names names;
  for (const char* name : {"conv1.weight", "bn1.weight", "layer1.0.conv1.weight", "fc.weight"}) {
    names.push_back(prefix + name);
  }
  return names;
}

Names operator+(Names a, const Names& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

WeightsChoice choose(const std::vector<NamedDict>& dicts, std::string_view key = "") {
  return choose_weights(dicts, key, "file");
}

/// The chosen dict and prefix, as a weights key.
std::string chosen(const std::vector<NamedDict>& dicts, std::string_view key = "") {
  const WeightsChoice choice = choose(dicts, key);
  return spelled(dicts[choice.dict], choice);
}

template <class Kind = MismatchError>
std::string refusal(const std::vector<NamedDict>& dicts, std::string_view key = "") {
  return testing::refusal<Kind>([&] { choose(dicts, key); });
}

/// The network's tensors of a dict with these names, and the others.
std::pair<Names, Names> taken(const Names& names) {
  StateDict all;
  for (const std::string& name : names) all.insert(name, Tensor());
  const WeightsChoice choice = choose({name_tensors(all)});
  std::pair<Names, Names> result;
  const SplitWeights split = split_weights(all, choice);
  for (const auto& [name, tensor] : split.network) result.first.push_back(name);
  for (const auto& [name, tensor] : split.others) result.second.push_back(name);
  return result;
}

TEST(NamesTest, FindsTheNetworkWithAnyPrefix) {  // W05
  for (const char* prefix :
       {"", "module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.",
        "_orig_mod.module._orig_mod.", "module.module.", "model.", "net.", "backbone.", "encoder.",
        "model.backbone.", "module.model.net.", "student_of.anything."}) {
    const auto [names, others] = taken(network(prefix));
    EXPECT_EQ(names, network()) << prefix;
    EXPECT_THAT(others, IsEmpty());
  }
}

TEST(NamesTest, RemovesWrappersInTheMiddle) {
  const Names wrapped = {"module.conv1._orig_mod.weight", "module.bn1.weight",
                         "module.layer1.module.0._checkpoint_wrapped_module.conv1.weight",
                         "module.fc._fsdp_wrapped_module.weight"};
  EXPECT_EQ(taken(wrapped).first, network());
  EXPECT_EQ(chosen({{"", 0, wrapped}}), "module");
  Names twice = network();
  twice.push_back("layer1._orig_mod.0.conv1.weight");
  EXPECT_EQ(testing::refusal<MismatchError>([&] { taken(twice); }),
            "tensor 'layer1._orig_mod.0.conv1.weight': another tensor is also "
            "'layer1.0.conv1.weight' without the names of wrappers");
  // The names of other networks are kept.
  EXPECT_EQ(taken({"a.module.b", "a.b"}).first, (Names{"a.module.b", "a.b"}));
}

TEST(NamesTest, APrefixEndsAtADot) {
  EXPECT_EQ(choose({{"", 0, network("module")}}).family, nullptr);
}

TEST(NamesTest, SplitsAtThePrefix) {  // W10: averages have a counter
  const auto [names, others] =
      taken(network("module.") + Names{"n_averaged", "module2.conv1.weight", "criterion.weight"});
  EXPECT_EQ(names, network());
  EXPECT_THAT(others, ElementsAre("n_averaged", "module2.conv1.weight", "criterion.weight"));
}

TEST(NamesTest, KeepsUnknownNamesWithoutPrefix) {
  EXPECT_EQ(taken(network() + Names{"ema.decay"}).first, network() + Names{"ema.decay"});
  EXPECT_EQ(taken({"a", "module.b"}).first, (Names{"a", "module.b"}));
}

TEST(NamesTest, SeparatesNamesOfTheNetworkWithoutItsPrefix) {  // W06, W07
  for (const char* stray : {"conv1.weight", "_orig_mod.layer4.0.conv1.weight", "bn1.bias"}) {
    EXPECT_EQ(taken(network("module.") + Names{stray}).second, Names{stray});
  }
  EXPECT_EQ(refusal({{"", 0, network() + network("module.")}}),
            "file: expected one network, got 2: (no prefix), module; choose-weights()");
}

TEST(NamesTest, FollowsTimmsOrderOfKeys) {  // W01
  const Names order = {"state_dict_ema", "model_ema", "state_dict", "model"};
  for (std::size_t first = 0; first < order.size(); ++first) {
    std::vector<NamedDict> dicts = {{"", 0, {}}};
    for (std::size_t i = order.size(); i > first; --i)
      dicts.push_back({order[i - 1], 1, network()});
    EXPECT_EQ(chosen(dicts), order[first]);
  }
}

TEST(NamesTest, RefusesATimmKeyWithoutTensors) {  // W02, W04
  EXPECT_EQ(refusal<NotFoundError>(
                {{"", 0, {}}, {"state_dict_ema", 1, {}}, {"state_dict", 1, network()}}),
            "file: no tensors in 'state_dict_ema'; found: state_dict (4 tensors); "
            "choose-weights()");
  EXPECT_EQ(refusal<NotFoundError>({{"", 0, {}}}), "file: no tensors in the top level");
  // W04: a tensor of this name is not a dict; strict loading reports it.
  EXPECT_EQ(taken(network() + Names{"model"}).first, network() + Names{"model"});
}

TEST(NamesTest, AWeightsKeyOverridesTheChoice) {  // W03
  const std::vector<NamedDict> dicts = {
      {"", 0, {}}, {"state_dict_ema", 1, network()}, {"state_dict", 1, network("module.")}};
  EXPECT_EQ(chosen(dicts), "state_dict_ema");
  EXPECT_EQ(chosen(dicts, "state_dict"), "state_dict.module");
  EXPECT_EQ(chosen(dicts, "state_dict.module"), "state_dict.module");
  EXPECT_EQ(refusal<NotFoundError>(dicts, "model"),
            "file: no network has the key 'model'; found: state_dict_ema, state_dict.module");
  EXPECT_EQ(refusal<NotFoundError>({{"", 0, network()}}, "x"),
            "file: no network has the key 'x'; found: (no prefix)");
}

TEST(NamesTest, TakesTheOnlyNetworkOneLevelDown) {
  EXPECT_EQ(chosen({{"", 0, {}}, {"net", 1, network("module.")}, {"optimizer", 1, {}}}),
            "net.module");
  EXPECT_THAT(refusal({{"", 0, {}}, {"a", 1, network()}, {"b", 1, network()}}),
              HasSubstr("expected one network, got 2: a, b; choose-weights()"));
}

TEST(NamesTest, ListsDeeperNetworks) {  // W08
  EXPECT_EQ(refusal<NotFoundError>(
                {{"", 0, {}}, {"checkpoint", 1, {}}, {"checkpoint.model", 2, network()}}),
            "file: no tensors in the top level; found: checkpoint.model (4 tensors); "
            "choose-weights()");
  EXPECT_EQ(refusal<NotFoundError>(
                {{"", 0, {}}, {"state_dict", 1, {}}, {"state_dict.model", 2, network()}}),
            "file: no tensors in 'state_dict'; found: state_dict.model (4 tensors); "
            "choose-weights()");
  EXPECT_EQ(chosen({{"", 0, {}}, {"checkpoint", 1, {}}, {"checkpoint.model", 2, network()}},
                   "checkpoint.model"),
            "checkpoint.model");
}

TEST(NamesTest, StripsLightningsPrefix) {
  const std::vector<NamedDict> dicts = {
      {"", 0, {}},
      {"state_dict", 1, network("model.") + Names{"criterion.weight"}},
      {"hyper_parameters", 1, {}}};
  EXPECT_EQ(chosen(dicts), "state_dict.model");
  EXPECT_THAT(choose(dicts).wrappers, ElementsAre("Lightning or another wrapper"));
  EXPECT_FALSE(choose(dicts).projection);
}

TEST(NamesTest, TakesMoCosQueryEncoderWithoutAClassifier) {
  const std::vector<NamedDict> dicts = {
      {"", 0, {}},
      {"state_dict", 1,
       network("module.encoder_k.") + network("module.encoder_q.") + Names{"module.queue"}}};
  EXPECT_EQ(chosen(dicts), "state_dict.module.encoder_q");
  EXPECT_TRUE(choose(dicts).projection);
  EXPECT_EQ(chosen(dicts, "state_dict.module.encoder_k"), "state_dict.module.encoder_k");
  EXPECT_EQ(chosen(dicts, "state_dict"), "state_dict.module.encoder_q");
  EXPECT_EQ(chosen({{"", 0, network("base_encoder.") + network("momentum_encoder.")}}),
            "base_encoder");
}

TEST(NamesTest, TakesDinosTeacher) {
  const Names backbone = {"module.backbone.conv1.weight", "module.backbone.layer1.0.conv1.weight",
                          "module.head.mlp.0.weight"};
  EXPECT_EQ(chosen({{"", 0, {}}, {"student", 1, backbone}, {"teacher", 1, backbone}}),
            "teacher.module.backbone");
  EXPECT_EQ(chosen({{"", 0, {}}, {"student", 1, backbone}, {"teacher", 1, backbone}}, "student"),
            "student.module.backbone");
}

TEST(NamesTest, RefusesAStudentAndATeacherWithClassifiers) {
  EXPECT_THAT(refusal({{"", 0, {}}, {"student", 1, network()}, {"teacher", 1, network()}}),
              HasSubstr("expected one network, got 2: student, teacher; choose-weights()"));
}

TEST(NamesTest, RenamesTorchvisionsChildren) {
  EXPECT_THAT(taken({"features.0.weight", "features.1.running_mean", "features.4.0.conv1.weight",
                     "features.7.1.downsample.0.weight", "head.weight"})
                  .first,
              ElementsAre("conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight",
                          "layer4.1.downsample.0.weight"));
}

TEST(NamesTest, RenamesEveryTensorOfTransformers) {
  for (const LayerType type : {LayerType::kBasic, LayerType::kBottleneck}) {
    ResNetConfig config;
    config.layer_type = type;
    config.num_labels = 10;
    Names ours;
    for (const Module::Slot& slot : make_timm_resnet(config)->slots()) ours.push_back(slot.name);
    Names theirs;
    for (const Module::Slot& slot : make_hf_resnet(config)->slots()) theirs.push_back(slot.name);
    EXPECT_THAT(taken(theirs).first, ::testing::UnorderedElementsAreArray(ours));
  }
}

TEST(NamesTest, RenamesATransformersBackbone) {
  EXPECT_THAT(taken({"embedder.embedder.convolution.weight",
                     "encoder.stages.0.layers.0.layer.0.convolution.weight"})
                  .first,
              ElementsAre("conv1.weight", "layer1.0.conv1.weight"));
  // RegNet has the same names of blocks.
  const WeightsChoice choice =
      choose({{"", 0, {"regnet.encoder.stages.0.layers.0.layer.0.convolution.weight"}}});
  EXPECT_EQ(choice.family, find_family("regnet"));
  EXPECT_EQ(choice.prefix, "");
}

TEST(NamesTest, KeepsTheNamesOfOtherNetworks) {
  const WeightsChoice choice = choose({{"", 0, {"patch_embed.proj.weight"}}});
  EXPECT_EQ(choice.family, nullptr);
  EXPECT_EQ(naming_of(choice), "unknown");
  EXPECT_EQ(chosen({{"", 0, {}}, {"model", 1, {"patch_embed.proj.weight"}}}), "model");
}

TEST(NamesTest, FindsNetworksOfTwoFamiliesUnderOnePrefix) {
  const NamedDict dict{"", 0, {"layer1.0.conv1.weight", "s1.b1.conv1.conv.weight"}};
  EXPECT_EQ(find_networks({dict}).size(), 2U);
}

TEST(NamesTest, PrefersNoTeacherWithAClassifierInAnyNaming) {
  for (const auto& [anchor, head] :
       {std::pair{"layer1.0.conv1.weight", "fc.weight"},
        std::pair{"regnet.encoder.stages.0.layers.0.layer.0.convolution.weight",
                  "classifier.1.weight"}}) {
    const std::vector<NamedDict> dicts = {
        {"", 0, {}}, {"teacher", 1, {anchor, head}}, {"student", 1, {anchor, head}}};
    EXPECT_THROW(choose_weights(dicts, "", "file"), MismatchError) << head;
  }
}

}  // namespace
}  // namespace weightlift
