#include "weightlift/convert/images.h"

#include <fmt/format.h>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/image/decode.h"
#include "weightlift/image/preprocess.h"
#include "weightlift/predict/model.h"
#include "weightlift/predict/scores.h"
#include "weightlift/runtime/program.h"
#include "weightlift/tensor/compare.h"

namespace weightlift {

namespace {

constexpr std::size_t kShownClasses = 5;

Tensor logits_of(const Module& network, const Tensor& pixel_values) {
  const Graph graph = trace(network, pixel_values.shape());
  const Program program = Program::compile(graph, {.threads = 1});
  return program.run(graph, pixel_values).front();
}

std::vector<Prediction> predictions(const Tensor& logits, const ModelConfig& config) {
  return top_predictions(to_scores(logits.data<float>(), config.problem_type), kShownClasses,
                         config);
}

}  // namespace

std::vector<PreparedImage> prepare_images(const std::vector<std::filesystem::path>& files,
                                          const ImageProcessor& processor,
                                          const ModelConfig& config) {
  std::vector<PreparedImage> images;
  for (const std::filesystem::path& file : files) {
    const ColorMode mode = color_mode_of(config.num_channels, shown(file));
    with_context(shown(file), [&] {
      images.push_back({file.string(), preprocess(load_image(file, mode).image, processor)});
    });
  }
  return images;
}

ImageComparison compare_on_image(const Module& src, const Module& dest, const ModelConfig& config,
                                 const PreparedImage& image) {
  const Tensor a = logits_of(src, image.pixel_values);
  const Tensor b = logits_of(dest, image.pixel_values);
  return {image.file, bit_equal(a, b), predictions(a, config), predictions(b, config)};
}

}  // namespace weightlift
