#include "weightlift/models/regnet/regnet_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/blank_networks.h"
#include "weightlift/models/names.h"

namespace weightlift {
namespace {

using ::testing::IsEmpty;
using testing::listed;
using testing::read_networks;
using ::testing::UnorderedElementsAreArray;

const Dialect& dialect(Form form) {
  return *std::ranges::find(regnet_dialects(), form, &Dialect::form);
}

std::string timm_name(Form form, std::string_view name) { return dialect(form).timm_name(name); }

TEST(RegNetNamesTest, RenameEveryTensorOfTheOriginals) {
  const auto networks = read_networks("regnets.txt");
  for (const char* type : {"x", "y"}) {
    const auto timm = listed(networks.at(std::string("timm ") + type));
    for (const Form form : {Form::kTransformers, Form::kTorchvision}) {
      StateDict renamed;
      for (const auto& [name, tensor] : networks.at(std::string(to_string(form)) + " " + type)) {
        renamed.insert(timm_name(form, name), tensor);
      }
      EXPECT_THAT(listed(renamed), UnorderedElementsAreArray(timm)) << type;
    }
  }
}

TEST(RegNetNamesTest, CountBlocksFromOne) {
  EXPECT_EQ(timm_name(Form::kTorchvision, "trunk_output.block3.block3-11.f.b.1.running_var"),
            "s3.b12.conv2.bn.running_var");
  EXPECT_EQ(timm_name(Form::kTransformers,
                      "regnet.encoder.stages.2.layers.11.layer.1.normalization.running_var"),
            "s3.b12.conv2.bn.running_var");
  EXPECT_EQ(timm_name(Form::kTransformers, "encoder.stages.0.layers.0.layer.2.attention.2.bias"),
            "s1.b1.se.fc2.bias");
  EXPECT_EQ(timm_name(Form::kTransformers, "embedder.embedder.normalization.bias"), "stem.bn.bias");
}

TEST(RegNetNamesTest, LeaveOtherNamesAlone) {
  for (const char* name :
       {"", ".", "conv1.weight", "stem.2.weight", "stem.weight", "fcx.weight",
        "trunk_output.block1", "trunk_output.block1.", "trunk_output.block1.block1-",
        "trunk_output.block1.block1-0", "trunk_output.block1.block1-x.f.a.0.weight",
        "trunk_output.block1.block2-0.f.a.0.weight", "trunk_output.block0.block0-0.f.a.0.weight",
        "trunk_output.block.block-0.f.a.0.weight", "trunk_output.block1.block1-0.f.d.0.weight",
        "trunk_output.block1.block1--1.f.a.0.weight"}) {
    EXPECT_EQ(timm_name(Form::kTorchvision, name), "") << name;
  }
  for (const char* name :
       {"", ".", "classifier.0.weight", "classifier.weight", "embedder.embedder.weight",
        "regnet.embedder.pooler.weight", "encoder.stages.0.layers.0.layer.0.weight",
        "encoder.stages.x.layers.0.layer.0.convolution.weight",
        "encoder.stages.0.layers.0.layer.4.convolution.weight",
        "encoder.stages.0.layers.0.layer.2.attention.1.weight",
        "encoder.stages.0.layers.0.layer.1.attention.0.weight",
        "encoder.stages.0.layers.0.shortcut.activation.weight",
        "encoder.stages.0.layers.0.shortcut.0.convolution.weight",
        "encoder.stages.0.layers.0.other.0.convolution.weight",
        "resnet.encoder.stages.0.layers.0.layer.0.convolution.weight",
        "encoder.stages.99999999999999999999.layers.0.layer.0.convolution.weight"}) {
    EXPECT_EQ(timm_name(Form::kTransformers, name), "") << name;
  }
}

TEST(RegNetNamesTest, KnowTheBackbone) {
  for (const char* name : {"stem.conv.weight", "s1.b1.conv1.conv.weight", "s4.b2.se.fc1.bias"}) {
    EXPECT_TRUE(is_regnet_backbone(name)) << name;
  }
  for (const char* name : {"", "s", "s.b1", "s0.b1", "sx.b1", "stem", "head.fc.weight",
                           "student.s1.b1.conv1.conv.weight", "final_conv.conv.weight"}) {
    EXPECT_FALSE(is_regnet_backbone(name)) << name;
  }
}

}  // namespace
}  // namespace weightlift
