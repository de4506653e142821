#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/image_inputs.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/preprocess_places.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/results.h"
#include "weightlift/image/decode.h"
#include "weightlift/image/encode_png.h"
#include "weightlift/predict/pixel_values.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

struct PreprocessFlags {
  PreprocessPlaces places;
  std::vector<std::string> images;
  std::string as = "transformers";
  bool json = false;
  DecodeLimits limits;
  Subject subject() const { return {"preprocess", places.folder.string()}; }
};

std::vector<fs::path> find_images(const PreprocessFlags& flags) {
  const std::vector<fs::path> given(flags.images.begin(), flags.images.end());
  require_no_streams(flags.places, given);
  std::vector<fs::path> images;
  for (const fs::path& image : given) {
    const std::vector<fs::path> files = image_files_of(image);
    images.insert(images.end(), files.begin(), files.end());
  }
  if (!flags.places.show.empty() && images.size() != 1) {
    throw UsageError("--show", fmt::format("expected one image, got {}", images.size()));
  }
  require_distinct(flags.places, images);
  return images;
}

/// The same with progress and notes for people.
PixelValues load_shown(const PreprocessFlags& flags, const std::vector<fs::path>& images,
                       Notes& notes) {
  StatusLine status("");
  status.begin("preprocess", images.size(), false);
  const PixelOptions options = {
      flags.as == "timm" ? Preparation::kTimm : Preparation::kTransformers, flags.limits,
      threads_logged(images.size(), 0, notes)};
  std::vector<ImageInput> inputs;
  for (const fs::path& image : images) inputs.push_back({.file = image});
  return load_pixel_values(flags.places.folder, inputs, options, [&](std::size_t i, Notes found) {
    check_signals();
    if (!found.empty()) status.clear();
    for (Note& note : found) {
      log_note(note);
      notes.push_back(std::move(note));
    }
    status.show(i + 1);
  });
}

void write_pixel_values(const fs::path& path, const Tensor& pixel_values) {
  write_atomically(path, [&](const fs::path& beside) {
    write_safetensors(beside, {{"pixel_values", pixel_values, DType::F32}}, {});
  });
}

int run_preprocess(const PreprocessFlags& flags) {
  catch_signals();
  const std::vector<fs::path> images = find_images(flags);
  Notes notes;
  const PixelValues values = load_shown(flags, images, notes);
  const fs::path& output = flags.places.output;
  write_pixel_values(output, values.tensor);
  if (!flags.places.show.empty()) {
    write_atomically(flags.places.show, encode_png(values.crops.front()));
  }
  record_complete(shown(output));
  if (flags.json) {
    auto json = begin_json(flags.subject(), "ok");
    json["path"] = output.string();
    json["shape"] = values.tensor.shape();
    json["images"] = nlohmann::ordered_json::array();
    for (const fs::path& image : images) json["images"].push_back(image.string());
    json["notes"] = to_json(notes);
    print_json(json);
  } else {
    put("{}: pixel_values {} float32\n", shown(output), to_string(values.tensor.shape()));
  }
  return 0;
}

}  // namespace

Action add_preprocess(CLI::App& app) {
  auto* command = app.add_subcommand("preprocess", "Preprocess images into pixel_values");
  auto flags = std::make_shared<PreprocessFlags>();
  command->add_option("FOLDER", flags->places.folder, "Folder with a preprocessor_config.json")
      ->required();
  command
      ->add_option("IMAGE", flags->images,
                   "Images (JPEG, PNG, WebP, BMP, PPM), or folders of them, sorted by name; their "
                   "order is the tensor's")
      ->required();
  command->add_option("-o,--output", flags->places.output, "Safetensors file to write")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--as", flags->as,
                   "Pixels as transformers' Pillow backend makes them, or as timm's evaluation "
                   "transform does with the same settings")
      ->capture_default_str()
      ->check(CLI::IsMember({"transformers", "timm"}));
  command->add_option("--show", flags->places.show, "Also write the cropped image as a PNG")
      ->type_name("FILE");
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_max_pixels(*command, flags->limits);
  add_examples(
      *command,
      {"weightlift preprocess out/digits examples/digits/images -o pixel_values.safetensors",
       "weightlift preprocess out/digits examples/digits/images/three.png -o three.safetensors "
       "--show "
       "three.png"});
  return [flags] {
    return run_reporting(flags->subject(), flags->json, [&] { return run_preprocess(*flags); });
  };
}

}  // namespace weightlift
