#pragma once

#include "weightlift/comparison.h"

namespace weightlift {

/// Prints the differences for people: weights first, counters last.
void print_diff(const CheckpointDiff& diff);

}  // namespace weightlift
