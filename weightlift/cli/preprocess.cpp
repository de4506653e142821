#include "weightlift/image/preprocess.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/checkpoint/safetensors_writer.h"
#include "weightlift/checkpoint/weights_file.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/image_inputs.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/results.h"
#include "weightlift/export/model_folder.h"
#include "weightlift/image/decode.h"
#include "weightlift/image/encode_png.h"
#include "weightlift/predict/in_order.h"
#include "weightlift/predict/model.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

struct PreprocessFlags {
  fs::path folder;
  std::vector<std::string> images;
  fs::path output, show;
  std::string as = "transformers";
  bool json = false;
  DecodeLimits limits;
  Subject subject() const { return {"preprocess", folder.string(), json}; }
};

constexpr std::size_t kMaxJsonBytes = std::size_t{16} << 20;

/// The color mode of the network: RGB, unless its config has one channel.
ColorMode mode_of(const fs::path& folder) {
  const fs::path config = folder / kConfigFile;
  if (!fs::exists(config)) return ColorMode::kRGB;
  const auto json = parse_json(read_text_file(config, kMaxJsonBytes), shown(config));
  constexpr std::int64_t kColors = 3;
  return color_mode_of(get_int(json, "num_channels", shown(config), kColors), shown(config));
}

struct Crop {
  Image seen;
  Notes notes;  ///< of the decoder
};

std::vector<Image> load_crops(const std::vector<fs::path>& images, ColorMode mode,
                              const DecodeLimits& limits, const ImageProcessor& processor,
                              Preparation preparation, Notes& notes) {
  std::vector<Image> crops;
  const auto make = [&](std::size_t i) {
    DecodedImage decoded = load_image(images[i], mode, limits);
    return with_context(shown(images[i]), [&] {
      return Crop{crop_seen(decoded.image, processor, preparation), std::move(decoded.notes)};
    });
  };
  StatusLine status("");
  status.begin("preprocess", images.size(), false);
  in_order<Crop>(images.size(), threads_for(images.size(), 0, notes), make,
                 [&](std::size_t i, Crop&& crop) {
                   check_signals();
                   if (!crop.notes.empty()) status.clear();
                   for (Note& note : crop.notes) {
                     note.where = shown(images[i]);
                     log_note(note);
                     notes.push_back(std::move(note));
                   }
                   status.show(i + 1);
                   crops.push_back(std::move(crop.seen));
                 });
  return crops;
}

/// Whether two paths name one file, which need not exist.
bool is_same_file(const fs::path& one, const fs::path& other) {
  std::error_code ignored;
  const auto place = [&](const fs::path& file) {
    return fs::weakly_canonical(fs::absolute(file, ignored), ignored);
  };
  return fs::equivalent(one, other, ignored) || place(one) == place(other);
}

/// Refuses standard input and standard output.
void require_no_streams(const PreprocessFlags& flags) {
  std::vector<fs::path> paths(flags.images.begin(), flags.images.end());
  paths.insert(paths.end(), {flags.output, flags.show});
  for (const fs::path& path : paths) {
    if (path == "-")
      throw UsageError("-", "standard input and output are unsupported",
                       advice("write ./- for a file of that name"));
  }
}

/// Refuses a result that would overwrite an image or a file of the model.
void require_free(const char* option, const fs::path& result, const fs::path& folder,
                  const std::vector<fs::path>& images) {
  for (const fs::path& image : images) {
    if (is_same_file(result, image)) {
      throw ExistsError(shown(result), fmt::format("{} would overwrite an image", option));
    }
  }
  std::vector<std::string_view> names = {kConfigFile, kProcessorFile, kCardFile};
  names.insert(names.end(), kWeightsFiles.begin(), kWeightsFiles.end());
  for (const std::string_view name : names) {
    if (is_same_file(result, folder / name)) {
      throw ExistsError(shown(result),
                        fmt::format("{} would overwrite the model's {}", option, name));
    }
  }
}

void require_distinct(const PreprocessFlags& flags, const std::vector<fs::path>& images) {
  require_free("-o", flags.output, flags.folder, images);
  if (flags.show.empty()) return;
  require_free("--show", flags.show, flags.folder, images);
  if (is_same_file(flags.output, flags.show)) {
    throw UsageError(shown(flags.show), "-o and --show name the same file");
  }
}

void write_pixel_values(const fs::path& path, const Tensor& pixel_values) {
  write_atomically(path, [&](const fs::path& beside) {
    write_safetensors(beside, {{"pixel_values", pixel_values, DType::F32}}, {});
  });
}

int run_preprocess(const PreprocessFlags& flags) {
  catch_signals();
  require_no_streams(flags);
  std::vector<fs::path> images;
  for (const std::string& image : flags.images) {
    const std::vector<fs::path> files = image_files_of(image);
    images.insert(images.end(), files.begin(), files.end());
  }
  if (!flags.show.empty() && images.size() != 1) {
    throw UsageError("--show", fmt::format("expected one image, got {}", images.size()));
  }
  require_distinct(flags, images);
  const fs::path file = flags.folder / kProcessorFile;
  const ImageProcessor processor = load_folder_processor(flags.folder);
  const Preparation preparation =
      flags.as == "timm" ? Preparation::kTimm : Preparation::kTransformers;
  Notes notes;
  const std::vector<Image> crops =
      load_crops(images, mode_of(flags.folder), flags.limits, processor, preparation, notes);
  const Tensor pixel_values =
      with_context(shown(file), [&] { return to_pixel_values(crops, processor, preparation); });
  write_pixel_values(flags.output, pixel_values);
  if (!flags.show.empty()) write_atomically(flags.show, encode_png(crops.front()));
  record_complete(shown(flags.output));
  if (flags.json) {
    auto json = begin_json(flags.subject(), "ok");
    json["path"] = flags.output.string();
    json["shape"] = pixel_values.shape();
    json["images"] = nlohmann::ordered_json::array();
    for (const fs::path& image : images) json["images"].push_back(image.string());
    json["notes"] = to_json(notes);
    print_json(json);
  } else {
    put("{}: pixel_values {} float32\n", shown(flags.output), to_string(pixel_values.shape()));
  }
  return 0;
}

}  // namespace

Action add_preprocess(CLI::App& app) {
  auto* command = app.add_subcommand("preprocess", "Preprocess images into pixel_values");
  auto flags = std::make_shared<PreprocessFlags>();
  command->add_option("FOLDER", flags->folder, "Folder with a preprocessor_config.json")
      ->required();
  command
      ->add_option("IMAGE", flags->images,
                   "Images (JPEG, PNG, WebP, BMP, PPM), or folders of them, sorted by name; their "
                   "order is the tensor's")
      ->required();
  command->add_option("-o,--output", flags->output, "Safetensors file to write")->required();
  command
      ->add_option("--as", flags->as,
                   "Pixels as transformers' Pillow backend makes them, or as timm's evaluation "
                   "transform does with the same settings")
      ->capture_default_str()
      ->check(CLI::IsMember({"transformers", "timm"}));
  command->add_option("--show", flags->show, "Also write the cropped image as a PNG");
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_max_pixels(*command, flags->limits);
  add_examples(
      *command,
      {"weightlift preprocess out/digits examples/digits/images -o pixel_values.safetensors",
       "weightlift preprocess out/digits examples/digits/images/three.png -o three.safetensors "
       "--show "
       "three.png"});
  return
      [flags] { return run_reporting(flags->subject(), [&] { return run_preprocess(*flags); }); };
}

}  // namespace weightlift
