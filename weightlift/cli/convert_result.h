#pragma once

#include "weightlift/cli/convert_job.h"

namespace weightlift {

/// Prints the result or the plan of one source for people, and last the command that completes a
/// folder without labels or image processor.
void print_result(const ConvertJob& job, const ConversionResult& result);

}  // namespace weightlift
