#include "weightlift/transfer/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/models/resnet/resnet.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::refusal;
using ::testing::StartsWith;

const Shape kInput = {1, 3, 64, 64};

ResNetConfig small(LayerType type = LayerType::kBasic) {
  ResNetConfig config;
  config.embedding_size = 8;
  config.hidden_sizes = {8, 16};
  config.depths = {1, 2};
  config.layer_type = type;
  config.num_labels = 5;
  return config;
}

/// Binds every tensor to zeros of its shape.
void fill(Module& module) {
  StateDict tensors;
  for (const Module::Slot& slot : module.slots()) {
    const auto count = static_cast<std::size_t>(numel(slot.shape));
    tensors.insert(slot.name, slot.role == SlotRole::kCounter
                                  ? Tensor::of(slot.shape, std::vector<std::int64_t>(count))
                                  : Tensor::of(slot.shape, std::vector<float>(count)));
  }
  module.load_state_dict(tensors);
}

TEST(TrackerTest, ListsLeavesInExecutionOrderAndThoseWithState) {
  const auto model = make_timm_resnet(small());
  const Tracker tracker(*model, kInput);
  EXPECT_EQ(tracker.traced().front()->path, "conv1");
  EXPECT_EQ(tracker.traced().at(2)->path, "act1");
  EXPECT_EQ(tracker.parametrized().at(2)->path, "layer1.0.conv1");
}

TEST(ModuleTransferTest, PairsShortcutsThatAreRegisteredFirstAndRunLast) {
  const auto src = make_timm_resnet(small());
  const auto dest = make_hf_resnet(small());
  fill(*src);
  const TransferReport report = ModuleTransfer{*src, *dest}(kInput);
  EXPECT_EQ(report.tensor_count(), src->slots().size());
  const auto shortcut =
      std::ranges::find(report.operations, "layer2.0.downsample.0", &TransferredOperation::src);
  ASSERT_NE(shortcut, report.operations.end());
  EXPECT_EQ(shortcut->dest, "resnet.encoder.stages.1.layers.0.shortcut.convolution");
}

TEST(ModuleTransferTest, MovesHandlesAndNoBytes) {
  const auto src = make_timm_resnet(small());
  const auto dest = make_hf_resnet(small());
  fill(*src);
  ModuleTransfer{*src, *dest}(kInput);
  const StateDict from = src->state_dict();
  const StateDict to = dest->state_dict();
  EXPECT_EQ(from.at("fc.weight").bytes().data(), to.at("classifier.1.weight").bytes().data());
}

TEST(ModuleTransferTest, RefusesUnequalCountsAndLeavesBothUnchanged) {
  ResNetConfig longer = small();
  longer.depths = {2, 2};
  const auto src = make_timm_resnet(small());
  const auto dest = make_hf_resnet(longer);
  fill(*src);
  const std::string text = refusal<MismatchError>([&] { ModuleTransfer{*src, *dest}(kInput); });
  EXPECT_THAT(text, StartsWith("the operations differ: 17 in the source, 21 in the destination, "));
  EXPECT_THAT(text, HasSubstr("layer2.0.conv1"));
  EXPECT_THAT(text, HasSubstr("resnet.encoder.stages.0.layers.1.layer.0.convolution"));
  for (const auto& slot : dest->slots()) EXPECT_EQ(slot.tensor->owner(), nullptr);
}

TEST(ModuleTransferTest, RefusesADifferentStride) {
  ResNetConfig early = small(LayerType::kBottleneck);
  early.downsample_in_bottleneck = true;
  const auto src = make_timm_resnet(small(LayerType::kBottleneck));
  const auto dest = make_hf_resnet(early);
  fill(*src);
  EXPECT_THAT(refusal<MismatchError>([&] {
                ModuleTransfer{*src, *dest}(kInput);
              }),
              HasSubstr("stride=2"));
}

TEST(ModuleTransferTest, RefusesASkipThatLeavesTensorsMissing) {
  const auto src = make_timm_resnet(small());
  const auto dest = make_hf_resnet(small());
  fill(*src);
  const ModuleTransfer transfer{*src, *dest, {"BatchNorm2d"}, {"BatchNorm2d"}};
  EXPECT_THAT(refusal<MismatchError>([&] { transfer(kInput); }),
              HasSubstr("missing in the destination, because its operation is skipped"));
}

/// A network with a parameter that no recorded operation has, as a scale between two layers.
class WithLooseParameter : public Module {
 public:
  explicit WithLooseParameter(const ResNetConfig& config) {
    network_ = &add_module("network", make_timm_resnet(config));
    add_tensor("scale", {3}, scale_);
  }

 protected:
  Value forward(Value x) const override { return (*network_)(x); }

 private:
  Module* network_;
  Tensor scale_;
};

TEST(ModuleTransferTest, RefusesToLeaveALooseParameterBehind) {
  WithLooseParameter src(small());
  const auto dest = make_hf_resnet(small());
  fill(src);
  EXPECT_EQ(refusal<MismatchError>([&] {
              ModuleTransfer{src, *dest}(kInput);
            }),
            "no operation of the source uses 1 of its tensors: scale");
  for (const Module::Slot& slot : dest->slots()) EXPECT_EQ(slot.tensor->owner(), nullptr);
}

TEST(ModuleTransferTest, RefusesToLeaveALooseParameterUnfilled) {
  const auto src = make_timm_resnet(small());
  WithLooseParameter dest(small());
  fill(*src);
  EXPECT_THAT(refusal<MismatchError>([&] {
                ModuleTransfer{*src, dest}(kInput);
              }),
              StartsWith("scale: "));
}

TEST(RequireEqualGraphsTest, FindsADifferentActivationThoughTensorsAreEqual) {
  ResNetConfig other = small();
  other.hidden_act = Activation::kSilu;
  const auto src = make_timm_resnet(small());
  const auto dest = make_hf_resnet(other);
  fill(*src);
  ModuleTransfer{*src, *dest}(kInput);
  const std::string text = refusal<MismatchError>(
      [&] { require_equal_graphs(trace(*src, kInput), trace(*dest, kInput)); });
  EXPECT_THAT(text, HasSubstr("act1: activation(relu)"));
  EXPECT_THAT(text, HasSubstr("resnet.embedder.embedder.activation: activation(silu)"));
}

}  // namespace
}  // namespace weightlift
