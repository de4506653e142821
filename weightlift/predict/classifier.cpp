#include <fmt/format.h>

#include <cmath>
#include <future>
#include <mutex>
#include <new>

#include "weightlift/base/bytes.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/threads.h"
#include "weightlift/image/preprocess.h"
#include "weightlift/predict.h"
#include "weightlift/predict/image_input.h"
#include "weightlift/predict/in_order.h"
#include "weightlift/predict/model.h"
#include "weightlift/predict/scores.h"
#include "weightlift/progress.h"
#include "weightlift/runtime/program.h"
#include "weightlift/tensor/compare.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// Refuses a processor with another number of means than channels, before any image is read.
void require_fit(const ImageProcessor& processor, std::int64_t channels, const fs::path& folder) {
  const Image point{1, 1, channels, std::vector<std::uint8_t>(static_cast<std::size_t>(channels))};
  with_context(shown(folder / kProcessorFile), [&] { to_pixel_values({&point, 1}, processor); });
}

/// Refuses weights that are not finite: ReLU and pooling are maxima here, and may lose a NaN that
/// reaches the scores in torch.
void require_finite(const std::vector<Module::Slot>& slots, const std::string& where) {
  for (const Module::Slot& slot : slots) {
    if (slot.role == SlotRole::kCounter) continue;
    const NonFinite bad = count_non_finite(*slot.tensor);
    if (bad.nan + bad.inf == 0) continue;
    throw UnsupportedError(
        join_places(where, slot.name),
        fmt::format("expected finite weights, got {} NaN and {} infinities", bad.nan, bad.inf));
  }
}

/// Refuses numbers that are not one for each class.
void require_classes(std::span<const float> values, const ModelConfig& config) {
  if (std::cmp_equal(values.size(), config.num_labels)) return;
  throw UsageError("scores", fmt::format("expected {}, one for each class, got {}",
                                         config.num_labels, values.size()));
}

void require_finite_pixels(const Tensor& pixel_values) {
  for (const float value : pixel_values.data<float>()) {
    if (std::isfinite(value)) continue;
    throw UnsupportedError(
        "pixel_values", fmt::format("expected finite numbers, got {}", value),
        advice("check rescale_factor, image_mean and image_std of the image processor"));
  }
}

}  // namespace

struct Classifier::Impl {
  explicit Impl(const fs::path& folder)
      : model(open_model(folder)),
        processor(load_folder_processor(folder)),
        mode(color_mode_of(model.config.num_channels, shown(folder / kConfigFile))) {
    require_fit(processor, model.config.num_channels, folder);
    finite_weights =
        run_beside([slots = model.network->slots(), where = shown(model.checkpoint.path)] {
          require_finite(slots, where);
        });
  }

  /// Runs on this thread alone, like run_bound and with the same bits. OpenMP's threads spin at a
  /// barrier after each layer; where other processes use the cores, they cost ten times what they
  /// gain.
  Tensor run_once(const Tensor& pixel_values) {
    const Graph graph = trace(*model.network, pixel_values.shape());
    return Program::compile(graph, {.threads = 1}).run(graph, pixel_values).at(0);
  }

  /// Binds the weights for the shape of the first image. Without do_resize, others may differ.
  Tensor run_bound(const Tensor& pixel_values) {
    {
      // std::call_once would end the process where an exception passes it and memory is short.
      const std::lock_guard lock(binding);
      if (!bound) {
        const Graph graph = trace(*model.network, pixel_values.shape());
        bound.emplace(Program::compile(graph, {.threads = 1}).bind(graph));
        bound_shape = pixel_values.shape();
      }
    }
    if (pixel_values.shape() != bound_shape) return run_once(pixel_values);
    return bound->run(pixel_values).at(0);
  }

  Classified classify(const ImageInput& input, const DecodeLimits& limits,
                      const std::function<Tensor(const Tensor&)>& run) const;

  OpenedModel model;
  ImageProcessor processor;
  ColorMode mode;
  std::mutex binding;
  std::optional<BoundProgram> bound;
  Shape bound_shape;
  std::shared_future<void> finite_weights;  ///< throws where some are not; destroyed before `model`
};

Classified Classifier::Impl::classify(const ImageInput& input, const DecodeLimits& limits,
                                      const std::function<Tensor(const Tensor&)>& run) const {
  Classified result;
  try {
    DecodedImage decoded = decode(input, mode, limits);
    result.notes = std::move(decoded.notes);
    with_context(shown(input.file), [&] {
      const Image seen = crop_seen(decoded.image, processor);
      decoded.image = {};
      const Tensor pixel_values = to_pixel_values({&seen, 1}, processor);
      require_finite_pixels(pixel_values);
      const Tensor logits = run(pixel_values);
      result.scores = to_scores(logits.data<float>(), model.config.problem_type);
    });
  } catch (const NoMemoryError& error) {
    result.error = NoMemoryError(shown(input.file), error.message(), error.hints());
  } catch (const Error& error) {
    result.error = error;
  } catch (const std::bad_alloc&) {
    result.error =
        NoMemoryError(shown(input.file), "not enough memory for the image and its activations",
                      advice("shrink the image"));
  }
  return result;
}

Classifier::Classifier(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Classifier::Classifier(Classifier&&) noexcept = default;
Classifier& Classifier::operator=(Classifier&&) noexcept = default;
Classifier::~Classifier() = default;

Classifier Classifier::open(const fs::path& folder) {
  return Classifier(std::make_unique<Impl>(folder));
}

const ModelConfig& Classifier::config() const { return impl_->model.config; }

const Notes& Classifier::notes() const { return impl_->model.notes; }

void Classifier::classify(std::span<const ImageInput> images, const ClassifyOptions& options,
                          const std::function<void(std::size_t, const Classified&)>& done) const {
  if (!done) throw UsageError("done", "expected a function, got an empty one");
  if (images.size() == 1) {
    const auto run = [&](const Tensor& pixels) { return impl_->run_once(pixels); };
    const Classified result = impl_->classify(images.front(), options.limits, run);
    impl_->finite_weights.get();
    require_intact(impl_->model.checkpoint);
    done(0, result);
    return;
  }
  const auto make = [&](std::size_t i) {
    return impl_->classify(images[i], options.limits,
                           [&](const Tensor& pixels) { return impl_->run_bound(pixels); });
  };
  in_order<Classified>(images.size(), options.threads, make,
                       [&](std::size_t i, const Classified& result) {
                         impl_->finite_weights.get();
                         done(i, result);
                       });
  require_intact(impl_->model.checkpoint);
}

const ImageProcessor& Classifier::image_processor() const { return impl_->processor; }

ColorMode Classifier::color_mode() const { return impl_->mode; }

Tensor Classifier::preprocess(const Image& image) const {
  return weightlift::preprocess(image, impl_->processor);
}

Tensor Classifier::forward(const Tensor& pixel_values) const {
  Tensor logits = impl_->run_bound(pixel_values);
  impl_->finite_weights.get();
  require_intact(impl_->model.checkpoint);
  return logits;
}

std::vector<float> Classifier::scores(std::span<const float> logits) const {
  require_classes(logits, config());
  return to_scores(logits, config().problem_type);
}

std::vector<Prediction> Classifier::best(std::span<const float> scores, std::size_t k) const {
  if (scores.empty()) return {};  // of an image with an error
  require_classes(scores, config());
  return top_predictions(scores, k, config());
}

}  // namespace weightlift
