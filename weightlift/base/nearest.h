#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace weightlift {

/// Up to `count` of `candidates` that are nearest to `word` in spelling (Levenshtein's distance),
/// the nearest first; none that has less than half of the word in common.
std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates,
                                 std::size_t count);

/// "; did you mean a, b?" to end a message with, untrusted names made fit for it; nothing for none.
std::string did_you_mean(const std::vector<std::string>& near);

}  // namespace weightlift
