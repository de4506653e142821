#pragma once

// Layer: base

#if __cplusplus < 202002L
#error "weightlift needs C++20: compile with -std=c++20"
#endif

#include <string_view>

/// @file
/// The version of the headers and of the library.

// CMake reads the version from these definitions.

/// The version of these headers, major.minor.patch.
#define WEIGHTLIFT_VERSION_MAJOR 0
/// See WEIGHTLIFT_VERSION_MAJOR.
#define WEIGHTLIFT_VERSION_MINOR 2
/// See WEIGHTLIFT_VERSION_MAJOR.
#define WEIGHTLIFT_VERSION_PATCH 0

/// Comparable: WEIGHTLIFT_VERSION >= 200 is 0.2.0 or newer.
#define WEIGHTLIFT_VERSION \
  (WEIGHTLIFT_VERSION_MAJOR * 10000 + WEIGHTLIFT_VERSION_MINOR * 100 + WEIGHTLIFT_VERSION_PATCH)

/// Marks what a shared library exports: the declarations of these headers.
#define WEIGHTLIFT_API [[gnu::visibility("default")]]

/// All of the library. Unless a comment states otherwise, calls on different objects may overlap,
/// and so may calls that are `const` on one object.
namespace WEIGHTLIFT_API weightlift {

/// The version of the library that runs, "0.2.0". WEIGHTLIFT_VERSION is that of the headers.
std::string_view version();

}  // namespace weightlift
