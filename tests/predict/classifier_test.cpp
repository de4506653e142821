#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/convert/convert.h"
#include "weightlift/predict.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::merged;
using testing::read_file;
using testing::refusal;
using testing::TempDir;
using testing::told;
using testing::write_file;

const fs::path kDigits = fs::path(WEIGHTLIFT_SOURCE_DIR) / "examples/digits";

/// The converted network of examples/digits.
struct Digits {
  explicit Digits(ConversionRequest request = {}) {
    request.source = kDigits;
    request.output = dir.path();
    request.verify = false;
    convert_local(request, {kDigits, "digits"}, no_progress());
  }
  fs::path folder() const { return dir / "digits"; }
  void patch(const char* file, const char* json) const {
    write_file(folder() / file, merged(read_file(folder() / file), json));
  }
  std::string refused() const {
    return refusal<Error>([&] { Classifier::open(folder()); });
  }
  TempDir dir;
};

ImageInput digit(const std::string& name) { return {.file = kDigits / "images" / (name + ".png")}; }

std::vector<ImageInput> all_digits() {
  std::vector<ImageInput> inputs;
  for (const char* name :
       {"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"}) {
    inputs.push_back(digit(name));
  }
  return inputs;
}

std::vector<Classified> classify(const Classifier& classifier,
                                 const std::vector<ImageInput>& inputs, int threads = 2) {
  std::vector<Classified> results;
  classifier.classify(inputs, {.threads = threads}, [&](std::size_t i, const Classified& result) {
    EXPECT_EQ(i, results.size());
    results.push_back(result);
  });
  EXPECT_EQ(results.size(), inputs.size());
  return results;
}

std::string error_of(const Classified& result) { return result.error ? told(*result.error) : ""; }

void expect_all_right(const Classifier& classifier, float least_score) {
  const std::vector<ImageInput> inputs = all_digits();
  const std::vector<Classified> results = classify(classifier, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    ASSERT_EQ(error_of(results[i]), "");
    const Prediction best = classifier.best(results[i].scores, 1).at(0);
    EXPECT_EQ(best.label, inputs[i].file.stem());
    EXPECT_EQ(best.id, static_cast<std::int64_t>(i));
    EXPECT_GT(best.score, least_score);
  }
}

TEST(ClassifierTest, ClassifiesDigits) {
  const Digits digits;
  expect_all_right(Classifier::open(digits.folder()), 0.5F);
}

TEST(ClassifierTest, OpensTorchFilesAndHalfPrecision) {
  const Digits torch({.weights_format = WeightsFormat::kBin});
  EXPECT_FALSE(fs::exists(torch.folder() / "model.safetensors"));
  expect_all_right(Classifier::open(torch.folder()), 0.5F);
  const Digits half({.dtype = DType::F16});
  expect_all_right(Classifier::open(half.folder()), 0.49F);
}

TEST(ClassifierTest, ScoresDependNeitherOnOtherImagesNorOnThreads) {
  const Digits digits;
  const Classifier classifier = Classifier::open(digits.folder());
  const auto one = classify(classifier, all_digits(), 1);
  const auto three = classify(Classifier::open(digits.folder()), all_digits(), 3);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_EQ(one[i].scores, three[i].scores) << i;
  const auto alone = classify(classifier, {digit("zero")}, 2);
  EXPECT_EQ(alone[0].scores, one[0].scores);
}

TEST(ClassifierTest, RefusesNaNInTheWeights) {
  const Digits digits;
  const fs::path weights = digits.folder() / "model.safetensors";
  std::vector<OutputTensor> entries;
  const std::string name = "resnet.embedder.embedder.normalization.bias";
  {
    const SafetensorsFile loaded = load_safetensors(MappedFile::open(weights));
    for (const auto& [key, tensor] : loaded.tensors) {
      const float nan = std::numeric_limits<float>::quiet_NaN();
      entries.push_back(
          {key, key == name ? testing::with_element(tensor, 0, nan) : tensor, tensor.dtype()});
    }
    fs::remove(weights);
    write_safetensors(weights, entries, {{"format", "pt"}});
  }
  const Classifier classifier = Classifier::open(digits.folder());
  for (const auto& images : {std::vector{digit("one")}, std::vector{digit("one"), digit("two")}}) {
    EXPECT_THAT(
        refusal<UnsupportedError>([&] { classify(classifier, images); }),
        HasSubstr("model.safetensors: " + name + ": expected finite weights, got 1 NaN and 0 inf"));
  }
}

TEST(ClassifierTest, ReportsPixelValuesThatAreNotFinite) {
  const Digits digits;
  const fs::path file = digits.folder() / "preprocessor_config.json";
  write_file(file, testing::merged(read_file(file), R"({"rescale_factor": 1e308})"));
  EXPECT_THAT(error_of(classify(Classifier::open(digits.folder()), {digit("one")}).at(0)),
              HasSubstr("one.png: pixel_values: expected finite numbers, got inf; advice(check "
                        "rescale_factor"));
}

TEST(ClassifierTest, ReportsBrokenImagesInOrder) {
  const Digits digits;
  const Classifier classifier = Classifier::open(digits.folder());
  const ImageInput broken{.file = "cut.png", .bytes = read_file(digit("two").file).substr(0, 99)};
  const ImageInput absent{.file = digits.dir / "none.png"};
  const auto results = classify(classifier, {digit("one"), broken, absent, digit("two")});
  EXPECT_EQ(error_of(results[0]), "");
  EXPECT_THAT(error_of(results[1]), HasSubstr("cut.png: truncated PNG of 99 bytes"));
  EXPECT_TRUE(results[1].scores.empty());
  EXPECT_THAT(error_of(results[2]), HasSubstr("none.png: not found"));
  EXPECT_EQ(classifier.best(results[3].scores, 1).at(0).label, "two");
  EXPECT_THAT(error_of(classify(classifier, {absent})[0]), HasSubstr("none.png"));
}

TEST(ClassifierTest, ClassifiesImagesOfDifferentSizes) {
  const Digits digits;
  digits.patch("preprocessor_config.json", R"({"do_resize": false})");
  const Classifier classifier = Classifier::open(digits.folder());
  const ImageInput wide{.file = "wide", .bytes = "P5 40 33 255\n" + std::string(40 * 33, 'x')};
  const auto results = classify(classifier, {digit("one"), wide, digit("two"), wide});
  for (const Classified& result : results) EXPECT_EQ(error_of(result), "");
  EXPECT_EQ(results[1].scores, results[3].scores);
  EXPECT_NE(results[1].scores, results[0].scores);
  EXPECT_EQ(classifier.best(results[2].scores, 1).at(0).label, "two");
}

TEST(ClassifierTest, MultiLabelScoresAreSigmoids) {
  const Digits digits;
  digits.patch("config.json", R"({"problem_type": "multi_label_classification"})");
  const auto results = classify(Classifier::open(digits.folder()), {digit("one"), digit("two")});
  double sum = 0;
  for (const float score : results[0].scores) sum += static_cast<double>(score);
  EXPECT_GT(sum, 1.05);
  digits.patch("config.json", R"({"problem_type": "multi"})");
  EXPECT_THAT(digits.refused(), HasSubstr("config.json: problem_type: expected regression, "));
}

TEST(ClassifierTest, AnExceptionOfTheCallerEndsTheRun) {
  const Digits digits;
  const Classifier classifier = Classifier::open(digits.folder());
  const std::vector<ImageInput> many(200, digit("one"));
  int seen = 0;
  EXPECT_THROW(classifier.classify(many, {.threads = 2},
                                   [&](std::size_t, const Classified&) {
                                     if (++seen == 3) throw Interrupted(2);
                                   }),
               Interrupted);
  EXPECT_EQ(seen, 3);
}

TEST(ClassifierTest, RefusesSourcesThatAreNoTransformersClassifier) {
  EXPECT_THAT(refusal<UnsupportedError>([] { Classifier::open(kDigits); }),
              HasSubstr("examples/digits/config.json: expected transformers' config.json, got "
                        "timm's; convert-first(" +
                        kDigits.string() + ")"));
  EXPECT_THAT(refusal<NotFoundError>([] { Classifier::open(kDigits / "images"); }),
              HasSubstr("images: not a transformers folder: config.json not found; "
                        "convert-first("));
  EXPECT_THAT(refusal<NotFoundError>([] { Classifier::open(kDigits / "none"); }),
              HasSubstr("none: no such folder"));
  EXPECT_EQ(refusal<NotFoundError>([] { Classifier::open("resnet18"); }),
            "resnet18: no such folder, only a timm model of this name; convert-first(resnet18)");
  EXPECT_THAT(refusal<UnsupportedError>([] { Classifier::open(kDigits / "config.json"); }),
              HasSubstr("config.json: expected a transformers folder, got a file; "
                        "convert-first("));
  const Digits backbone({.head = Head::kNone});
  EXPECT_THAT(backbone.refused(),
              HasSubstr("config.json: expected the architecture ResNetForImageClassification, got "
                        "a backbone without a classifier"));
}

TEST(ClassifierTest, RefusesFilesThatDoNotMatch) {
  const Digits digits;
  digits.patch("preprocessor_config.json", R"({"image_mean": [0.5], "image_std": [0.5, 0.5]})");
  EXPECT_THAT(digits.refused(),
              HasSubstr("preprocessor_config.json: image_std: expected 3 values"));
  fs::remove(digits.folder() / "preprocessor_config.json");
  EXPECT_THAT(digits.refused(),
              HasSubstr("preprocessor_config.json: not found: the folder has no image processor"));
  digits.patch("config.json", R"({"hidden_sizes": [16, 32, 64, 256]})");
  EXPECT_THAT(digits.refused(), HasSubstr("model.safetensors: "));
  fs::remove(digits.folder() / "model.safetensors");
  EXPECT_THAT(digits.refused(),
              HasSubstr("digits: model.safetensors or pytorch_model.bin not found"));
}

}  // namespace
}  // namespace weightlift
