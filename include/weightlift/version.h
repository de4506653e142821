#pragma once

// Layer: base

#include <string_view>

/// The version of these headers. CMake reads it here.
#define WEIGHTLIFT_VERSION_MAJOR 0
#define WEIGHTLIFT_VERSION_MINOR 2
#define WEIGHTLIFT_VERSION_PATCH 0

/// Comparable: WEIGHTLIFT_VERSION >= 200 is 0.2.0 or newer.
#define WEIGHTLIFT_VERSION \
  (WEIGHTLIFT_VERSION_MAJOR * 10000 + WEIGHTLIFT_VERSION_MINOR * 100 + WEIGHTLIFT_VERSION_PATCH)

/// What the shared library exports: the declarations of these headers.
#define WEIGHTLIFT_API [[gnu::visibility("default")]]

namespace WEIGHTLIFT_API weightlift {

/// The version of the library that runs, "0.2.0". WEIGHTLIFT_VERSION is that of the headers.
std::string_view version();

}  // namespace weightlift
