#include "weightlift/convert/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/refusal.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"
#include "weightlift/models/resnet/resnet.h"
#include "weightlift/transfer/transfer.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pointwise;
using testing::small_checkpoint;
using ::testing::StartsWith;
using testing::TimmCheckpoint;

/// A timm network, and the transformers network with its tensors.
struct Pair {
  explicit Pair(const TimmCheckpoint& checkpoint = small_checkpoint(),
                Head head = Head::kClassifier)
      : src(make_timm_resnet(checkpoint.network, head)),
        dest(make_hf_resnet(checkpoint.network, head)) {
    StateDict tensors;
    for (const auto& [name, tensor] : checkpoint.tensors) {
      if (head == Head::kClassifier || !name.starts_with("fc.")) tensors.insert(name, tensor);
    }
    src->load_state_dict(tensors);
    ModuleTransfer{*src, *dest}({1, 3, 32, 32});
  }
  Verification verify(VerifyOptions options = {.threads = 1}) const {
    const Graph src_graph = trace(*src, {1, 3, 32, 32});
    const Graph dest_graph = trace(*dest, {1, 3, 32, 32});
    return verify_networks(src_graph, dest_graph, options);
  }
  /// Replaces a tensor of dest.
  template <class Change>
  void change(const std::string& name, Change&& with) {
    StateDict tensors;
    for (const auto& [key, tensor] : dest->state_dict()) {
      tensors.insert(key, key == name ? with(tensor) : tensor);
    }
    dest->load_state_dict(tensors);
  }
  std::unique_ptr<Module> src, dest;
};

TEST(RandomInputTest, UsesSplitmixAndBoxMuller) {
  // The same formulas in Python's doubles.
  const Tensor first = random_input({1, 1, 1, 5}, 0, 0);
  EXPECT_THAT(first.data<float>(),
              Pointwise(FloatNear(1e-6F),
                        {-0.45275774F, 0.20776604F, 2.6506058F, -0.49042283F, -0.98860412F}));
  const Tensor other = random_input({3}, 7, 2);
  EXPECT_THAT(other.data<float>(),
              Pointwise(FloatNear(1e-6F), {-0.0015262096F, 0.7776092F, -0.42511229F}));
}

TEST(RandomInputTest, IsStandardNormal) {
  const Tensor input = random_input({1, 3, 64, 64}, 1, 0);
  const auto values = input.data<float>();
  double sum = 0;
  double squares = 0;
  for (const float element : values) {
    const auto value = static_cast<double>(element);
    sum += value;
    squares += value * value;
  }
  const auto count = static_cast<double>(values.size());
  EXPECT_NEAR(sum / count, 0, 0.05);
  EXPECT_NEAR(squares / count, 1, 0.05);
}

TEST(RandomInputTest, DependsOnlyOnSeedAndSample) {
  const Shape shape = {1, 3, 8, 8};
  EXPECT_TRUE(bit_equal(random_input(shape, 3, 1), random_input(shape, 3, 1)));
  EXPECT_FALSE(bit_equal(random_input(shape, 3, 1), random_input(shape, 3, 0)));
  EXPECT_FALSE(bit_equal(random_input(shape, 3, 1), random_input(shape, 4, 1)));
}

TEST(VerifyTest, VerifiesEqualNetworks) {
  for (const LayerType type : {LayerType::kBasic, LayerType::kBottleneck}) {
    const Pair pair(small_checkpoint(type));
    const Verification verification = pair.verify();
    EXPECT_TRUE(verification.verified());
    EXPECT_TRUE(verification.same_dtype);
    EXPECT_THAT(verification.different_tensors, IsEmpty());
    EXPECT_THAT(verification.graph_differences, IsEmpty());
    EXPECT_EQ(verification.first_difference, std::nullopt);
    EXPECT_EQ(verification.outputs.size(), 1U);
    EXPECT_EQ(verification.outputs[0].difference.max_abs, 0);
    EXPECT_EQ(verification.operations, trace(*pair.src, {1, 3, 32, 32}).nodes().size());
  }
}

TEST(VerifyTest, ComparesBothOutputsOfABackbone) {
  const Verification verification = Pair(small_checkpoint(), Head::kNone).verify();
  EXPECT_TRUE(verification.verified());
  ASSERT_EQ(verification.outputs.size(), 2U);
  EXPECT_EQ(verification.outputs[0].name, "last_hidden_state");
  EXPECT_EQ(verification.outputs[1].name, "pooler_output");
}

TEST(VerifyTest, CallsTheCheckpointBetweenSteps) {
  const Pair pair;
  const Graph src = trace(*pair.src, {1, 3, 32, 32});
  const Graph dest = trace(*pair.dest, {1, 3, 32, 32});
  int checks = 0;
  verify_networks(src, dest, {.samples = 4, .threads = 1}, [&] { ++checks; });
  EXPECT_GE(checks, 4);
}

TEST(VerifyTest, FindsOneBitOfOneWeight) {
  Pair pair;
  pair.change(
      "resnet.encoder.stages.1.layers.0.layer.0.convolution.weight", [](const Tensor& tensor) {
        return testing::with_flipped_bit(tensor, 32 * 100 + 22);  // the mantissa's first bit
      });
  const Verification verification = pair.verify();
  EXPECT_FALSE(verification.verified());
  EXPECT_THAT(verification.different_tensors,
              ElementsAre("layer2.0.conv1.weight and "
                          "resnet.encoder.stages.1.layers.0.layer.0.convolution.weight"));
  EXPECT_THAT(verification.graph_differences, IsEmpty());
  ASSERT_TRUE(verification.first_difference);
  EXPECT_THAT(verification.first_difference->src, StartsWith("layer2.0.conv1: Conv2d("));
  EXPECT_THAT(verification.first_difference->dest,
              StartsWith("resnet.encoder.stages.1.layers.0.layer.0.convolution: Conv2d("));
  ASSERT_TRUE(verification.first_difference->difference);
  EXPECT_GT(verification.first_difference->difference->max_abs, 0);
  EXPECT_GT(verification.first_difference->difference->max_rel, 0);
  EXPECT_FALSE(verification.outputs[0].bit_equal);
  EXPECT_GT(verification.outputs[0].difference.max_abs, 0);
}

TEST(VerifyTest, FindsAWeightThatDoesNotChangeOutputs) {
  Pair pair;
  pair.change("resnet.embedder.embedder.normalization.num_batches_tracked",
              [](const Tensor& tensor) { return testing::with_flipped_bit(tensor, 0); });
  const Verification verification = pair.verify();
  EXPECT_FALSE(verification.verified());
  EXPECT_THAT(verification.different_tensors,
              ElementsAre(StartsWith("bn1.num_batches_tracked and ")));
  EXPECT_TRUE(verification.outputs[0].bit_equal);
  EXPECT_EQ(verification.first_difference, std::nullopt);
}

TEST(VerifyTest, DistinguishesZeroFromMinusZero) {
  Pair pair;
  const std::string name = "classifier.1.bias";
  pair.change(name, [](const Tensor& tensor) { return testing::with_element(tensor, 0, 0.0F); });
  pair.src->load_state_dict([&] {
    StateDict tensors;
    for (const auto& [key, tensor] : pair.src->state_dict()) {
      tensors.insert(key, key == "fc.bias" ? testing::with_element(tensor, 0, -0.0F) : tensor);
    }
    return tensors;
  }());
  EXPECT_THAT(pair.verify().different_tensors, ElementsAre("fc.bias and classifier.1.bias"));
}

TEST(VerifyTest, VerifiesEqualNans) {
  TimmCheckpoint checkpoint = small_checkpoint();
  Tensor& weight = checkpoint.tensors["conv1.weight"];
  weight = testing::with_element(weight, 0, std::numeric_limits<float>::quiet_NaN());
  const Pair pair(checkpoint);
  const Verification verification = pair.verify();
  EXPECT_TRUE(verification.verified());
  EXPECT_EQ(verification.nan_count, 1);
  EXPECT_EQ(verification.non_finite_tensors, 1U);
}

TEST(VerifyTest, FindsANanOnOneSide) {
  Pair pair;
  pair.change("classifier.1.bias", [](const Tensor& tensor) {
    return testing::with_element(tensor, 2, std::numeric_limits<float>::quiet_NaN());
  });
  const Verification verification = pair.verify();
  EXPECT_FALSE(verification.verified());
  EXPECT_TRUE(std::isinf(verification.outputs[0].difference.max_abs));
  EXPECT_THAT(verification.first_difference->src, StartsWith("fc: Linear("));
}

TEST(VerifyTest, FindsAnotherActivationDespiteEqualTensors) {
  const TimmCheckpoint checkpoint = small_checkpoint();
  Pair pair(checkpoint);
  ResNetConfig config = checkpoint.network;
  config.hidden_act = Activation::kGelu;
  auto other = make_hf_resnet(config);
  other->load_state_dict(pair.dest->state_dict());
  pair.dest = std::move(other);
  const Verification verification = pair.verify();
  EXPECT_FALSE(verification.verified());
  EXPECT_THAT(verification.different_tensors, IsEmpty());
  ASSERT_FALSE(verification.graph_differences.empty());
  ASSERT_TRUE(verification.first_difference);
  EXPECT_EQ(verification.first_difference->position, verification.graph_differences[0].position);
  EXPECT_THAT(verification.first_difference->src, HasSubstr("act1: activation(relu)"));
  EXPECT_THAT(verification.first_difference->dest,
              HasSubstr("resnet.embedder.embedder.activation: activation(gelu)"));
  ASSERT_TRUE(verification.first_difference->difference);
  EXPECT_GT(verification.first_difference->difference->max_abs, 0);
}

TEST(VerifyTest, FindsOtherOutputs) {
  TimmCheckpoint other = small_checkpoint();
  other.network.num_labels = 4;
  other = testing::make_timm_checkpoint(other.network, "resnet18");
  Pair pair;
  pair.dest = std::move(Pair(other).dest);
  const Verification verification = pair.verify();
  EXPECT_FALSE(verification.verified());
  EXPECT_THAT(verification.outputs, IsEmpty());
  ASSERT_TRUE(verification.first_difference);
  EXPECT_THAT(verification.first_difference->src, HasSubstr("fc: Linear(32, 5"));
  EXPECT_THAT(verification.first_difference->dest, HasSubstr("classifier.1: Linear(32, 4"));
  EXPECT_EQ(verification.first_difference->difference, std::nullopt);
}

}  // namespace
}  // namespace weightlift
