#pragma once

#include "weightlift/jobs.h"

namespace weightlift {

/// Prints what a checkpoint contains for people.
void print_inspection(const Inspection& found);

}  // namespace weightlift
