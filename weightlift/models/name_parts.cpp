#include "weightlift/models/name_parts.h"

#include <charconv>
#include <system_error>

namespace weightlift {

std::vector<std::string> name_parts(std::string_view name) {
  std::vector<std::string> parts;
  while (!name.empty()) {
    const std::size_t dot = name.find('.');
    parts.emplace_back(name.substr(0, dot));
    name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
  }
  return parts;
}

int one_more(std::string_view digits) {
  int number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  constexpr int kMost = 100'000;
  return whole && number >= 0 && number < kMost ? number + 1 : 0;
}

}  // namespace weightlift
