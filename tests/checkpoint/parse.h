#pragma once

#include <memory>
#include <string>

#include "weightlift/base/error.h"
#include "weightlift/checkpoint/safetensors.h"

namespace weightlift::testing {

/// The file that `bytes` are, parsed under the name "memory".
inline SafetensorsFile parse(std::string bytes) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return parse_safetensors(std::as_bytes(std::span(*owner)), owner, "memory");
}

/// The message of the FormatError that refuses `bytes`, "accepted" where there is none.
inline std::string refusal_of(const std::string& bytes) {
  try {
    parse(bytes);
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace weightlift::testing
