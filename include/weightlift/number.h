#pragma once

// Layer: base

#include "weightlift/version.h"

namespace WEIGHTLIFT_API weightlift {

/// A number from a JSON file, to be written to another one: Python distinguishes 1 and 1.0.
struct Number {
  double value = 0;
  bool integer = false;
  bool operator==(const Number&) const = default;
};

}  // namespace weightlift
