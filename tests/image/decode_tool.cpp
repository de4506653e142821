/// decode_tool RGB|L OUTPUT PICTURE
///
/// Writes the picture's samples to OUTPUT, and to standard output its width, height and format,
/// then a line for each note. A refusal is a line on standard error and exit code 3.

#include <cstdio>
#include <exception>
#include <fstream>
#include <span>
#include <string>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/image/decode.h"

namespace weightlift {
namespace {

void write_samples(std::span<char*> arguments) {
  const auto mode = std::string(arguments[1]) == "L" ? ColorMode::kL : ColorMode::kRGB;
  const auto file = MappedFile::open(arguments[3]);
  const DecodedPicture decoded = decode_picture(file->bytes(), mode, arguments[3]);
  const Picture& picture = decoded.picture;
  std::ofstream out(arguments[2], std::ios::binary);
  out.write(reinterpret_cast<const char*>(picture.samples.data()),
            static_cast<std::streamsize>(picture.samples.size()));
  if (!out.flush()) throw IoError(std::string(arguments[2]) + ": cannot be written");
  std::printf("%ld %ld %s\n", picture.width, picture.height, decoded.format.c_str());
  for (const std::string& note : decoded.notes) std::printf("%s\n", note.c_str());
}

}  // namespace
}  // namespace weightlift

int main(int count, char** arguments) {
  if (count != 4) {
    std::fputs("usage: decode_tool RGB|L OUTPUT PICTURE\n", stderr);
    return 2;
  }
  try {
    weightlift::write_samples(std::span(arguments, static_cast<std::size_t>(count)));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return weightlift::exit_code(error);
  }
}
