#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/checkpoint/zip_builder.h"

namespace weightlift::testing {

/// A whole pickle: PROTO, `body`, STOP.
inline std::string pickle_of(std::string_view body, char protocol = '\x02') {
  return std::string("\x80") + protocol + std::string(body) + ".";
}

/// GLOBAL.
inline std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}

/// BINUNICODE.
inline std::string text(std::string_view value) {
  return "X" + le(static_cast<std::uint32_t>(value.size())) + std::string(value);
}

/// An integer in the shortest opcode, as torch.save writes it.
inline std::string integer(std::int64_t value) {
  if (value >= 0 && value < 256) return "K" + le(static_cast<std::uint8_t>(value));
  if (value >= 0 && value < 65'536) return "M" + le(static_cast<std::uint16_t>(value));
  if (value >= INT32_MIN && value <= INT32_MAX) {
    return "J" + le(static_cast<std::uint32_t>(static_cast<std::int32_t>(value)));
  }
  return "\x8A\x08" + le(static_cast<std::uint64_t>(value));
}

inline std::string tuple(std::string_view items) { return "(" + std::string(items) + "t"; }

inline std::string call(std::string_view callee, std::string_view arguments) {
  return std::string(callee) + tuple(arguments) + "R";
}

/// OrderedDict() with `items`, keys and values in turn.
inline std::string ordered_dict(std::string_view items) {
  return global("collections", "OrderedDict") + ")R(" + std::string(items) + "u";
}

}  // namespace weightlift::testing
