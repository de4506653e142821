#include "weightlift/predict/classifier.h"

#include <fmt/format.h>

#include <cmath>
#include <future>
#include <mutex>
#include <new>

#include "weightlift/base/bytes.h"
#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/image/preprocess.h"
#include "weightlift/predict/in_order.h"
#include "weightlift/predict/model.h"
#include "weightlift/predict/scores.h"
#include "weightlift/runtime/program.h"
#include "weightlift/tensor/compare.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

DecodedPicture decode(const PictureInput& input, ColorMode mode, const DecodeLimits& limits) {
  if (!input.bytes) return load_picture(input.file, mode, limits);
  return decode_picture(std::as_bytes(std::span(*input.bytes)), mode, shown(input.file), limits);
}

/// That the processor has as many means as the network has channels is known before any picture.
void require_fit(const ImageProcessor& processor, std::int64_t channels, const fs::path& folder) {
  const Picture point{1, 1, channels,
                      std::vector<std::uint8_t>(static_cast<std::size_t>(channels))};
  at(shown(folder / "preprocessor_config.json"), [&] { to_pixel_values({&point, 1}, processor); });
}

/// NaN must not vanish: ReLU and pooling, which are maxima, do not carry it to the scores as
/// torch's do.
void require_finite(const std::vector<Module::Slot>& slots, const std::string& where) {
  for (const Module::Slot& slot : slots) {
    if (slot.counter) continue;
    const NonFinite bad = count_non_finite(*slot.tensor);
    if (bad.nan + bad.inf == 0) continue;
    throw MismatchError(fmt::format(
        "{}: {}: expected numbers, got {} NaN and {} infinities: the scores of such a network mean "
        "nothing",
        where, slot.name, bad.nan, bad.inf));
  }
}

void require_finite_pixels(const Tensor& pixel_values) {
  for (const float value : pixel_values.data<float>()) {
    if (std::isfinite(value)) continue;
    throw MismatchError(fmt::format(
        "pixel values: expected numbers, got {}: look at the image processor's rescale_factor, "
        "image_mean and image_std",
        value));
  }
}

}  // namespace

struct Classifier::Impl {
  explicit Impl(const fs::path& folder)
      : model(open_model(folder)),
        processor(load_folder_processor(folder)),
        mode(color_mode_of(model.config.num_channels, shown(folder / "config.json"))) {
    require_fit(processor, model.config.num_channels, folder);
    finite_weights = std::async(std::launch::async, require_finite, model.network->slots(),
                                shown(model.checkpoint.path));
  }

  /// Tracing notes paths in the modules: one at a time.
  Graph trace_network(const Shape& shape) {
    const std::lock_guard lock(tracing);
    return trace(*model.network, shape);
  }

  /// On this thread alone, as run_bound and with its bits: OpenMP's threads, which spin at a
  /// barrier after each layer, cost ten times as much as they gain where others use the cores, too.
  Tensor run_once(const Tensor& pixel_values) {
    const Graph graph = trace_network(pixel_values.shape());
    return Program::compile(graph, {.threads = 1}).run(graph, pixel_values).at(0);
  }

  /// Weights are made ready for the first picture's shape, which without do_resize is not every
  /// picture's.
  Tensor run_bound(const Tensor& pixel_values) {
    std::call_once(binding, [&] {
      const Graph graph = trace_network(pixel_values.shape());
      bound.emplace(Program::compile(graph, {.threads = 1}).bind(graph));
      bound_shape = pixel_values.shape();
    });
    if (pixel_values.shape() != bound_shape) return run_once(pixel_values);
    return bound->run(pixel_values).at(0);
  }

  Classified classify(const PictureInput& input, const DecodeLimits& limits,
                      const std::function<Tensor(const Tensor&)>& run) const;

  OpenedModel model;
  ImageProcessor processor;
  ColorMode mode;
  std::mutex tracing;
  std::once_flag binding;
  std::optional<BoundProgram> bound;
  Shape bound_shape;
  std::shared_future<void> finite_weights;  ///< throws where some are not; ends before `model` does
};

Classified Classifier::Impl::classify(const PictureInput& input, const DecodeLimits& limits,
                                      const std::function<Tensor(const Tensor&)>& run) const {
  Classified result;
  try {
    DecodedPicture decoded = decode(input, mode, limits);
    result.notes = std::move(decoded.notes);
    at(shown(input.file), [&] {
      const Picture seen = crop_seen(decoded.picture, processor);
      decoded.picture = {};
      const Tensor pixel_values = to_pixel_values({&seen, 1}, processor);
      require_finite_pixels(pixel_values);
      const Tensor logits = run(pixel_values);
      result.scores = to_scores(logits.data<float>(), model.config.problem_type);
    });
  } catch (const Error& error) {
    result.error = error.what();
  } catch (const std::bad_alloc&) {
    result.error = fmt::format(
        "{}: expected a picture that fits into memory with what the network makes of it, got a "
        "larger one; shrink it",
        shown(input.file));
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

const ResNetConfig& Classifier::config() const { return impl_->model.config; }

const std::vector<std::string>& Classifier::notes() const { return impl_->model.notes; }

void Classifier::classify(std::span<const PictureInput> pictures, const ClassifyOptions& options,
                          const std::function<void(std::size_t, const Classified&)>& done) const {
  if (pictures.size() == 1) {
    const auto run = [&](const Tensor& pixels) { return impl_->run_once(pixels); };
    const Classified result = impl_->classify(pictures.front(), options.limits, run);
    impl_->finite_weights.get();
    require_intact(impl_->model.checkpoint);
    done(0, result);
    return;
  }
  const auto make = [&](std::size_t i) {
    return impl_->classify(pictures[i], options.limits,
                           [&](const Tensor& pixels) { return impl_->run_bound(pixels); });
  };
  in_order<Classified>(pictures.size(), options.threads, make,
                       [&](std::size_t i, const Classified& result) {
                         impl_->finite_weights.get();
                         done(i, result);
                       });
  require_intact(impl_->model.checkpoint);
}

std::vector<Prediction> Classifier::best(std::span<const float> scores, std::size_t k) const {
  return top_predictions(scores, k, config());
}

}  // namespace weightlift
