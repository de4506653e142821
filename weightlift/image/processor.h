#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/number.h"

namespace weightlift {

/// The name of transformers' file of an image processor in a folder.
inline constexpr const char* kProcessorFile = "preprocessor_config.json";

/// From this shortest_edge on, ConvNextImageProcessor resizes to a square, whatever the aspect
/// ratio. It ignores crop_pct and crops nothing.
inline constexpr std::int64_t kFirstSquashedEdge = 384;

/// The longest side in a file, in pixels: far more than any network; 268 million numbers.
inline constexpr std::int64_t kMaxProcessorSide = 8192;

/// The supported classes of transformers. They differ in how they resize.
enum class ProcessorClass : std::uint8_t {
  kConvNext,  ///< ConvNextImageProcessor: makes a square image
  kBit,       ///< BitImageProcessor: keeps the aspect ratio
};

/// "ConvNextImageProcessor" or "BitImageProcessor".
std::string_view to_string(ProcessorClass type);

/// The settings of an image processor of transformers. The defaults are those of
/// facebook/convnext-base-224-22k-1k, which the microsoft/resnet-* repositories also have.
struct ImageProcessor {
  /// do_center_crop and crop_size: after resizing, for kConvNext a second crop.
  struct CenterCrop {
    std::int64_t height = 0, width = 0;  ///< pixels
  };

  ProcessorClass type = ProcessorClass::kConvNext;
  /// kConvNext: the side of the square image. kBit: the short side of the resized image. In pixels.
  std::int64_t shortest_edge = 224;
  Number crop_pct{0.875};     ///< kConvNext only: shortest_edge over the resized short side
  std::int64_t resample = 3;  ///< Pillow's filter: 0 nearest, 2 bilinear, 3 bicubic
  std::vector<Number> image_mean = {{0.485}, {0.456}, {0.406}};  ///< per channel, of pixels in 0..1
  std::vector<Number> image_std = {{0.229}, {0.224}, {0.225}};
  bool do_resize = true, do_rescale = true, do_normalize = true;
  Number rescale_factor{0.00392156862745098};
  std::optional<CenterCrop> center_crop = {};
  bool do_convert_rgb = true;  ///< kBit only; weightlift decodes RGB anyway
};

/// The size of the images that a network gets: the center crop's, else a square of shortest_edge.
ImageProcessor::CenterCrop image_size(const ImageProcessor& processor);

/// The preprocessor_config.json that transformers 5.23.0 saves for these settings, byte for byte.
std::string to_preprocessor_json(const ImageProcessor& processor);

/// Reads a preprocessor_config.json of a supported class, of any version since 4.18. Throws
/// FormatError "where: key: expected X, got Y" for invalid settings, UnsupportedError for another
/// class.
ImageProcessor parse_image_processor(std::string_view text, const std::string& where);

/// timm's name for Pillow's filter number. Throws UsageError for other numbers.
std::string_view interpolation_of(std::int64_t resample);

/// Reads a file, as parse_image_processor. Also throws what read_text_file throws.
ImageProcessor load_image_processor(const std::filesystem::path& file);

/// Pillow's filter number for timm's interpolation ("bilinear"), -1 where Pillow has none.
std::int64_t resample_of(std::string_view interpolation);

}  // namespace weightlift
