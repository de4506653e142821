// Tensors outside the network: classifiers, ignored tensors and refusals.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/checkpoint/torch_builder.h"
#include "tests/convert/job.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"
#include "weightlift/convert/diff.h"
#include "weightlift/convert/report.h"
#include "weightlift/tensor/compare.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::names_in;
using ::testing::Not;
using testing::read_file;
using testing::request_for;
using testing::run;
using testing::small_checkpoint;
using testing::TempDir;
using testing::told;

template <class Result>
Json json_of(const Result& result) {
  Json json;
  add_to(json, result);
  return json;
}

/// A part of the refusal of unknown tensors.
std::string unknown(const std::string& names) {
  return "unknown tensors outside the network may change its outputs: " + names;
}

/// A part of the note about ignored unknown tensors.
std::string ignored(const std::string& names) {
  return "tensors-ignored kind='unknown' names='" + names;
}

Tensor floats(const Shape& shape, float value = 0.5F) {
  return Tensor::of(shape, std::vector<float>(static_cast<std::size_t>(numel(shape)), value));
}

/// The small network (32 features, 5 classes) in a lone file with other tensors.
class OutsideTest : public ::testing::Test {
 public:
  /// The small network with other names for fc's tensors; "" drops one.
  OutsideTest& with(const std::string& prefix, const std::string& fc_weight = "fc.weight",
                    const std::string& fc_bias = "fc.bias") {
    tensors_ = {};
    for (const auto& [name, tensor] : small_checkpoint().tensors) {
      std::string renamed = prefix + name;
      if (name == "fc.weight") renamed = fc_weight == name ? renamed : fc_weight;
      if (name == "fc.bias") renamed = fc_bias == name ? renamed : fc_bias;
      if (!renamed.empty()) tensors_.insert(renamed, tensor);
    }
    return *this;
  }
  OutsideTest& add(const std::string& name, const Tensor& tensor) {
    tensors_.insert(name, tensor);
    return *this;
  }
  OutsideTest& add(const std::string& name, const Shape& shape) { return add(name, floats(shape)); }

  ConversionRequest request(const SourceHints& hints = {}) {
    fs::remove(dir_ / "lone.pth");
    write_torch(dir_ / "lone.pth", output_tensors(tensors_));
    ConversionRequest request = request_for(dir_ / "lone.pth", dir_ / "out");
    request.hints = hints;
    request.force = true;
    return request;
  }
  template <class Kind = MismatchError>
  std::string refusal(const SourceHints& hints = {}) {
    std::string message = testing::refusal<Kind>([&] { run(request(hints)); });
    EXPECT_THAT(names_in(dir_ / "out"), IsEmpty());
    EXPECT_THAT(message, Not(HasSubstr("\n")));
    return message;
  }
  /// Converts, and expects the small network's weights.
  Conversion converted(const SourceHints& hints = {}) {
    Conversion result = run(request(hints));
    EXPECT_TRUE(result.written && is_verified(result));
    EXPECT_EQ(result.content.config.num_labels, 5);
    const Source written = open_source((dir_ / "out/lone").string());
    const auto own = small_checkpoint().tensors;
    EXPECT_TRUE(bit_equal(written.tensors.at("classifier.1.weight"), own.at("fc.weight")));
    if (!result.bias_added) {
      EXPECT_TRUE(bit_equal(written.tensors.at("classifier.1.bias"), own.at("fc.bias")));
    }
    return result;
  }
  std::string card() const { return read_file(dir_ / "out/lone/README.md"); }

  TempDir dir_;
  StateDict tensors_;
};

TEST_F(OutsideTest, RefusesLayersAfterTheNetwork) {
  with("backbone.").add("classifier.weight", {3, 5}).add("classifier.bias", {3});
  EXPECT_THAT(refusal(),
              HasSubstr("lone.pth: unknown tensors outside the network may change its outputs: "
                        "classifier.weight [3, 5], classifier.bias [3] ('classifier.weight' has 5 "
                        "inputs, as many as the network's fc has outputs); "
                        "ignore-tensors(classifier.*); choose-weights(backbone); drop-head()"));
}

TEST_F(OutsideTest, RefusesUnknownTensorsOfAnyWidthAndPlace) {
  for (const auto& [name, shape] : std::vector<std::pair<std::string, Shape>>{
           {"pool.p", {1}},
           {"adapter.weight", {3, 13, 1, 1}},
           {"classifier.weight", {3, 77}},
           {"temperature", {1}},
           {"normalizer.mean", {3}},
           {"logit_scale", {}},
           {"aux.weight", {5, 24}},
           {"label_embedding", {5, 32}},
           {"backbone.pool.p", {1}},
           {"backbone.layer1.0.adapter.weight", {1}},
       }) {
    with("backbone.").add(name, shape);
    EXPECT_THAT(refusal(), HasSubstr(unknown(name))) << name;
    converted({.ignore = {name}});
    fs::remove_all(dir_ / "out");
  }
  with("").add("temperature", {1});
  EXPECT_THAT(refusal(),
              HasSubstr(unknown("temperature [1]; ignore-tensors(temperature); drop-head()")));
  converted({.ignore = {"temp*"}});
}

TEST_F(OutsideTest, ConvertsABackboneWithANote) {
  with("backbone.").add("classifier.weight", {3, 5});
  ConversionRequest wanted = request();
  wanted.head = Head::kNone;
  const Conversion result = run(wanted);
  EXPECT_TRUE(result.written);
  EXPECT_THAT(told(result.notes), Contains(HasSubstr(ignored("classifier.weight"))));
  EXPECT_THAT(card(),
              HasSubstr("- ignored tensors of the checkpoint: unknown: classifier.weight\n"));
}

TEST_F(OutsideTest, IgnoresTensorsByTheirFullNames) {
  with("backbone.").add("aux.weight", {5, 24}).add("aux.bias", {5}).add("scale", {1});
  EXPECT_THAT(refusal({.ignore = {"aux.*"}}), HasSubstr(unknown("scale [1]; ")));
  const Conversion result = converted({.ignore = {"aux.*", "sc[a-b]le"}});
  EXPECT_THAT(told(result.notes), Contains(HasSubstr(ignored("aux.weight, aux.bias, scale"))));
  EXPECT_THAT(card(), HasSubstr("unknown: aux.weight, aux.bias, scale; the user stated that the "
                                "outputs do not depend on them\n"));
  const Json json = json_of(result);
  EXPECT_EQ(json["ignored"].size(), 3U);
  EXPECT_EQ(json["ignored"][0]["name"], "aux.weight");
  EXPECT_EQ(json["ignored"][0]["kind"], "unknown");
}

TEST_F(OutsideTest, RefusesPatternsThatMatchNothingOrTheNetwork) {
  with("backbone.").add("aux.weight", {5, 24});
  EXPECT_THAT(refusal<UsageError>({.ignore = {"aux.*", "aux2.*"}}),
              HasSubstr("ignore: 'aux2.*' matches no tensor of"));
  EXPECT_THAT(refusal<UsageError>({.ignore = {"*"}}),
              AllOf(HasSubstr("ignore: '*' matches 'backbone."), HasSubstr("of the network")));
  EXPECT_THAT(refusal<UsageError>({.ignore = {"backbone.fc.?ias"}}),
              HasSubstr("matches 'backbone.fc.bias', a tensor of the network"));
}

TEST_F(OutsideTest, AWeightsKeyAllowsToIgnoreTensorsOutside) {
  with("backbone.").add("classifier.weight", {3, 5});
  const Conversion result = converted({.weights_key = "backbone"});
  EXPECT_THAT(told(result.notes), Contains(HasSubstr(ignored("classifier.weight"))));
  EXPECT_THAT(card(), HasSubstr("the user stated"));
  fs::remove_all(dir_ / "out");
  add("backbone.pool.p", {1});
  EXPECT_THAT(refusal({.weights_key = "backbone"}),
              AllOf(HasSubstr(unknown("backbone.pool.p [1]; ")), Not(HasSubstr("choose-weights"))));
}

TEST_F(OutsideTest, IgnoresTensorsForTraining) {
  with("module.encoder.")
      .add("criterion.weight", {5})
      .add("center_loss.centers", {5, 32})
      .add("val_cm.confmat", {5, 5})
      .add("ema.fcweight", {5, 32})
      .add("module.queue", {32, 64})
      .add("module.queue_ptr", Tensor::of({1}, std::vector<std::int64_t>{3}))
      .add("module.encoder.layer1.0.total_ops", Tensor::of({1}, std::vector<double>{3}))
      .add("module.encoder.conv1.total_params", Tensor::of({1}, std::vector<double>{3}));
  const Conversion result = converted();
  EXPECT_THAT(told(result.notes),
              Contains(AllOf(HasSubstr("tensors-ignored kind='training only' names="),
                             HasSubstr("criterion.weight (loss)"),
                             HasSubstr("ema.fcweight (weight average)"))));
  EXPECT_THAT(card(),
              AllOf(HasSubstr("of the checkpoint: training only: "), Not(HasSubstr("stated"))));
}

TEST_F(OutsideTest, RefusesUnknownTensorsInLists) {
  using testing::text;
  constexpr std::int64_t kFloats = 64 * 64 * 9;  // as many as the largest tensor has
  const auto view = [](const Shape& shape) {
    std::vector<std::int64_t> stride(shape.size(), 1);
    for (std::size_t i = shape.size(); i-- > 1;) stride[i - 1] = stride[i] * shape[i];
    return testing::float_tensor(kFloats, 0, shape, stride);
  };
  std::string tensors;
  for (const auto& [name, tensor] : small_checkpoint().tensors) {
    tensors += text(name) + view(tensor.shape());
  }
  const std::string value = "}(" + text("state_dict") + testing::ordered_dict(tensors) +
                            text("optimizer_states") + testing::tuple(view({2})) +
                            text("normalizer") + testing::tuple(view({3}) + view({3})) + "u";
  testing::write_file(dir_ / "lists.pth",
                      testing::torch_zip(value, {testing::counting_floats(kFloats)}));
  ConversionRequest wanted = request_for(dir_ / "lists.pth", dir_ / "out");
  EXPECT_THAT(testing::refusal<MismatchError>([&] { run(wanted); }),
              HasSubstr(unknown("normalizer (tensors in a list); ")));
  wanted.hints.ignore = {"normalizer"};
  EXPECT_TRUE(run(wanted).written);
}

TEST_F(OutsideTest, ConvertsEachNetworkOfAnEnsemble) {
  with("models.0.");
  for (const auto& [name, tensor] : small_checkpoint().tensors) add("models.1." + name, tensor);
  EXPECT_THAT(refusal(), HasSubstr("expected one network, got 2: models.0, models.1"));
  for (const char* key : {"models.0", "models.1"}) {
    const Conversion result = converted({.weights_key = key});
    EXPECT_THAT(told(result.notes),
                Contains(HasSubstr("tensors-ignored kind='other network' names='models.")));
  }
}

TEST_F(OutsideTest, UsesOneLinearLayerWithAnotherNameAsClassifier) {
  for (const auto& [prefix, weight, bias] : std::vector<std::array<std::string, 3>>{
           {"", "fc.1.weight", "fc.1.bias"},
           {"backbone.", "head.fc.weight", "head.fc.bias"},
           {"encoder.", "classifier.weight", "classifier.bias"},
           {"0.", "1.weight", "1.bias"},
           {"model.", "model.last_linear.weight", "model.last_linear.bias"}}) {
    fs::remove_all(dir_ / "out");
    with(prefix, weight, bias);
    const Conversion result = converted();
    const std::string module = weight.substr(0, weight.size() - 7);
    EXPECT_EQ(result.head, module);
    EXPECT_THAT(told(result.notes), Contains(HasSubstr("head-renamed module='" + module + "'")));
    EXPECT_THAT(card(), HasSubstr("the classifier is the checkpoint's '" + module + "'"));
    EXPECT_EQ(json_of(result)["head"], module);
  }
}

TEST_F(OutsideTest, UsesAClassifierNextToTrainingTensors) {
  with("backbone.", "head.fc.weight", "head.fc.bias").add("criterion.weight", {5});
  EXPECT_EQ(converted().head, "head.fc");
}

TEST_F(OutsideTest, RefusesDoubtfulClassifiersUnlessNamed) {
  for (const auto& [module, why] : std::vector<std::pair<std::string, std::string>>{
           {"projector", "its name contains 'proj'"},
           {"embedding.fc", "its name contains 'embed'"},
           {"arcface", "its name contains 'arc'"},
           {"cosine_head", "its name contains 'cos'"},
           {"prototypes", "its name contains 'proto'"}}) {
    with("backbone.", module + ".weight", module + ".bias");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("expected one linear layer as the classifier "
                                           "(fc.weight, fc.bias), got "),
                                 HasSubstr("choose-head(" + module + ", " + why + ")")));
    EXPECT_EQ(converted({.head_key = module}).head, module);
    fs::remove_all(dir_ / "out");
  }
  with("backbone.", "logits.weight", "");
  EXPECT_THAT(refusal(), HasSubstr("choose-head(logits, it has no bias)"));
  EXPECT_TRUE(converted({.head_key = "logits.weight"}).bias_added);
}

TEST_F(OutsideTest, ListsSeveralClassifiers) {
  with("backbone.", "head_a.weight", "head_a.bias").add("head_b.weight", {7, 32});
  add("head_b.bias", {7});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("with 2 possible classifiers"),
                               HasSubstr("choose-head(head_a, ); choose-head(head_b, )")));
  EXPECT_THAT(refusal({.head_key = "head_a"}),
              HasSubstr(unknown("head_b.weight [7, 32], head_b.bias [7]")));
  EXPECT_EQ(converted({.head_key = "head_a", .ignore = {"head_b.*"}}).head, "head_a");
}

TEST_F(OutsideTest, RefusesParametersBetweenBackboneAndClassifier) {
  with("backbone.", "head.fc.weight", "head.fc.bias").add("neck.bn.weight", {32});
  EXPECT_THAT(refusal(),
              AllOf(HasSubstr("neck.bn.weight [32]"), HasSubstr("choose-head(head.fc, )")));
  EXPECT_THAT(refusal({.head_key = "head.fc"}), HasSubstr(unknown("neck.bn.weight [32]")));
}

TEST_F(OutsideTest, RefusesToIgnoreFcWithoutAPattern) {
  with("").add("head.weight", {7, 32});
  EXPECT_THAT(refusal(), HasSubstr(unknown("head.weight [7, 32]")));
  EXPECT_THAT(refusal({.head_key = "head"}), AllOf(HasSubstr(unknown("")), HasSubstr("fc.weight")));
  const Conversion result = run(request({.head_key = "head", .ignore = {"fc.*"}}));
  EXPECT_EQ(result.content.config.num_labels, 7);
  EXPECT_TRUE(is_verified(result));
}

TEST_F(OutsideTest, RefusesAHeadKeyOfAnotherLayer) {
  with("backbone.", "head.weight", "head.bias").add("aux.weight", {5, 24});
  EXPECT_THAT(refusal<NotFoundError>({.head_key = "aux"}),
              HasSubstr("'aux' is not a linear layer on the network's 32 features; found: head"));
  EXPECT_THAT(refusal<NotFoundError>({.head_key = "nothing"}),
              HasSubstr("'nothing' is not a linear layer"));
}

TEST_F(OutsideTest, AddsAMissingBiasAsZeros) {
  with("", "fc.weight", "");
  const Conversion result = converted();
  EXPECT_TRUE(result.bias_added);
  EXPECT_THAT(told(result.notes), Contains(HasSubstr("lone.pth: bias-added")));
  EXPECT_THAT(card(), HasSubstr("the checkpoint's classifier has no bias; the bias here is zero"));
  const Source written = open_source((dir_ / "out/lone").string());
  EXPECT_TRUE(bit_equal(written.tensors.at("classifier.1.bias"), floats({5}, 0)));
}

TEST_F(OutsideTest, AddsABiasWithTheDtypeOfTheWeights) {
  StateDict half;
  for (const auto& [name, tensor] : with("", "fc.weight", "").tensors_) {
    half.insert(name, is_floating(tensor.dtype()) ? to_dtype(tensor, DType::F16) : tensor);
  }
  tensors_ = half;
  EXPECT_TRUE(is_verified(run(request())));
}

TEST_F(OutsideTest, VerifyReportsNotesAndDiffReportsDifferences) {
  with("backbone.", "head.fc.weight", "").add("pool.p", {1});
  const SourceHints hints{.head_key = "head.fc", .ignore = {"pool.p"}};
  converted(hints);
  const std::string source = (dir_ / "lone.pth").string();
  const std::string folder = (dir_ / "out/lone").string();
  testing::Listener listener;
  const FolderVerification verified =
      verify_folder(source, hints, folder, {.threads = 1}, listener);
  EXPECT_TRUE(verified.network.verified());
  EXPECT_THAT(told(listener.notes),
              AllOf(Contains(HasSubstr("head-renamed module='head.fc'")),
                    Contains(HasSubstr("bias-added")), Contains(HasSubstr(ignored("pool.p")))));
  EXPECT_EQ(json_of(verified)["ignored"][0]["name"], "pool.p");
  EXPECT_THAT(testing::refusal<MismatchError>([&] {
                verify_folder(source, {.head_key = "head.fc"}, folder, {.threads = 1}, listener);
              }),
              HasSubstr(unknown("pool.p [1]")));
  ProgressSink silent;
  const CheckpointDiff diff =
      diff_checkpoints(open_diff_side(source, hints), open_diff_side(folder), silent);
  std::vector<std::string> found;
  for (const TensorDifference& difference : diff.differences) {
    found.push_back(difference.a ? difference.a->name : difference.b->name);
  }
  EXPECT_THAT(found, ::testing::UnorderedElementsAre("pool.p", "classifier.1.bias"));
}

TEST_F(OutsideTest, ReportsTheAddedBiasForTimm) {
  with("backbone.", "head.fc.weight", "");
  ConversionRequest wanted = request();
  wanted.to = Form::kTimm;
  const Conversion result = run(wanted);
  EXPECT_TRUE(result.written && is_verified(result));
  EXPECT_THAT(told(result.notes), Contains(HasSubstr("bias-added")));
}

}  // namespace
}  // namespace weightlift
