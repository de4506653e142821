#pragma once

// Layer: predict

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weightlift/image.h"
#include "weightlift/models.h"

/// @file
/// Classification of images with a transformers model.

namespace WEIGHTLIFT_API weightlift {

/// A class with its score.
struct Prediction {
  std::int64_t id = 0;
  std::string label;
  float score = 0;
};

/// An image to classify: a file, or bytes in memory. Owns its bytes.
struct ImageInput {
  std::filesystem::path file;             ///< also its name in messages
  std::optional<std::string> bytes = {};  ///< instead of the file's
};

/// The result for one image. A plain value.
struct Classified {
  /// One per class: softmax of the logits, sigmoid for ProblemType::kMultiLabel or a single class,
  /// the logits themselves for kRegression. Empty where there is an error.
  std::vector<float> scores;
  Notes notes;                 ///< of decoding
  std::optional<Error> error;  ///< why the image has no scores
};

/// How to classify.
struct ClassifyOptions {
  int threads = 0;  ///< images computed at the same time; 0: as many as there are cores
  DecodeLimits limits = {};
};

/// A transformers model with its image processor. Classifies as transformers'
/// pipeline("image-classification") with the Pillow back end: image, image processor, network,
/// scores. Computes in float32, whatever the weights' dtype.
///
/// Keeps the weights file mapped, and owns all else; results outlive it. All const calls of one
/// Classifier may overlap. After a move, only assign to the source or destroy it.
class Classifier {
 public:
  /// Opens a transformers folder: config.json, preprocessor_config.json, and weights where
  /// from_pretrained looks for them. fetch_model() returns the folder of a repository. A thread
  /// then checks that the weights are finite.
  ///
  /// Throws NotFoundError for a missing folder or file, FormatError for a damaged one, IoError
  /// where the system refuses, UnsupportedError for an unsupported network or image processor, a
  /// timm checkpoint or a backbone without a classifier, and MismatchError where weights, config
  /// and image processor disagree.
  static Classifier open(const std::filesystem::path& folder);

  /// Takes the model of another one.
  Classifier(Classifier&&) noexcept;
  Classifier& operator=(Classifier&&) noexcept;

  /// Waits for the check of the weights.
  ~Classifier();

  /// Labels, channels and dtype of the model; valid as long as the classifier lives.
  const ModelConfig& config() const;
  /// The settings that prepare its images.
  const ImageProcessor& image_processor() const;

  /// What opening found; valid as long as the classifier lives.
  const Notes& notes() const;

  /// Calls done(i, result) for each image in the given order, on this thread. Each of the threads
  /// computes one image after the other, from file to scores. So results depend neither on the
  /// number of threads nor on the other images, and memory does not grow with the number of images.
  /// An image that cannot be classified gives a result with an error. `result` is valid during the
  /// call of `done`.
  ///
  /// An exception from `done` ends the run and reaches the caller. Throws FormatError where the
  /// weights file changed meanwhile (then the results are not valid), and UnsupportedError where
  /// some weights are not finite.
  void classify(std::span<const ImageInput> images, const ClassifyOptions& options,
                const std::function<void(std::size_t, const Classified&)>& done) const;

  /// The color mode of the network's images, for load_image() and decode_image(): kL for networks
  /// of one channel, else kRGB.
  ColorMode color_mode() const;

  /// The network's input for an image of that color mode, as its image processor makes it:
  /// pixel_values of shape (1, C, H, W), F32. Throws MismatchError or UsageError for an image as
  /// weightlift::preprocess().
  Tensor preprocess(const Image& image) const;

  /// The logits of pixel_values (N, C, H, W), F32: shape (N, num_labels), F32. Computes on this
  /// thread alone, with the bits of classify() for one image. The first call binds the weights to
  /// its shape, which takes memory for a float32 copy of them; later calls with that shape are
  /// faster. Throws MismatchError for another shape or dtype, FormatError where the weights file
  /// changed meanwhile, and UnsupportedError where some weights are not finite. Unlike classify(),
  /// does not check that pixels and logits are finite.
  Tensor forward(const Tensor& pixel_values) const;

  /// The scores of the logits of one image, as the pipeline of transformers computes them: softmax,
  /// sigmoid or the logits themselves. Throws UnsupportedError where a logit is not finite.
  std::vector<float> scores(std::span<const float> logits) const;

  /// The `k` classes of the highest scores, or of the highest logits of one image; all where there
  /// are fewer, none of no scores. The best comes first, and of equal ones the lower class id. NaN
  /// comes last. Throws UsageError for another number of scores than classes.
  std::vector<Prediction> best(std::span<const float> scores, std::size_t k) const;

 private:
  struct Impl;
  explicit Classifier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weightlift
