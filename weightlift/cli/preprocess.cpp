#include "weightlift/image/preprocess.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/checkpoint/safetensors_writer.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/picture_inputs.h"
#include "weightlift/cli/progress.h"
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
};

constexpr std::size_t kMaxJsonBytes = std::size_t{16} << 20;

/// What the network takes: red, green and blue unless its config says one channel.
ColorMode mode_of(const fs::path& folder) {
  const fs::path config = folder / kConfigFile;
  if (!fs::exists(config)) return ColorMode::kRGB;
  const auto json = parse_json(read_text_file(config, kMaxJsonBytes), shown(config));
  constexpr std::int64_t kColors = 3;
  return color_mode_of(get_int(json, "num_channels", shown(config), kColors), shown(config));
}

struct Crop {
  Picture seen;
  std::vector<std::string> notes;  ///< of the decoder
};

std::vector<Picture> load_crops(const std::vector<fs::path>& images, ColorMode mode,
                                const DecodeLimits& limits, const ImageProcessor& processor,
                                Preparation preparation) {
  std::vector<Picture> crops;
  const auto make = [&](std::size_t i) {
    DecodedPicture decoded = load_picture(images[i], mode, limits);
    return at(shown(images[i]), [&] {
      return Crop{crop_seen(decoded.picture, processor, preparation), std::move(decoded.notes)};
    });
  };
  in_order<Crop>(images.size(), 0, make, [&](std::size_t i, Crop&& crop) {
    check_signals();
    for (const std::string& note : crop.notes) {
      log_warning(fmt::format("{}: {}", shown(images[i]), note));
    }
    crops.push_back(std::move(crop.seen));
  });
  return crops;
}

/// Of files that are there, or would be.
bool is_same_file(const fs::path& one, const fs::path& other) {
  std::error_code ignored;
  const auto place = [&](const fs::path& file) {
    return fs::weakly_canonical(fs::absolute(file, ignored), ignored);
  };
  return fs::equivalent(one, other, ignored) || place(one) == place(other);
}

/// Nothing is read from standard input nor written to standard output.
void require_no_streams(const PreprocessFlags& flags) {
  std::vector<fs::path> paths(flags.images.begin(), flags.images.end());
  paths.insert(paths.end(), {flags.output, flags.show});
  for (const fs::path& path : paths) {
    if (path == "-") throw UsageError("-: expected a file, got -; a file of that name is ./-");
  }
}

/// A result takes the place of what was there: that may be no picture and none of the model's
/// files.
void require_free(const char* flag, const fs::path& result, const fs::path& folder,
                  const std::vector<fs::path>& images) {
  for (const fs::path& image : images) {
    if (is_same_file(result, image)) {
      throw IoError(fmt::format("{}: {}: expected a file beside the pictures, got one of them",
                                shown(result), flag));
    }
  }
  std::vector<std::string_view> names = {kConfigFile, kProcessorFile, kCardFile};
  names.insert(names.end(), kWeightsFiles.begin(), kWeightsFiles.end());
  for (const std::string_view name : names) {
    if (is_same_file(result, folder / name)) {
      throw IoError(fmt::format("{}: {}: expected another file than the model's own, got its {}",
                                shown(result), flag, name));
    }
  }
}

void require_distinct(const PreprocessFlags& flags, const std::vector<fs::path>& images) {
  require_free("-o", flags.output, flags.folder, images);
  if (flags.show.empty()) return;
  require_free("--show", flags.show, flags.folder, images);
  if (is_same_file(flags.output, flags.show)) {
    throw IoError(fmt::format("{}: --show: expected another file than -o's, got the same",
                              shown(flags.show)));
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
    const std::vector<fs::path> files = picture_files_of(image);
    images.insert(images.end(), files.begin(), files.end());
  }
  if (!flags.show.empty() && images.size() != 1) {
    throw UsageError(fmt::format("--show: expected one picture, got {}", images.size()));
  }
  require_distinct(flags, images);
  const fs::path file = flags.folder / kProcessorFile;
  const ImageProcessor processor = load_folder_processor(flags.folder);
  const Preparation preparation =
      flags.as == "timm" ? Preparation::kTimm : Preparation::kTransformers;
  const std::vector<Picture> crops =
      load_crops(images, mode_of(flags.folder), flags.limits, processor, preparation);
  const Tensor pixel_values =
      at(shown(file), [&] { return to_pixel_values(crops, processor, preparation); });
  write_pixel_values(flags.output, pixel_values);
  if (!flags.show.empty()) write_atomically(flags.show, encode_png(crops.front()));
  if (flags.json) {
    nlohmann::ordered_json json = {{"path", flags.output.string()},
                                   {"shape", pixel_values.shape()},
                                   {"images", nlohmann::ordered_json::array()}};
    for (const fs::path& image : images) json["images"].push_back(image.string());
    fmt::print("{}\n", dump_json_line(json));
  } else {
    fmt::print("{}: pixel_values {} float32\n", shown(flags.output),
               to_string(pixel_values.shape()));
  }
  return 0;
}

}  // namespace

Action add_preprocess(CLI::App& app) {
  auto* command =
      app.add_subcommand("preprocess", "Make of pictures the tensor that a network is given");
  auto flags = std::make_shared<PreprocessFlags>();
  command->add_option("FOLDER", flags->folder, "Folder with a preprocessor_config.json")
      ->required();
  command
      ->add_option("IMAGE", flags->images,
                   "Pictures in the order of the tensor (JPEG, PNG, WebP, BMP, PPM), or folders of "
                   "them, sorted by name")
      ->required();
  command->add_option("-o,--output", flags->output, "The safetensors file to write")->required();
  command
      ->add_option("--as", flags->as,
                   "Whose pixels: of transformers' Pillow back end, or of timm's evaluation "
                   "transform with the same settings")
      ->capture_default_str()
      ->check(CLI::IsMember({"transformers", "timm"}));
  command->add_option("--show", flags->show, "Also write what is seen of the picture, as a PNG");
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_max_pixels(*command, flags->limits);
  return [flags] { return run_preprocess(*flags); };
}

}  // namespace weightlift
