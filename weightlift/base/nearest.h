#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/error.h"

namespace weightlift {

/// Up to `count` of `candidates` that are nearest to `word` in spelling (Levenshtein distance), the
/// nearest first. Candidates that share less than half of the word are omitted.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates,
                                 std::size_t count);

/// The hint kDidYouMean with these untrusted names as a message shows them; no hint without names.
Hints did_you_mean(const std::vector<std::string>& near);

}  // namespace weightlift
