#pragma once

#include "weightlift/cli/convert_flags.h"
#include "weightlift/convert/convert.h"

namespace weightlift {

/// Prints the result or the plan of one source for people, and last the command that completes a
/// folder without labels or image processor.
void print_result(const ConversionRequest& request, const ConvertFlags& flags,
                  const Conversion& result);

}  // namespace weightlift
