#pragma once

#include <string>

#include "weightlift/convert/convert.h"

namespace weightlift {

/// What became of one source, or would become of it, in lines for people. `source`: as it was
/// given.
void print_result(const std::string& source, const ConversionRequest& request,
                  const ConversionResult& result);

}  // namespace weightlift
