/// decode_tool OUTPUT IMAGE
///
/// Writes the image's samples to OUTPUT.RGB and OUTPUT.L, and to standard output its width, height
/// and format, then a line for each note. An error is one line on standard error and exit code 3.

#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/image/decode.h"

namespace weightlift {
namespace {

void write_samples(const std::string& path, const Image& image) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(image.samples.data()),
            static_cast<std::streamsize>(image.samples.size()));
  if (!out.flush()) throw IoError(path, "cannot write the file");
}

void decode(const std::string& output, const std::string& path) {
  const auto file = MappedFile::open(path);
  const DecodedImage color = decode_image(file->bytes(), ColorMode::kRGB, path);
  const DecodedImage gray = decode_image(file->bytes(), ColorMode::kL, path);
  write_samples(output + ".RGB", color.image);
  write_samples(output + ".L", gray.image);
  std::printf("%ld %ld %s\n", color.image.width, color.image.height, color.format.c_str());
  for (const Note& note : color.notes) std::printf("%s\n", to_string(note).c_str());
}

}  // namespace
}  // namespace weightlift

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: decode_tool OUTPUT IMAGE\n", stderr);
    return 2;
  }
  try {
    weightlift::decode(arguments[1], arguments[2]);
    return 0;
  } catch (const weightlift::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;  // bad input; anything else is a bug, and ends in std::terminate
  }
}
