#include "weightlift/image/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/digest.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::read_file;
using testing::refusal;
using ::testing::StartsWith;
using testing::told;

const std::string kImages = WEIGHTLIFT_TEST_DATA "/images/";

DecodedImage decode(const std::string& bytes, ColorMode mode = ColorMode::kRGB,
                    const DecodeLimits& limits = {}) {
  return decode_image(std::as_bytes(std::span(bytes)), mode, "cat", limits);
}

std::string image(const std::string& name) { return read_file(kImages + name); }

/// `bytes` with some of them replaced.
std::string patched(std::string bytes, std::size_t offset, const std::string& by) {
  return bytes.replace(offset, by.size(), by);
}

std::string patched_after(const std::string& bytes, const std::string& what, std::size_t distance,
                          const std::string& by) {
  return patched(bytes, bytes.find(what) + distance, by);
}

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(value >> shift);
  return bytes;
}

/// A PNG chunk, with its checksum.
std::string chunk(const std::string& name, const std::string& data) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char c : name + data) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0);
  }
  return big_endian(static_cast<std::uint32_t>(data.size())) + name + data + big_endian(~crc);
}

const std::string kPngSignature = "\x89PNG\r\n\x1A\n";

std::string png_header(std::uint32_t width, std::uint32_t height) {
  return kPngSignature +
         chunk("IHDR", big_endian(width) + big_endian(height) + std::string("\x08\x02\0\0\0", 5));
}

/// A line of samples.txt: the SHA-256 of what Pillow decodes.
struct Golden {
  std::string name, format;
  std::int64_t width, height;
  std::string rgb, luminance;
};

void PrintTo(const Golden& golden, std::ostream* out) { *out << golden.name; }

std::vector<Golden> load_goldens() {
  std::ifstream in(kImages + "samples.txt");
  std::vector<Golden> goldens;
  Golden golden;
  while (in >> golden.name >> golden.format >> golden.width >> golden.height >> golden.rgb >>
         golden.luminance) {
    goldens.push_back(golden);
  }
  return goldens;
}

class DecodeGoldenTest : public ::testing::TestWithParam<Golden> {};

TEST_P(DecodeGoldenTest, MatchesPillow) {
  const Golden& golden = GetParam();
  for (const auto mode : {ColorMode::kRGB, ColorMode::kL}) {
    const DecodedImage decoded = decode(image(golden.name), mode);
    EXPECT_EQ(decoded.format, golden.format);
    EXPECT_EQ(decoded.image.width, golden.width);
    EXPECT_EQ(decoded.image.height, golden.height);
    EXPECT_EQ(decoded.image.channels, mode == ColorMode::kRGB ? 3 : 1);
    EXPECT_EQ(sha256(std::as_bytes(std::span(decoded.image.samples))),
              mode == ColorMode::kRGB ? golden.rgb : golden.luminance);
    if (!golden.name.starts_with("animated")) {
      EXPECT_THAT(told(decoded.notes), IsEmpty());
    }
  }
}

std::string golden_name(const ::testing::TestParamInfo<Golden>& golden) {
  std::string name = golden.param.name;
  std::ranges::replace(name, '.', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Images, DecodeGoldenTest, ::testing::ValuesIn(load_goldens()),
                         golden_name);

TEST(DecodeTest, IgnoresAPaletteColorThatIsCutOff) {
  const std::string bytes(
      "\x42\x4d\x28\x00\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00\x0c\x00\x00\x00\x01\x00"
      "\x02\x00\x01\x00\x04\x00\x32\xf2\x73\x2e\x0c\xb4\x4d\xe2\x62\x33\xe7\x5f\x9a\x68",
      40);
  const DecodedImage decoded = decode(bytes);
  EXPECT_THAT(std::vector(decoded.image.samples.end() - 3, decoded.image.samples.end()),
              ElementsAre(0, 0, 0));
}

TEST(DecodeTest, HasGoldensOfAllFormats) { EXPECT_EQ(load_goldens().size(), 71U); }

TEST(DecodeTest, DecodesTheFirstFrame) {
  for (const std::string name : {"animated.png", "animated.webp"}) {
    const std::string frames = name == "animated.png" ? "2" : "3";
    EXPECT_THAT(told(decode(image(name)).notes),
                ElementsAre("image-animated frames='" + frames + "'"));
  }
}

TEST(DecodeTest, NotesTrailingBytes) {
  for (const std::string name :
       {"420.jpg", "kind2_8.png", "alpha.webp", "bits24.bmp", "bytes.ppm"}) {
    const DecodedImage decoded = decode(image(name) + "junk");
    EXPECT_EQ(decoded.image, decode(image(name)).image) << name;
    EXPECT_THAT(told(decoded.notes), ElementsAre("image-trailing-bytes bytes='4'")) << name;
  }
}

TEST(DecodeTest, NotesDamageOfReadableImages) {
  const std::string jpeg = image("444.jpg");
  // A marker amid the pixels ends them, and libjpeg fills the rest.
  const std::string cut = patched(jpeg, jpeg.size() - 60, "\xFF\xD9");
  EXPECT_THAT(told(decode(cut).notes),
              ElementsAre("image-damaged text='Corrupt JPEG data: premature end of data segment'",
                          "image-trailing-bytes bytes='58'"));
  const std::string png = image("kind2_8.png");
  EXPECT_THAT(told(decode(png.substr(0, png.size() - 12)).notes), ElementsAre("image-end-damaged"));
  EXPECT_THAT(told(decode(patched(png, png.size() - 13, "!")).notes),
              ElementsAre("image-damaged text='IDAT: CRC error'"));
}

TEST(DecodeTest, IgnoresBrokenExif) {
  const std::string broken = patched_after(image("turned.jpg"), "Exif", 6, "??");
  const DecodedImage decoded = decode(broken);
  EXPECT_EQ(decoded.image.width, 11);
  EXPECT_THAT(told(decoded.notes), ElementsAre("exif-invalid"));
}

TEST(DecodeTest, ReadsCommentsBetweenAndInsideWords) {
  EXPECT_EQ(decode("P2 #\n1#\n 1 255 1#x\n2 ", ColorMode::kL).image.samples.at(0), 12);
}

/// Bytes that are refused, and the text after "cat: ".
struct Refused {
  std::string name, bytes, text;
  bool unsupported = false;  ///< UnsupportedError; else FormatError
};

void PrintTo(const Refused& refused, std::ostream* out) { *out << refused.name; }

std::vector<Refused> refused_kinds() {
  return {
      {"Empty", "", "empty file"},
      {"Text", "hello\n", "not a JPEG, PNG, WebP, BMP or PPM image"},
      {"Gif", "GIF89a....", "unsupported image format GIF; advice(convert it to PNG first)", true},
      {"Avif", std::string("\0\0\0\x20", 4) + "ftypavif....",
       "unsupported image format AVIF; advice(convert it to PNG first)", true},
      {"WebPage", "<!DOCTYPE html>", "an HTML page, not an image; advice(download the file again)"},
      {"LfsPointer", "version https://git-lfs.github.com/spec/v1\n",
       "a git-lfs pointer, not an image; advice(run `git lfs pull`)"},
  };
}

std::string beyond_limit(const std::string& size) {
  return "expected at most 178956970 pixels, got " + size + "; advice(raise the pixel limit)";
}

std::string broken_jpeg(const std::string& error) {
  return "cannot decode the JPEG: " + error + "; advice(save it again as JPEG or PNG)";
}

std::string broken_png(const std::string& error) {
  return "cannot decode the PNG: " + error +
         "; advice(download the file again, or save it again as PNG)";
}

std::vector<Refused> refused_sizes() {
  const std::string limit = beyond_limit("65535 x 65535");
  const std::string bmp = image("bits24.bmp");
  const std::string side("\xFF\xFF\0\0", 4);
  const std::string jpeg = image("444.jpg");
  return {
      {"HugeJpeg", patched_after(jpeg, "\xFF\xC0", 5, "\xFF\xDC\xFF\xDC"),
       beyond_limit("65500 x 65500"), true},
      {"HugestJpeg", patched_after(jpeg, "\xFF\xC0", 5, "\xFF\xFF\xFF\xFF"),
       broken_jpeg("Maximum supported image dimension is 65500 pixels")},
      {"HugePng", png_header(65535, 65535) + chunk("IDAT", "x"), limit, true},
      {"HugeBmp", patched(bmp, 18, side + side), limit, true},
      {"HugePpm", "P6 65535 65535 255\n", limit, true},
      {"HugePlainPpm", "P1 65535 65535\n0", limit, true},
      {"NegativeWidthOfBmp", patched(bmp, 18, "\xFF\xFF\xFF\xFF"), beyond_limit("4294967295 x 7"),
       true},
      {"EmptyBmp", patched(bmp, 18, std::string(4, '\0')),
       "expected at least 1 x 1 pixels, got 0 x 7"},
      {"EmptyPpm", "P6 0 5 255\n", "expected at least 1 x 1 pixels, got 0 x 5"},
      {"EmptyJpeg", patched_after(jpeg, "\xFF\xC0", 5, std::string(4, '\0')),
       broken_jpeg("Empty JPEG image (DNL not supported)")},
      {"EmptyPng", png_header(0, 5) + chunk("IDAT", "x"), broken_png("Invalid IHDR data")},
  };
}

std::vector<Refused> refused_contents() {
  const std::string jpeg = image("444.jpg");
  const std::string bmp = image("bits24.bmp");
  const std::string webp = image("lossless.webp");
  const std::string as_png = "; advice(save it again as PNG)";
  return {
      {"JpegOf12Bits", patched_after(jpeg, "\xFF\xC0", 4, "\x0C"),
       broken_jpeg("Unsupported JPEG data precision 12")},
      {"PngWithChangedHeader", patched(image("kind2_8.png"), 20, "!"),
       broken_png("IHDR: CRC error")},
      {"PngWithBrokenPixels", png_header(2, 2) + chunk("IDAT", "broken"),
       broken_png("IDAT: incorrect header check")},
      {"PngWithoutPixels", png_header(2, 2) + chunk("IEND", ""), broken_png("IEND: out of place")},
      {"WebpWithBrokenPixels", patched(webp, 21, std::string(9, '\xFF')),
       "cannot decode the WebP: broken structure; advice(download the file again, or save it "
       "again)"},
      {"BmpHeader", patched(bmp, 14, "\x29"), "unsupported BMP header of 41 bytes" + as_png, true},
      {"BmpBits", patched(bmp, 28, "\x02"), "unsupported BMP with 2 bits per pixel" + as_png, true},
      {"BmpCompression", patched(bmp, 30, "\x04"),
       "unsupported BMP compression 4 at 24 bits per pixel" + as_png, true},
      {"BmpMasks", patched(image("565.bmp"), 54, "\xF0"),
       "unsupported BMP color masks 0000f8f0 000007e0 0000001f 00000000 at 16 bits per pixel" +
           as_png,
       true},
      {"BmpColors", patched(image("bits8.bmp"), 46, std::string("\x2C\x01", 2)),
       "expected a palette of at most 256 colors, got 300"},
      {"PpmWord", "P6 3x 5 255\n", "expected a width of at most 10 digits"},
      {"PpmLongWord", "P6 00000000003 5 255\n", "expected a width of at most 10 digits"},
      {"PpmMaxval", "P6 3 5 65536\n", "expected a maximum value from 1 to 65535, got 65536"},
      {"PpmNoSpace", "P6x\n", "expected white space after P1 to P6"},
      {"PpmTooLarge", "P2 1 1 9 10 ", "expected values up to 9, got 10"},
      {"PpmBits", "P1 2 1 0 2", "expected pixels of 0 and 1"},
  };
}

class DecodeRefusalTest : public ::testing::TestWithParam<Refused> {};

TEST_P(DecodeRefusalTest, NamesTheFault) {
  const auto run = [] { decode(GetParam().bytes); };
  EXPECT_EQ(GetParam().unsupported ? refusal<UnsupportedError>(run) : refusal<FormatError>(run),
            "cat: " + GetParam().text);
}

std::string refused_name(const ::testing::TestParamInfo<Refused>& refused) {
  return refused.param.name;
}

INSTANTIATE_TEST_SUITE_P(Kinds, DecodeRefusalTest, ::testing::ValuesIn(refused_kinds()),
                         refused_name);
INSTANTIATE_TEST_SUITE_P(Sizes, DecodeRefusalTest, ::testing::ValuesIn(refused_sizes()),
                         refused_name);
INSTANTIATE_TEST_SUITE_P(Contents, DecodeRefusalTest, ::testing::ValuesIn(refused_contents()),
                         refused_name);

TEST(DecodeTest, RefusesTruncatedFiles) {
  // In these formats a missing end may go unnoticed: digits of the last number, or bytes after the
  // pixels.
  const std::set<std::string> others = {"plain.pbm", "plain.pgm",       "plain.ppm",   "rle8.bmp",
                                        "rle4.bmp",  "raw_profile.png", "animated.png"};
  for (const Golden& golden : load_goldens()) {
    if (others.contains(golden.name)) continue;
    const std::string whole = image(golden.name);
    const std::size_t after_pixels = golden.format == "PNG" ? 40 : 9;
    for (const std::size_t end : {whole.size() / 2, whole.size() - after_pixels}) {
      EXPECT_EQ(refusal<FormatError>([&] { decode(whole.substr(0, end)); }),
                "cat: truncated " + golden.format + " of " + std::to_string(end) +
                    " bytes; advice(download or copy the file again)")
          << golden.name;
    }
  }
}

TEST(DecodeTest, RefusesRunsThatEndEarly) {
  const std::string whole = image("rle8.bmp");
  EXPECT_THAT(refusal<FormatError>([&] { decode(whole.substr(0, whole.size() - 20)); }),
              StartsWith("cat: truncated BMP of "));
}

TEST(DecodeTest, EnforcesThePixelLimit) {
  const std::string png = image("kind2_8.png");  // 11 x 7
  EXPECT_EQ(decode(png, ColorMode::kRGB, {.max_pixels = 77}).image.width, 11);
  EXPECT_EQ(refusal<UnsupportedError>([&] { decode(png, ColorMode::kRGB, {.max_pixels = 76}); }),
            "cat: expected at most 76 pixels, got 11 x 7; advice(raise the pixel limit)");
}

TEST(DecodeTest, RefusesEndlessScans) {
  const std::string jpeg = image("progressive.jpg");
  const std::size_t start = jpeg.rfind("\xFF\xDA");
  const std::string scan = jpeg.substr(start, jpeg.size() - 2 - start);
  std::string many = jpeg.substr(0, start);
  for (int i = 0; i < 600; ++i) many += scan;
  EXPECT_EQ(refusal<FormatError>([&] { decode(many + "\xFF\xD9"); }),
            "cat: " + broken_jpeg("more than 500 scans"));
}

TEST(DecodeTest, RefusesOrReadsDamagedImages) {
  std::mt19937 random(1);
  const auto goldens = load_goldens();
  int read = 0;
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    std::string bytes = image(goldens[random() % goldens.size()].name);
    for (std::size_t count = 1 + random() % 4; count > 0; --count) {
      bytes[random() % bytes.size()] = static_cast<char>(random());
    }
    try {
      constexpr std::int64_t kMaxPixels = 100'000;
      const Image image = decode(bytes, ColorMode::kRGB, {.max_pixels = kMaxPixels}).image;
      EXPECT_LE(image.width * image.height, kMaxPixels);
      EXPECT_EQ(image.samples.size(), static_cast<std::size_t>(image.width * image.height * 3));
      ++read;
    } catch (const FormatError& error) {
      EXPECT_THAT(error.what(), StartsWith("cat: "));
      ++refused;
    } catch (const UnsupportedError& error) {
      EXPECT_THAT(error.what(), StartsWith("cat: "));
      ++refused;
    }
  }
  EXPECT_GT(read, 20);
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace weightlift
