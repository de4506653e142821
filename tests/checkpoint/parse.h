#pragma once

#include <memory>
#include <string>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/safetensors.h"

namespace weightlift::testing {

/// Parses `bytes` as a file named "memory".
inline SafetensorsFile parse(std::string bytes) {
  const auto owner = std::make_shared<const std::string>(std::move(bytes));
  return parse_safetensors(std::as_bytes(std::span(*owner)), owner, "memory");
}

/// The error that refuses `bytes`, with its hints; "accepted" where there is none.
inline std::string refusal_of(const std::string& bytes) {
  return refusal<Error>([&] { parse(bytes); });
}

}  // namespace weightlift::testing
