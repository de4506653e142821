#include "weightlift/models/families.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/blank_networks.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/models/names.h"
#include "weightlift/models/regnet/regnet_config.h"
#include "weightlift/models/resnet/resnet_config.h"

namespace weightlift {
namespace {

using testing::blank_tensors;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::listed;
using testing::refusal;
using ::testing::UnorderedElementsAreArray;

constexpr auto kTrees = std::to_array<Form>({Form::kTimm, Form::kTransformers, Form::kTorchvision});

/// A network of a family, and what to call it.
struct Example {
  std::string name;
  Model model;
};

/// Small networks of every family, with and without a classifier.
std::vector<Example> examples() {
  std::vector<std::pair<std::string, std::string>> configs;
  for (const Head head : {Head::kClassifier, Head::kNone}) {
    const char* const end = head == Head::kNone ? " without head" : "";
    for (const LayerType type : {LayerType::kBasic, LayerType::kBottleneck}) {
      ResNetConfig config;
      config.layer_type = type;
      config.embedding_size = 64;
      config.depths = {2, 1, 1, 1};
      config.hidden_sizes = type == LayerType::kBasic
                                ? std::vector<std::int64_t>{64, 128, 256, 512}
                                : std::vector<std::int64_t>{256, 512, 1024, 2048};
      config.num_labels = 5;
      config.head = head;
      configs.emplace_back(fmt::format("resnet {}{}", to_string(type), end),
                           to_config_json(config));
    }
    for (const RegNetType type : {RegNetType::kX, RegNetType::kY}) {
      RegNetConfig config;
      config.layer_type = type;
      config.depths = {2, 1, 1, 1};
      config.hidden_sizes = {24, 56, 152, 368};
      config.groups_width = 8;
      config.num_labels = 5;
      config.head = head;
      configs.emplace_back(fmt::format("regnet {}{}", to_string(type), end),
                           to_config_json(config));
    }
  }
  std::vector<Example> found;
  for (const auto& [name, json] : configs) {
    found.push_back({name, parse_transformers_config(json, name)});
  }
  return found;
}

StateDict tensors_of(const Example& example, Form tree) {
  return blank_tensors(*example.model.network->make(tree, example.model.config));
}

StateDict with_prefix(const StateDict& tensors, const std::string& prefix) {
  StateDict result;
  for (const auto& [name, tensor] : tensors) result.insert(prefix + name, tensor);
  return result;
}

/// The choice among the families for tensors of a file. `stated`: that of a config, or null.
WeightsChoice recognised(const StateDict& tensors, const Family* stated = nullptr) {
  WeightsChoice choice = choose_weights({name_tensors(tensors)}, "", "w");
  recognise(tensors, stated, choice);
  return choice;
}

/// The families that say that tensors with this prefix are theirs, each asked alone.
std::vector<std::string_view> claimants(const StateDict& tensors, const std::string& prefix) {
  std::vector<std::string_view> found;
  for (const Family* family : families()) {
    WeightsChoice choice{.prefix = prefix};
    recognise(tensors, family, choice);
    if (choice.family != nullptr) found.push_back(choice.family->model_type());
  }
  return found;
}

TEST(FamiliesTest, ExactlyOneClaimsANetwork) {
  for (const Example& example : examples()) {
    const std::string_view own = example.model.network->family().model_type();
    for (const Form tree : kTrees) {
      const StateDict tensors = tensors_of(example, tree);
      const auto where = fmt::format("{}, {}", example.name, to_string(tree));
      EXPECT_THAT(claimants(tensors, ""), ElementsAre(own)) << where;
      const bool bare = tree == Form::kTransformers && example.model.config.head == Head::kNone;
      if (bare) continue;  // these names count only without a prefix
      for (const std::string prefix : {"module.", "model.backbone."}) {
        EXPECT_THAT(claimants(with_prefix(tensors, prefix), prefix), ElementsAre(own)) << where;
      }
    }
  }
}

TEST(FamiliesTest, EveryTreesNamesAreRenamedToTimms) {
  for (const Example& example : examples()) {
    const auto timm = listed(tensors_of(example, Form::kTimm));
    for (const Form tree : kTrees) {
      const StateDict tensors = tensors_of(example, tree);
      const WeightsChoice choice = recognised(tensors);
      const auto where = fmt::format("{}, {}", example.name, to_string(tree));
      EXPECT_EQ(choice.family, &example.model.network->family()) << where;
      ASSERT_NE(choice.dialect, nullptr) << where;
      const SplitWeights split = split_weights(tensors, choice);
      EXPECT_THAT(listed(split.network), UnorderedElementsAreArray(timm)) << where;
      EXPECT_THAT(listed(split.others), IsEmpty()) << where;
    }
  }
}

TEST(FamiliesTest, ReadTheNetworkFromEveryTree) {
  for (const Example& example : examples()) {
    for (const Form tree : kTrees) {
      const StateDict tensors = tensors_of(example, tree);
      const WeightsChoice choice = recognised(tensors);
      const Model shown = choice.family->from_tensors(split_weights(tensors, choice).network, "w");
      EXPECT_EQ(shown.network->sizes_json(), example.model.network->sizes_json()) << example.name;
      EXPECT_EQ(shown.network->features(), example.model.network->features()) << example.name;
      EXPECT_EQ(shown.config.num_labels, example.model.config.head == Head::kNone ? 0 : 5);
    }
  }
}

TEST(FamiliesTest, TheirAnchorsAndNeededNamesAreInTheirNetworks) {
  for (const Example& example : examples()) {
    const std::vector<FoundNetwork> found =
        find_complete_networks({name_tensors(tensors_of(example, Form::kTimm))});
    ASSERT_EQ(found.size(), 1U) << example.name;
    EXPECT_EQ(found[0].family, &example.model.network->family());
    for (const Form tree : kTrees) {
      const StateDict tensors = tensors_of(example, tree);
      const auto complete = find_complete_networks({name_tensors(tensors)});
      EXPECT_THAT(complete, ::testing::SizeIs(1)) << example.name << to_string(tree);
    }
  }
}

TEST(FamiliesTest, AStatedFamilyDecides) {
  for (const Example& example : examples()) {
    const StateDict tensors = tensors_of(example, Form::kTransformers);
    const Family& own = example.model.network->family();
    EXPECT_EQ(recognised(tensors, &own).family, &own) << example.name;
  }
}

TEST(FamiliesTest, ReadsTheConfigOfEveryFamily) {
  for (const Example& example : examples()) {
    const Network& network = *example.model.network;
    const std::string text = network.transformers_config(example.model.config);
    const Model again = parse_transformers_config(text, "c.json");
    EXPECT_EQ(again.network->transformers_config(again.config), text) << example.name;
    EXPECT_EQ(find_family(network.family().model_type()), &network.family());
  }
  EXPECT_EQ(find_family("bert"), nullptr);
  EXPECT_EQ(refusal<UnsupportedError>(
                [] { parse_transformers_config(R"({"model_type": "bert"})", "c.json"); }),
            "c.json: unsupported model_type 'bert' (supported: resnet, regnet)");
}

TEST(FamiliesTest, NamesTheFamilyThatDiffers) {
  const auto all = examples();
  for (const Example& stated : all) {
    for (const Example& shown : all) {
      const Family& family = stated.model.network->family();
      if (&family == &shown.model.network->family()) continue;
      Model model = shown.model;
      EXPECT_EQ(refusal<MismatchError>([&] { take_statements(stated.model, model, "c.json"); }),
                fmt::format("c.json: model_type is {}, but the tensors have {}",
                            family.model_type(), model.network->family().model_type()));
    }
  }
}

TEST(FamiliesTest, AnArchitectureHasOneFamily) {
  std::vector<std::string_view> all;
  for (const Family* family : families()) {
    for (const std::string_view name : family->architectures()) {
      EXPECT_EQ(family_of(name), family) << name;
      all.push_back(name);
    }
    for (const PretrainedCfg& cfg : family->tags()) {
      EXPECT_EQ(family_of(cfg.architecture), family) << full_name(cfg);
    }
  }
  std::ranges::sort(all);
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
  EXPECT_EQ(family_of("resnet50d"), nullptr);
}

TEST(FamiliesTest, EveryArchitectureGetsAFolderNameOfItsOwn) {
  std::vector<std::string> names;
  for (const Family* family : families()) {
    for (const std::string_view name : family->architectures()) {
      names.push_back(family->folder_name(name));
    }
  }
  std::ranges::sort(names);
  EXPECT_EQ(std::ranges::adjacent_find(names), names.end());
}

}  // namespace
}  // namespace weightlift
