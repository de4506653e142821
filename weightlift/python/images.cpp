#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/base/json.h"
#include "weightlift/base/posix.h"
#include "weightlift/jobs.h"
#include "weightlift/predict/evaluate.h"
#include "weightlift/predict/image_input.h"
#include "weightlift/predict/pixel_values.h"
#include "weightlift/python/arrays.h"
#include "weightlift/python/background.h"
#include "weightlift/python/bindings.h"
#include "weightlift/report/evaluation_json.h"
#include "weightlift/report/image_json.h"

namespace weightlift {

namespace {

namespace nb = nanobind;
using Path = std::filesystem::path;

/// An image: its name, and its bytes, or None for a file.
using NamedBytes = std::pair<Path, std::optional<nb::bytes>>;

/// Images for the work without the GIL. Copies bytes.
std::vector<ImageInput> given_images(const std::vector<NamedBytes>& images) {
  std::vector<ImageInput> inputs;
  for (const auto& [name, bytes] : images) {
    ImageInput input{.file = name};
    if (bytes) input.bytes.emplace(bytes->c_str(), bytes->size());
    inputs.push_back(std::move(input));
  }
  return inputs;
}

/// The same with the images of folders instead of the folders.
std::vector<ImageInput> without_folders(std::vector<ImageInput> given) {
  std::vector<ImageInput> inputs;
  for (ImageInput& image : given) {
    if (image.bytes) {
      inputs.push_back(std::move(image));
      continue;
    }
    for (Path& file : images_at(image.file).files) inputs.push_back({.file = std::move(file)});
  }
  return inputs;
}

/// threads_for(), with its notes as progress.
int threads_noted(std::size_t images, int wanted, ProgressSink& progress) {
  Notes refused;
  const int threads = threads_for(images, wanted, refused);
  for (const Note& note : refused) progress.note(note);
  return threads;
}

Classifier open_model(const std::string& folder, ProgressSink& progress) {
  Classifier classifier = Classifier::open(fetch_model(folder, progress));
  for (const Note& note : classifier.notes()) progress.note(note);
  return classifier;
}

/// The objects of docs/json.md, one for each image.
std::vector<std::string> run_classify(const Path& folder, const std::vector<NamedBytes>& images,
                                      std::size_t top_k, int threads, std::int64_t max_pixels,
                                      const nb::object& events) {
  const std::vector<ImageInput> given = given_images(images);
  std::vector<std::string> results;
  run_in_background(events, [&](ProgressSink& progress) {
    const Classifier classifier = open_model(folder.native(), progress);
    const std::vector<ImageInput> inputs = without_folders(given);
    ClassifyOptions options{.limits = {.max_pixels = max_pixels}};
    options.threads = threads_noted(inputs.size(), threads, progress);
    progress.step("classify", inputs.size());
    const auto add = [&](std::size_t i, const Classified& result) {
      progress.check();
      Notes notes = result.notes;
      for (Note& note : notes) {
        note.where = shown(inputs[i].file);
        progress.note(note);
      }
      const auto json = image_json({"classify", folder.string()}, inputs[i].file.string(), result,
                                   classifier.best(result.scores, top_k), notes);
      results.push_back(dump_json_line(json));
      progress.advance(i + 1);
    };
    classifier.classify(inputs, options, add);
  });
  return results;
}

/// The object of docs/json.md, with the rows of all images as `rows` where they are wanted.
std::string run_evaluate(const Path& folder, const Path& images, int threads,
                         std::int64_t max_pixels, bool per_image, const nb::object& events) {
  std::string text;
  run_in_background(events, [&](ProgressSink& progress) {
    const Classifier classifier = open_model(folder.native(), progress);
    const LabelledImages labelled = load_labelled_images(images);
    const ClassMatch match = match_classes(labelled.labels, classifier.config(), shown(images));
    ClassifyOptions options{.limits = {.max_pixels = max_pixels}};
    options.threads = threads_noted(labelled.images.size(), threads, progress);
    progress.step("evaluate", labelled.images.size());
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    std::uint64_t count = 0;
    const auto outcome = evaluate(classifier, labelled, match, options,
                                  [&](const ImageJudgement& image, const auto&) {
                                    progress.check();
                                    if (per_image) rows.push_back(per_image_json(image));
                                    progress.advance(++count);
                                  });
    auto json = outcome_json({"evaluate", folder.string()}, outcome, labelled.skipped, match.by,
                             classifier.config());
    json["notes"] = to_json(classifier.notes());
    if (per_image) json["rows"] = std::move(rows);
    text = dump_json_line(json);
  });
  return text;
}

/// The bytes of pixel_values, float32, and its shape (N, C, H, W).
std::pair<nb::object, Shape> run_preprocess(const Path& folder,
                                            const std::vector<NamedBytes>& images, bool as_timm,
                                            int threads, std::int64_t max_pixels,
                                            const nb::object& events) {
  const std::vector<ImageInput> given = given_images(images);
  Tensor pixel_values;
  run_in_background(events, [&](ProgressSink& progress) {
    const Path local = fetch_model(folder.native(), progress);
    const std::vector<ImageInput> inputs = without_folders(given);
    const PixelOptions options = {as_timm ? Preparation::kTimm : Preparation::kTransformers,
                                  {.max_pixels = max_pixels},
                                  threads_noted(inputs.size(), threads, progress)};
    const auto done = [&](std::size_t, const Notes& notes) {
      progress.check();
      for (const Note& note : notes) progress.note(note);
    };
    pixel_values = load_pixel_values(local, inputs, options, done).tensor;
  });
  return {bytes_array(pixel_values), pixel_values.shape()};
}

}  // namespace

void bind_images(nb::module_& module) {
  module.attr("MAX_PIXELS") = DecodeLimits().max_pixels;
  module.def("classify", run_classify);
  module.def("evaluate", run_evaluate);
  module.def("preprocess", run_preprocess);
}

}  // namespace weightlift
