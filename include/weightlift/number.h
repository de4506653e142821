#pragma once

// Layer: base

#include "weightlift/version.h"

/// @file
/// Numbers of JSON files.

namespace WEIGHTLIFT_API weightlift {

/// A number of a JSON file, and whether it is written as an integer: Python distinguishes 1 and
/// 1.0, and weightlift writes the number as it read it.
struct Number {
  double value = 0;
  bool integer = false;  ///< written without a point: 1, not 1.0

  bool operator==(const Number&) const = default;
};

}  // namespace weightlift
