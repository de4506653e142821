#pragma once

#include <cstdint>
#include <string>

#include "weightlift/convert/verify.h"

namespace weightlift {

/// 25557032 as "25,557,032".
std::string with_commas(std::int64_t number);

/// "102.5 MB", powers of 1000.
std::string readable_bytes(std::uint64_t bytes);

/// The result of a verification, in indented lines.
std::string describe(const Verification& verification);

}  // namespace weightlift
