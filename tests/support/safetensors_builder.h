#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "weightlift/base/bytes.h"

namespace weightlift::testing {

/// A valid or invalid file: the length `declared`, the header, the data.
inline std::string raw_safetensors(std::uint64_t declared, std::string_view header,
                                   std::string_view data = {}) {
  std::string file(sizeof(declared), '\0');
  store_little_endian(declared, std::as_writable_bytes(std::span(file)));
  file += header;
  file += data;
  return file;
}

/// A file with the header's true length, unpadded, and `data_bytes` zeros.
inline std::string safetensors_with(std::string_view header, std::size_t data_bytes) {
  return raw_safetensors(header.size(), header, std::string(data_bytes, '\0'));
}

/// {"dtype":DTYPE,"shape":SHAPE,"data_offsets":OFFSETS}, each given as JSON text.
inline std::string raw_entry(std::string_view dtype, std::string_view shape,
                             std::string_view offsets) {
  std::string entry = "{\"dtype\":";
  entry.append(dtype).append(",\"shape\":").append(shape);
  return entry.append(",\"data_offsets\":").append(offsets).append("}");
}

/// {"t":ENTRY}
inline std::string one_tensor(std::string_view entry) {
  return std::string("{\"t\":").append(entry).append("}");
}

/// {"t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}
inline std::string good_header() { return one_tensor(raw_entry("\"F32\"", "[2]", "[0,8]")); }

}  // namespace weightlift::testing
