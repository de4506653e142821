#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "weightlift/image/decode.h"
#include "weightlift/models/resnet_config.h"
#include "weightlift/predict/scores.h"

namespace weightlift {

/// A picture to classify: a file, or bytes that somebody holds already.
struct PictureInput {
  std::filesystem::path file;             ///< also what messages call it
  std::optional<std::string> bytes = {};  ///< instead of the file's
};

/// What came of one picture.
struct Classified {
  std::vector<float> scores;       ///< of each class; empty where there is an error
  std::vector<std::string> notes;  ///< of the decoder, one line each
  std::string error;               ///< "where: thing: expected X, got Y", empty for none
};

struct ClassifyOptions {
  int threads = 0;  ///< pictures computed at a time; 0: as many as there are cores
  DecodeLimits limits = {};
};

/// A folder of transformers as its pipeline("image-classification") uses it, with the Pillow back
/// end: picture, image processor, network, scores. Computes in float32, whatever the weights'
/// dtype.
class Classifier {
 public:
  /// Opens folder and image processor as open_model and load_folder_processor. Throws what they
  /// throw, and MismatchError where the two do not fit.
  static Classifier open(const std::filesystem::path& folder);
  Classifier(Classifier&&) noexcept;
  Classifier& operator=(Classifier&&) noexcept;
  ~Classifier();

  const ResNetConfig& config() const;
  const std::vector<std::string>& notes() const;  ///< of opening, one line each

  /// Calls done(i, result) for each picture in the order given, on this thread. Each of the threads
  /// computes one picture after the other, from file to scores: results depend neither on the
  /// number of threads nor on the other pictures, and memory not on the number of pictures. A
  /// picture that cannot be classified is a result with an error. What `done` throws passes
  /// through, and ends the run. Throws FormatError where the weights changed meanwhile, and
  /// MismatchError where some are no finite numbers.
  void classify(std::span<const PictureInput> pictures, const ClassifyOptions& options,
                const std::function<void(std::size_t, const Classified&)>& done) const;

  /// The `k` best classes, the best first.
  std::vector<Prediction> best(std::span<const float> scores, std::size_t k) const;

 private:
  struct Impl;
  explicit Classifier(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weightlift
