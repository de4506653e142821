#include "weightlift/models/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "weightlift/models/regnet/regnet_tags.h"
#include "weightlift/models/resnet/resnet_tags.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

std::string meaning_of(std::string_view name) {
  const auto cfg = find_pretrained(name);
  return cfg ? full_name(*cfg) : "nothing";
}

const RegNetArchitecture& regnet(std::string_view name) {
  return *std::ranges::find(regnet_architectures(), name, &RegNetArchitecture::name);
}

const PretrainedCfg& regnet_tag(std::string_view name) {
  return *std::ranges::find(regnet_tags(), name, full_name);
}

TEST(RegistryTest, HasAllTimmNames) {
  EXPECT_THAT(resnet_tags(), SizeIs(48));
  EXPECT_THAT(resnet_architectures(), SizeIs(7));
  EXPECT_THAT(regnet_tags(), SizeIs(61));
  EXPECT_THAT(regnet_architectures(), SizeIs(30));
  EXPECT_THAT(deprecated_names(), SizeIs(13));
}

TEST(RegistryTest, ListsRegNetXAndY) {
  for (const RegNetArchitecture& one : regnet_architectures()) {
    EXPECT_TRUE(one.name.starts_with(one.layer_type == "x" ? "regnetx_" : "regnety_")) << one.name;
    // RegNetConfig has one width of groups; a narrower stage has one group.
    for (const int width : one.hidden_sizes) {
      const int groups = std::max(1, width / one.groups_width);
      EXPECT_EQ(width % groups, 0) << one.name;
    }
    EXPECT_NE(std::ranges::find(regnet_tags(), one.name, &PretrainedCfg::architecture),
              regnet_tags().end())
        << one.name;
  }
  EXPECT_THAT(regnet("regnety_040").depths, ElementsAre(2, 6, 12, 2));
  EXPECT_THAT(regnet("regnety_040").hidden_sizes, ElementsAre(128, 192, 512, 1088));
  EXPECT_EQ(regnet("regnety_040").groups_width, 64);
}

TEST(RegistryTest, TakesTheWidestGroupsOfARegNet) {
  // The first stage is 80 wide, in one group.
  EXPECT_THAT(regnet("regnetx_080").hidden_sizes, ElementsAre(80, 240, 720, 1920));
  EXPECT_EQ(regnet("regnetx_080").groups_width, 120);
}

TEST(RegistryTest, NamesTheEqualNetworkOfTorchvision) {
  EXPECT_EQ(regnet("regnety_008_tv").torchvision, "regnet_y_800mf");
  EXPECT_EQ(regnet("regnety_008").torchvision, "");
  EXPECT_EQ(regnet("regnety_080_tv").torchvision, "regnet_y_8gf");
  EXPECT_EQ(regnet("regnety_080").torchvision, "");
  EXPECT_EQ(regnet("regnetx_004_tv").torchvision, "regnet_x_400mf");
  EXPECT_EQ(regnet("regnetx_080").torchvision, "regnet_x_8gf");
  EXPECT_EQ(regnet("regnety_1280").torchvision, "regnet_y_128gf");
  EXPECT_EQ(regnet("regnety_2560").torchvision, "");
  EXPECT_EQ(std::ranges::count(regnet_architectures(), "", &RegNetArchitecture::torchvision), 15);
}

TEST(RegistryTest, KnowsRegNetsWithoutClasses) {
  std::vector<std::string> without;
  for (const PretrainedCfg& cfg : regnet_tags()) {
    if (cfg.num_classes == 0) without.push_back(full_name(cfg));
  }
  EXPECT_THAT(without, ElementsAre("regnety_320.seer", "regnety_640.seer", "regnety_1280.seer"));
  constexpr int kFeatures = 3712;
  EXPECT_EQ(regnet_tag("regnety_320.seer_ft_in1k").parameters, 145046770);
  EXPECT_EQ(regnet_tag("regnety_320.seer").parameters, 145046770 - 1000 * (kFeatures + 1));
  EXPECT_EQ(regnet_tag("regnety_160.sw_in12k").num_classes, 11821);
}

TEST(RegistryTest, KnowsTheLicensesOfRegNets) {
  std::map<std::string_view, int> counts;
  for (const PretrainedCfg& cfg : regnet_tags()) ++counts[cfg.license];
  EXPECT_THAT(counts,
              ElementsAre(Pair("apache-2.0", 10), Pair("bsd-3-clause", 14), Pair("cc-by-nc-4.0", 6),
                          Pair("mit", 24), Pair("seer-license", 7)));
}

TEST(RegistryTest, ResolvesABareNameToItsDefaultTag) {
  EXPECT_EQ(meaning_of("resnet18"), "resnet18.a1_in1k");
  EXPECT_EQ(meaning_of("resnet26"), "resnet26.bt_in1k");
  EXPECT_EQ(meaning_of("resnet34"), "resnet34.a1_in1k");
  EXPECT_EQ(meaning_of("resnet50"), "resnet50.a1_in1k");
  EXPECT_EQ(meaning_of("resnet101"), "resnet101.a1h_in1k");
  EXPECT_EQ(meaning_of("resnet152"), "resnet152.a1h_in1k");
  EXPECT_EQ(meaning_of("resnet18."), "resnet18.a1_in1k");
}

TEST(RegistryTest, ResolvesFullNames) {
  for (const PretrainedCfg& cfg : pretrained_cfgs()) {
    EXPECT_EQ(meaning_of(full_name(cfg)), full_name(cfg));
  }
}

TEST(RegistryTest, ResolvesOldNames) {
  EXPECT_EQ(meaning_of("tv_resnet50"), "resnet50.tv_in1k");
  EXPECT_EQ(meaning_of("gluon_resnet50_v1b"), "resnet50.gluon_in1k");
  EXPECT_EQ(meaning_of("ssl_resnet18"), "resnet18.fb_ssl_yfcc100m_ft_in1k");
  EXPECT_EQ(meaning_of("swsl_resnet50"), "resnet50.fb_swsl_ig1b_ft_in1k");
  for (const DeprecatedName& old : deprecated_names()) {
    EXPECT_EQ(meaning_of(old.old_name), old.name);
  }
}

TEST(RegistryTest, DoesNotResolveOtherNames) {
  for (const char* name : {"", ".", "resnet", "resnet200", "Resnet50", "resnet50.a9_in1k",
                           "resnet50.A1_in1k", "tv_resnet18", "resnet50 ", "resnet50d"}) {
    EXPECT_EQ(meaning_of(name), "nothing") << name;
  }
}

TEST(RegistryTest, HasOneDefaultPerArchitecture) {
  const auto defaults = [](std::span<const PretrainedCfg> tags, std::string_view architecture) {
    return std::ranges::count_if(tags, [architecture](const PretrainedCfg& cfg) {
      return cfg.architecture == architecture && cfg.is_default;
    });
  };
  for (const ResNetArchitecture& one : resnet_architectures()) {
    EXPECT_EQ(defaults(resnet_tags(), one.name), one.name == "resnet200" ? 0 : 1) << one.name;
  }
  for (const RegNetArchitecture& one : regnet_architectures()) {
    EXPECT_EQ(defaults(regnet_tags(), one.name), 1) << one.name;
  }
}

TEST(RegistryTest, FindsWeightsByTheDigitsInTheirFileName) {
  const auto cfg = find_by_sha256("14fe96d1" + std::string(56, '0'));
  ASSERT_TRUE(cfg);
  EXPECT_EQ(full_name(*cfg), "resnet50.a1_in1k");
  EXPECT_FALSE(find_by_sha256("14fe96d2" + std::string(56, '0')));
  EXPECT_FALSE(find_by_sha256(""));
}

TEST(RegistryTest, SuggestsTheNearestNames) {
  EXPECT_EQ(nearest_names("resnet51").front(), "resnet50");
  EXPECT_EQ(nearest_names("resnet-50").front(), "resnet50");
  EXPECT_EQ(nearest_names("resnet50.tv_in1").front(), "resnet50.tv_in1k");
  EXPECT_EQ(nearest_names("gluon_resnet50").front(), "gluon_resnet50_v1b");
  EXPECT_THAT(nearest_names("resnet51"), SizeIs(3));
  EXPECT_THAT(nearest_names("completely different"), IsEmpty());
}

TEST(RegistryTest, GivesReasonsAgainstOtherArchitectures) {
  EXPECT_EQ(reason_against("unheard_of"), "");
  EXPECT_EQ(reason_against("vit_base_patch16_224"), "a VisionTransformer");
  EXPECT_EQ(reason_against("efficientnet_b0"), "an EfficientNet");
  EXPECT_EQ(reason_against("resnet50d"),
            "deep stem (stem_type 'deep'), average-pool shortcuts (avg_down)");
  EXPECT_EQ(reason_against("seresnet50"), "squeeze-and-excitation blocks");
  EXPECT_EQ(reason_against("regnetv_040"),
            "pre-activation blocks (preact), other activations (act_layer silu)");
  EXPECT_EQ(reason_against("regnety_040_sgn"), "group norm, other activations (act_layer silu)");
  EXPECT_EQ(reason_against("tv_resnext50_32x4d"), reason_against("resnext50_32x4d"));
  EXPECT_EQ(reason_against("regnetz_040h"), reason_against("regnetz_040_h"));
}

TEST(RegistryTest, SortsOtherArchitecturesWithoutTheSupportedOnes) {
  EXPECT_THAT(other_architectures(), SizeIs(1530));
  EXPECT_TRUE(std::ranges::is_sorted(other_architectures(), {}, &OtherArchitecture::name));
  for (const OtherArchitecture& other : other_architectures()) {
    EXPECT_EQ(reason_against(other.name), other.reason);
    EXPECT_NE(other.reason, "") << other.name;
  }
  for (const ResNetArchitecture& one : resnet_architectures()) {
    EXPECT_EQ(reason_against(one.name), "") << one.name;
  }
  for (const RegNetArchitecture& one : regnet_architectures()) {
    EXPECT_EQ(reason_against(one.name), "") << one.name;
  }
  for (const DeprecatedName& old : deprecated_names()) {
    EXPECT_EQ(reason_against(old.old_name), "") << old.old_name;
  }
}

}  // namespace
}  // namespace weightlift
