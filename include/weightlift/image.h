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

namespace WEIGHTLIFT_API weightlift {

/// An image of 8-bit samples: rows from the top, pixels from the left, channels interleaved, no
/// padding. It has 3 channels (red, green, blue) or 1 (luminance), as Pillow's modes RGB and L.
struct Image {
  std::int64_t width = 0;   ///< pixels
  std::int64_t height = 0;  ///< pixels
  std::int64_t channels = 3;
  std::vector<std::uint8_t> samples;  ///< height * width * channels

  friend bool operator==(const Image&, const Image&) = default;
};

/// The samples of a decoded image: red, green and blue, or luminance.
enum class ColorMode { kRGB, kL };

struct DecodeLimits {
  /// Pillow warns beyond its MAX_IMAGE_PIXELS of 89,478,485 and refuses beyond twice that: a few
  /// bytes of a file can declare gigabytes of pixels. 179 million pixels are 512 MB in RGB.
  std::int64_t max_pixels = 178'956'970;
};

struct DecodedImage {
  Image image;
  std::string format;  ///< "JPEG", "PNG", "WebP", "BMP" or "PPM" (also PGM and PBM)
  Notes notes;         ///< ignored frames, damage
};

/// Decodes `bytes`, whose content decides the format: JPEG, PNG, WebP, BMP or PPM/PGM/PBM. Decodes
/// the first frame of an animation. The samples are those of Pillow 13's
/// `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`, or "L": rotated as EXIF or XMP say,
/// alpha dropped and not composited, 16-bit luminance clipped at 255, color profiles not applied.
/// Memory: at most about 12 bytes per pixel.
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

/// Decodes a file, as decode_image. Also throws what MappedFile::open throws.
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

/// Reads a file, as parse_image_processor. Also throws what read_text_file throws.
ImageProcessor load_image_processor(const std::filesystem::path& file);

/// The library whose pixel values are computed: both read the same settings, and results differ.
enum class Preparation : std::uint8_t {
  kTransformers,  ///< the class's Pillow back end in transformers 5.23.0, Pillow 13.0.0
  kTimm,          ///< evaluation transform of timm 1.0.31 (crop_mode "center"), Pillow 13.0.0
};

/// Resizes, crops, rescales and normalizes one image as the settings say: (1, C, H, W), F32. Throws
/// MismatchError where the settings do not fit the image, and UsageError for invalid settings.
Tensor preprocess(const Image& image, const ImageProcessor& processor,
                  Preparation preparation = Preparation::kTransformers);

}  // namespace weightlift
