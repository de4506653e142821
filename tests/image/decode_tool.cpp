/// decode_tool OUTPUT PICTURE
///
/// Writes the picture's samples to OUTPUT.RGB and OUTPUT.L, and to standard output its width,
/// height and format, then a line for each note. A refusal is a line on standard error and exit
/// code 3.

#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/image/decode.h"

namespace weightlift {
namespace {

void write_samples(const std::string& path, const Picture& picture) {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(picture.samples.data()),
            static_cast<std::streamsize>(picture.samples.size()));
  if (!out.flush()) throw IoError(path + ": cannot be written");
}

void decode(const std::string& output, const std::string& path) {
  const auto file = MappedFile::open(path);
  const DecodedPicture color = decode_picture(file->bytes(), ColorMode::kRGB, path);
  const DecodedPicture gray = decode_picture(file->bytes(), ColorMode::kL, path);
  write_samples(output + ".RGB", color.picture);
  write_samples(output + ".L", gray.picture);
  std::printf("%ld %ld %s\n", color.picture.width, color.picture.height, color.format.c_str());
  for (const std::string& note : color.notes) std::printf("%s\n", note.c_str());
}

}  // namespace
}  // namespace weightlift

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: decode_tool OUTPUT PICTURE\n", stderr);
    return 2;
  }
  try {
    weightlift::decode(arguments[1], arguments[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return weightlift::exit_code(error);
  }
}
