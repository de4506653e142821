#include "weightlift/models/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weightlift {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string meaning_of(std::string_view name) {
  const auto cfg = find_pretrained(name);
  return cfg ? full_name(*cfg) : "nothing";
}

TEST(RegistryTest, HasAllTimmNames) {
  EXPECT_THAT(pretrained_cfgs(), SizeIs(48));
  EXPECT_THAT(deprecated_names(), SizeIs(13));
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
  for (const PlainArchitecture& architecture : plain_architectures()) {
    int defaults = 0;
    for (const PretrainedCfg& cfg : pretrained_cfgs()) {
      defaults += cfg.architecture == architecture.name && cfg.is_default ? 1 : 0;
    }
    EXPECT_EQ(defaults, architecture.name == "resnet200" ? 0 : 1) << architecture.name;
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

TEST(RegistryTest, GivesReasonsAgainstLookalikes) {
  EXPECT_EQ(reason_against("resnet50"), "");
  EXPECT_EQ(reason_against("unheard_of"), "");
  for (const OtherArchitecture& other : other_architectures()) {
    EXPECT_EQ(reason_against(other.name), other.reason);
    EXPECT_EQ(find_architecture(other.name), nullptr) << other.name;
    EXPECT_NE(other.reason, "") << other.name;
  }
}

}  // namespace
}  // namespace weightlift
