#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/tensor.h"

namespace weightlift {

/// One tensor as the header declares it: the syntax is checked, the numbers are not yet compared
/// with each other or the file.
struct SafetensorsDeclaration {
  std::string name;
  DType dtype = DType::F32;
  Shape shape;
  std::uint64_t begin = 0;  ///< data_offsets, in bytes from the end of the header
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsDeclaration> tensors;                // in the order of the text
  std::vector<std::pair<std::string, std::string>> metadata;  // in the order of the text
  bool has_metadata = false;                                  // an object, also an empty one
};

/// Reads the JSON text of a safetensors header. Throws FormatError "where: ..." where the text is
/// not JSON, or JSON of another form (see the table in the .cpp), and UnsupportedError for a dtype
/// below one byte. Names and metadata keys are unique.
SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& where);

}  // namespace weightlift
