#pragma once

namespace weightlift {

/// A number of a JSON file that will be written into another: Python keeps 1 and 1.0 apart.
struct Number {
  double value = 0;
  bool integer = false;
  bool operator==(const Number&) const = default;
};

}  // namespace weightlift
