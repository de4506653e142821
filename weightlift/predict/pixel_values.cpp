#include "weightlift/predict/pixel_values.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/models/model_config.h"
#include "weightlift/predict/image_input.h"
#include "weightlift/predict/in_order.h"
#include "weightlift/predict/model.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// The color mode of the network: RGB, unless its config has one channel.
ColorMode mode_of(const fs::path& folder) {
  const fs::path config = folder / kConfigFile;
  if (!is_there(config)) return ColorMode::kRGB;
  const auto json = parse_json(read_text_file(config, kMaxConfigBytes), shown(config));
  constexpr std::int64_t kColors = 3;
  return color_mode_of(get_int(json, "num_channels", shown(config), kColors), shown(config));
}

struct Crop {
  Image seen;
  Notes notes;  ///< of the decoder
};

}  // namespace

PixelValues load_pixel_values(const fs::path& folder, std::span<const ImageInput> images,
                              const PixelOptions& options,
                              const std::function<void(std::size_t, Notes)>& done) {
  const ImageProcessor processor = load_folder_processor(folder);
  const ColorMode mode = mode_of(folder);
  PixelValues values;
  const auto make = [&](std::size_t i) {
    DecodedImage decoded = decode(images[i], mode, options.limits);
    return with_context(shown(images[i].file), [&] {
      return Crop{crop_seen(decoded.image, processor, options.preparation),
                  std::move(decoded.notes)};
    });
  };
  in_order<Crop>(images.size(), options.threads, make, [&](std::size_t i, Crop&& crop) {
    for (Note& note : crop.notes) note.where = shown(images[i].file);
    values.crops.push_back(std::move(crop.seen));
    done(i, std::move(crop.notes));
  });
  values.tensor = with_context(shown(folder / kProcessorFile), [&] {
    return to_pixel_values(values.crops, processor, options.preparation);
  });
  return values;
}

}  // namespace weightlift
