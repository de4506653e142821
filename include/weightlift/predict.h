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

namespace WEIGHTLIFT_API weightlift {

/// A class with its score.
struct Prediction {
  std::int64_t id = 0;
  std::string label;
  float score = 0;
};

/// An image to classify: a file, or bytes in memory.
struct ImageInput {
  std::filesystem::path file;             ///< also its name in messages
  std::optional<std::string> bytes = {};  ///< instead of the file's
};

/// The result for one image.
struct Classified {
  std::vector<float> scores;  ///< of each class; empty where there is an error
  Notes notes;
  std::optional<Error> error;
};

struct ClassifyOptions {
  int threads = 0;  ///< images computed at the same time; 0: as many as there are cores
  DecodeLimits limits = {};
};

/// Classifies as transformers' pipeline("image-classification") with the Pillow back end: image,
/// image processor, network, scores. Computes in float32, whatever the weights' dtype.
class Classifier {
 public:
  /// Opens a transformers folder by open_model and load_folder_processor. Throws what they throw,
  /// and MismatchError where the image processor does not fit the network.
  static Classifier open(const std::filesystem::path& folder);
  Classifier(Classifier&&) noexcept;
  Classifier& operator=(Classifier&&) noexcept;
  ~Classifier();

  const ModelConfig& config() const;
  const Notes& notes() const;  ///< of opening

  /// Calls done(i, result) for each image in the given order, on this thread. Each of the threads
  /// computes one image after the other, from file to scores. So results depend neither on the
  /// number of threads nor on the other images, and memory does not grow with the number of images.
  /// An image that cannot be classified gives a result with an error. An exception from `done` ends
  /// the run and passes through. Throws FormatError where the weights file changed meanwhile, and
  /// UnsupportedError where some weights are not finite.
  void classify(std::span<const ImageInput> images, const ClassifyOptions& options,
                const std::function<void(std::size_t, const Classified&)>& done) const;

  /// The color mode of the network's images, for load_image() and decode_image().
  ColorMode color_mode() const;

  /// The network's input for an image of that color mode, as its image processor makes it:
  /// pixel_values of shape (1, C, H, W), F32. Throws as to the image, MismatchError or UsageError.
  Tensor preprocess(const Image& image) const;

  /// The logits of pixel_values (N, C, H, W), F32: shape (N, num_labels), F32. Computes on this
  /// thread alone, with the bits of classify() for one image. The first call binds the weights to
  /// its shape, and later calls with that shape are faster. Throws MismatchError for another shape
  /// or dtype, FormatError where the weights file changed meanwhile, and UnsupportedError where
  /// some weights are not finite.
  Tensor forward(const Tensor& pixel_values) const;

  /// Returns the `k` best classes, the best first.
  std::vector<Prediction> best(std::span<const float> scores, std::size_t k) const;

 private:
  struct Impl;
  explicit Classifier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weightlift
