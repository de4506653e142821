#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace weightlift {

/// Whether `path` matches the glob as in huggingface_hub. The rules are those of Python's
/// fnmatch.fnmatchcase: '*' also matches '/' and a leading dot, '?' and [sets] match one character
/// (of UTF-8), nothing escapes them. In both texts '\' stands for '/'. A glob with a final '/'
/// matches what is in that folder.
bool matches_pattern(std::string_view path, std::string_view pattern);

/// Which paths to choose, as huggingface_hub's filter_repo_objects does.
struct PathFilter {
  std::vector<std::string> include;  ///< allow_patterns; empty: all paths
  std::vector<std::string> exclude;  ///< ignore_patterns
  bool operator==(const PathFilter&) const = default;
};

/// Whether the path matches a pattern of `include`, and none of `exclude`.
bool is_chosen(std::string_view path, const PathFilter& filter);

}  // namespace weightlift
