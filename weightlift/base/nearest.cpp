#include "weightlift/base/nearest.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "weightlift/base/message.h"

namespace weightlift {

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row.back();
}

}  // namespace

std::vector<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates,
                                 std::size_t count) {
  constexpr std::size_t kLongest = 200;  // the distance costs the product of both lengths
  if (word.size() > kLongest) return {};
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const std::string& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (2 * distance <= std::max(word.size(), candidate.size())) {
      ranked.emplace_back(distance, candidate);
    }
  }
  std::ranges::stable_sort(ranked, {}, &std::pair<std::size_t, std::string>::first);
  std::vector<std::string> names;
  for (const auto& [distance, name] : ranked) {
    if (names.size() < count) names.push_back(name);
  }
  return names;
}

Hints did_you_mean(const std::vector<std::string>& near) {
  Hint hint{HintCode::kDidYouMean, {}};
  for (const std::string& name : near) hint.values.push_back(printable(name));
  return near.empty() ? Hints() : Hints{hint};
}

}  // namespace weightlift
