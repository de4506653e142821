#include "weightlift/models/outside.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "weightlift/models/linear_head.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::string_literals;

Tensor zeros(DType dtype, const Shape& shape) {
  const auto bytes = std::make_shared<const std::vector<std::byte>>(
      static_cast<std::size_t>(numel(shape)) * item_bytes(dtype));
  return Tensor::view(dtype, shape, *bytes, bytes);
}

struct Fact {
  std::string name;
  Shape shape = {4};
  DType dtype = DType::F32;
};

/// Enough names for a complete ResNet.
std::vector<std::string> network() {
  return {"conv1.weight", "bn1.running_mean", "layer1.0.conv1.weight", "layer2.0.conv1.weight",
          "fc.weight"};
}

/// A file whose top level has a network with `prefix`, and other tensors.
struct File {
  std::vector<NamedDict> dicts = {{"", 0, {}}};
  std::vector<OutsideTensor> outside = {};
  WeightsChoice choice = {};
  StateDict chosen = {};

  File(const std::string& prefix, const std::vector<Fact>& facts) {
    choice.prefix = prefix;
    for (const std::string& name : network()) {
      dicts[0].names.push_back(prefix + name);
      chosen.insert(prefix + name, zeros(DType::F32, {4}));
    }
    for (const Fact& fact : facts) add(fact);
  }
  void add(const Fact& fact) {
    dicts[0].names.push_back(fact.name);
    chosen.insert(fact.name, zeros(fact.dtype, fact.shape));
    outside.push_back({0, fact.name, fact.name, zeros(fact.dtype, fact.shape)});
  }
  void add_dict(const std::string& path, const std::vector<Fact>& facts) {
    dicts.push_back({path, 1, {}});
    for (const Fact& fact : facts) {
      dicts.back().names.push_back(fact.name);
      outside.push_back(
          {dicts.size() - 1, fact.name, path + "." + fact.name, zeros(fact.dtype, fact.shape)});
    }
  }
  std::vector<std::string> kinds() {
    classify(outside, dicts, choice, chosen);
    std::vector<std::string> kinds;
    for (const OutsideTensor& tensor : outside) {
      kinds.push_back(std::string(to_string(tensor.kind)) +
                      (tensor.reason.empty() ? "" : ": " + tensor.reason));
    }
    return kinds;
  }
};

std::string kind_of(const Fact& fact, const std::string& prefix = "model.") {
  return File(prefix, {fact}).kinds().front();
}

TEST(OutsideTest, RecognizesTensorsForTraining) {
  for (const Fact& fact : std::vector<Fact>{
           {"criterion.weight", {1000}},
           {"criterion_ce.pos_weight", {7}},
           {"loss_fn.weight", {7}},
           {"module.loss.alpha", {1}},
           {"center_loss.centers", {5, 512}},
           {"dino_loss.center", {1, 65536}},
           {"class_weights", {7}},
           {"centers", {5, 64}},
           {"module.queue", {128, 4096}},
           {"queue2", {128, 4096}},
           {"label_queue", {4096}},
           {"queue_ptr", {1}, DType::I64},
           {"val_cm.confmat", {5, 5}, DType::I64},
           {"val_cm.confmat", {5, 5}},
           {"train_metrics.correct", {}},
           {"test_acc.tp", {5}, DType::I32},
           {"n_averaged", {}, DType::I64},
           {"train_acc.total", {1}, DType::I64},
           {"optimizer.state.conv1.exp_avg", {64, 3, 7, 7}},
           {"layer1.0.conv1.momentum_buffer", {8, 8, 3, 3}},
           {"best_acc1", {}},
           {"val_loss", {}},
           {"global_step", {1}},
           {"model.conv1.total_ops", {1}, DType::F64},
           {"total_params", {1}, DType::F64},
       }) {
    EXPECT_THAT(kind_of(fact), ::testing::StartsWith("training only: ")) << fact.name;
    EXPECT_THAT(kind_of(fact, ""), ::testing::StartsWith("training only: ")) << fact.name;
  }
}

TEST(OutsideTest, DoesNotTakeOtherTensorsForTraining) {
  for (const Fact& fact : std::vector<Fact>{
           {"classifier.weight", {5, 1000}},
           {"pool.p", {1}},
           {"adapter.weight", {3, 13, 1, 1}},
           {"temperature", {1}},
           {"normalizer.mean", {3}},
           {"logit_scale", {}},
           {"aux.weight", {5, 256}},
           {"neck.bn.running_mean", {512}},
           // Losses that are the classifier, such as ArcFace.
           {"criterion.weight", {5, 512}},
           {"loss_func.W", {512, 5}},
           {"metric_fc.weight", {5, 512}},
           // Names that contain words of the table.
           {"glossary.weight", {5}},
           {"queue_projection.weight", {5, 5}},
           {"vlad.centers", {64, 512}},
           {"optical.weight", {4}},
           {"best.weight", {4}},
           {"ema.conv1x1.weight", {8, 8, 1, 1}},  // an attention module with this name
           {"classifier.weight", {5, 512}, DType::I8},
           // Integers that select classes or channels, or that a network subtracts.
           {"class_mask", {5}, DType::BOOL},
           {"permutation", {3}, DType::I64},
           {"mean", {3}, DType::I64},
           {"temperature", {}, DType::I64},
           {"layer1.0.conv1.mask", {8, 8, 3, 3}, DType::U8},
           {"center", {1, 3, 1, 1}},
           {"best_temperatures", {4}},
       }) {
    EXPECT_EQ(kind_of(fact), "unknown") << fact.name;
    EXPECT_EQ(kind_of(fact, ""), "unknown") << fact.name;
  }
}

TEST(OutsideTest, RecognizesAveragesByTheirCopies) {
  EXPECT_THAT(File("model.", {{"model_ema.fcweight"},
                              {"ema.layer10conv1weight"},
                              {"ema.decay", {}},
                              {"ema.num_updates", {}, DType::I32},
                              {"averaged_model.conv1.weight"}})
                  .kinds(),
              ::testing::Each("training only: weight average"));
  // A layer called "ema" has another shape, or a name that the network does not have.
  EXPECT_THAT(File("model.", {{"ema.conv1.weight", {8, 8, 1, 1}}, {"ema.fc.weight"}}).kinds(),
              ::testing::Each("unknown"));
  EXPECT_THAT(File("model.", {{"ema.fcweight"}, {"ema.other"}}).kinds(),
              ::testing::Each("unknown"));
}

TEST(OutsideTest, RecognizesCompleteSiblingNetworks) {
  File file("models.0.", {{"models.1.pool.p"}, {"combine.weight"}});
  for (const std::string& name : network()) file.add({"models.1." + name});
  const std::vector<std::string> kinds = file.kinds();
  EXPECT_EQ(kinds[0], "other network: models.1");
  EXPECT_EQ(kinds[1], "unknown");
  const std::vector<IgnoredSummary> lines = summarize(file.outside);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].kind, OutsideKind::kOtherNetwork);
  EXPECT_EQ(lines[0].names, "models.1 (6 tensors)");
  EXPECT_EQ(lines[1].kind, OutsideKind::kUnknown);
  EXPECT_EQ(lines[1].names, "combine.weight");
}

TEST(OutsideTest, AssignsOnlyLayersToAnEnclosingNetwork) {
  File file("teacher.", {{"fc.bias"}, {"scale"}});
  for (const std::string& name : network()) file.add({name});
  const std::vector<std::string> kinds = file.kinds();
  EXPECT_EQ(kinds[0], "other network: (no prefix)");
  EXPECT_EQ(kinds[1], "unknown");
  EXPECT_EQ(kinds[2], "other network: (no prefix)");
}

TEST(OutsideTest, AFewNamesAreNotANetwork) {
  File file("", {});
  file.add_dict("masks", {{"conv1.weight"}, {"layer1.0.conv1.weight"}, {"layer2.0.conv1.weight"}});
  file.add_dict("delta", {{"layer1.0.conv1.weight"}, {"gate"}});
  EXPECT_THAT(file.kinds(), ::testing::Each("unknown"));
}

TEST(OutsideTest, NamesTensorsInListsByTheirKey) {
  File file("", {});
  for (const char* key : {"optimizer_states", "rng_states", "ema", "normalizer", "heads"}) {
    file.outside.push_back(
        {.dict = 0, .name = key, .full_name = key, .tensor = {}, .in_list = true});
  }
  EXPECT_THAT(file.kinds(),
              ElementsAre("training only: optimizer state", "training only: random generator state",
                          "training only: weight average", "unknown", "unknown"));
}

TEST(OutsideTest, ClassifiesOtherDicts) {
  File file("", {});
  std::vector<Fact> ema = {{"head.weight"}};
  for (const std::string& name : network()) ema.push_back({name});
  file.add_dict("ema", ema);
  file.add_dict("optimizer", {{"0", {64, 3, 7, 7}}});
  file.add_dict("metric_fc", {{"weight", {5, 512}}});
  file.add_dict("normalizer", {{"mean", {3}}});
  file.add_dict("hyper_parameters", {{"class_weights", {5}}});
  EXPECT_THAT(file.kinds(),
              ElementsAre("other network: ema", "other network: ema", "other network: ema",
                          "other network: ema", "other network: ema", "other network: ema",
                          "training only: optimizer state", "unknown", "unknown",
                          "training only: training setting"));
}

std::vector<std::string> heads(const std::vector<Fact>& facts) {
  File file("backbone.", facts);
  std::vector<std::string> found;
  for (const LinearHead& head : find_linear_heads(file.outside, file.choice, 512)) {
    found.push_back(head.module + (head.bias ? "" : " without bias") +
                    (head.doubt.empty() ? "" : ": " + head.doubt));
  }
  return found;
}

TEST(LinearHeadTest, FindsMatricesOnTheFeaturesWithAtMostABias) {
  EXPECT_THAT(heads({{"head.fc.weight", {5, 512}}, {"head.fc.bias", {5}}}), ElementsAre("head.fc"));
  EXPECT_THAT(heads({{"last_linear.weight", {5, 512}}}), ElementsAre("last_linear without bias"));
  EXPECT_THAT(heads({{"9.weight", {5, 512}}, {"9.bias", {5}}}), ElementsAre("9"));
  for (const std::vector<Fact>& facts : std::vector<std::vector<Fact>>{
           {{"classifier.weight", {5, 1000}}, {"classifier.bias", {5}}},
           {{"classifier.weight", {5, 512, 1, 1}}, {"classifier.bias", {5}}},
           {{"classifier.weight_v", {5, 512}}, {"classifier.weight_g", {5, 1}}},
           {{"head.weight", {5, 512}}, {"head.bias", {5}}, {"head.scale", {1}}},
           {{"head.weight", {5, 512}}, {"head.bias", {6}}},
           {{"head.weight", {0, 512}}},
           {{"weight", {5, 512}}},
       }) {
    EXPECT_THAT(heads(facts), IsEmpty()) << facts.front().name;
  }
}

TEST(LinearHeadTest, DoubtsProjectionsAndCosines) {
  for (const char* module : {"projector", "embedding", "bank", "memory", "prototypes", "arcface",
                             "cosine", "margin_fc", "ArcMargin.fc", "center"}) {
    EXPECT_THAT(heads({{module + ".weight"s, {5, 512}}, {module + ".bias"s, {5}}}),
                ElementsAre(::testing::HasSubstr(": its name contains '")))
        << module;
  }
  EXPECT_THAT(heads({{"weight_norm.weight", {5, 512}}}),
              ElementsAre("weight_norm without bias: it has no bias"));
}

}  // namespace
}  // namespace weightlift
