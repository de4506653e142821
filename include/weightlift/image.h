#pragma once

// Layer: image

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/number.h"
#include "weightlift/progress.h"
#include "weightlift/tensor.h"

/// @file
/// Images: decoding and preprocessing as Pillow, transformers and timm do.

namespace WEIGHTLIFT_API weightlift {

/// An image of 8-bit samples: rows from the top, pixels from the left, channels interleaved, no
/// padding. It has 3 channels (red, green, blue) or 1 (luminance), as Pillow's modes RGB and L. A
/// plain value, which owns its samples.
struct Image {
  std::int64_t width = 0;   ///< pixels
  std::int64_t height = 0;  ///< pixels
  std::int64_t channels = 3;
  std::vector<std::uint8_t> samples;  ///< height * width * channels

  friend bool operator==(const Image&, const Image&) = default;
};

/// The samples of a decoded image: red, green and blue, or luminance.
enum class ColorMode { kRGB, kL };

/// Limits that decoding refuses to exceed.
struct DecodeLimits {
  /// Pillow warns beyond its MAX_IMAGE_PIXELS of 89,478,485 and refuses beyond twice that: a few
  /// bytes of a file can declare gigabytes of pixels. 179 million pixels are 512 MB in RGB.
  std::int64_t max_pixels = 178'956'970;
};

/// An image and what decoding found. A plain value, which owns its samples.
struct DecodedImage {
  Image image;
  std::string format;  ///< "JPEG", "PNG", "WebP", "BMP" or "PPM" (also PGM and PBM)
  Notes notes;         ///< ignored frames, damage
};

/// Decodes `bytes`, whose content decides the format: JPEG, PNG, WebP, BMP or PPM/PGM/PBM. Decodes
/// the first frame of an animation. The samples are those of Pillow 13's
/// `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`, or "L": rotated as EXIF or XMP say,
/// alpha dropped and not composited, 16-bit luminance clipped at 255, color profiles not applied.
/// Memory: at most about 12 bytes per pixel. `where` begins every message. Calls may overlap.
///
/// Throws FormatError where the bytes are no image, or are truncated or broken; UnsupportedError
/// where the format or a variant of it is unsupported, or the image exceeds the limits;
/// NoMemoryError where the pixels do not fit in memory.
///
/// Pillow decides three cases differently. Broken EXIF data only loses the orientation here, and
/// gives a note. A PNG that ends within its compressed pixels is refused even where no pixel is
/// missing. Lossless JPEGs are refused where libjpeg-turbo is older than 3.
DecodedImage decode_image(std::span<const std::byte> bytes, ColorMode mode,
                          const std::string& where, const DecodeLimits& limits = {});

/// Decodes a file as decode_image() does. Also throws NotFoundError where there is no file, IoError
/// where the system refuses or it is not a regular file, and FormatError where it changes
/// meanwhile.
DecodedImage load_image(const std::filesystem::path& file, ColorMode mode,
                        const DecodeLimits& limits = {});

/// The name of transformers' file of an image processor in a folder.
inline constexpr const char* kProcessorFile = "preprocessor_config.json";

/// The supported classes of transformers. They differ in how they resize.
enum class ProcessorClass : std::uint8_t {
  kConvNext,  ///< ConvNextImageProcessor: makes a square image
  kBit,       ///< BitImageProcessor: keeps the aspect ratio
};

/// "ConvNextImageProcessor" or "BitImageProcessor".
std::string_view to_string(ProcessorClass type);

/// The settings of an image processor of transformers. The defaults are those of
/// facebook/convnext-base-224-22k-1k, which the microsoft/resnet-* repositories also have. A plain
/// value.
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
  /// One value per channel, or one for all; for pixels in 0..1. image_std the same.
  std::vector<Number> image_mean = {{0.485}, {0.456}, {0.406}};
  std::vector<Number> image_std = {{0.229}, {0.224}, {0.225}};
  bool do_resize = true, do_rescale = true, do_normalize = true;
  Number rescale_factor{0.00392156862745098};  ///< 1/255
  std::optional<CenterCrop> center_crop = {};
  bool do_convert_rgb = true;  ///< kBit only; weightlift decodes RGB anyway
};

/// The size of the images that a network gets: the center crop's, else a square of shortest_edge.
ImageProcessor::CenterCrop image_size(const ImageProcessor& processor);

/// The preprocessor_config.json that transformers 5.23.0 saves for these settings, byte for byte.
std::string to_preprocessor_json(const ImageProcessor& processor);

/// Reads the text of a preprocessor_config.json of a supported class, of any version of
/// transformers since 4.18. Throws FormatError "where: key: expected X, got Y" for invalid
/// settings, and UnsupportedError for another class.
ImageProcessor parse_image_processor(std::string_view text, const std::string& where);

/// Reads a file (not its folder) as parse_image_processor() does. Also throws NotFoundError where
/// there is no file, IoError where the system refuses, and FormatError beyond 1 MiB.
ImageProcessor load_image_processor(const std::filesystem::path& file);

/// The library whose pixel values preprocess() computes. Both read the same settings, and their
/// results differ.
enum class Preparation : std::uint8_t {
  kTransformers,  ///< the class's Pillow back end in transformers 5.23.0, Pillow 13.0.0
  /// The evaluation transform of timm 1.0.31 (crop_mode "center") with Pillow 13.0.0. It always
  /// resizes, crops, divides by 255 and normalizes, whatever the do_* flags say.
  kTimm,
};

/// Resizes, crops, rescales and normalizes one image as the settings say: (1, C, H, W), F32, which
/// owns its elements. Calls may overlap.
///
/// Throws MismatchError where image_mean or image_std has another number of values than 1 or the
/// image's channels, or a resized side would have no pixel or more than 2147483647. Throws
/// UsageError for sizes or filters that no preprocessor_config.json may have, and for an image that
/// does not have width * height * channels samples.
Tensor preprocess(const Image& image, const ImageProcessor& processor,
                  Preparation preparation = Preparation::kTransformers);

}  // namespace weightlift
