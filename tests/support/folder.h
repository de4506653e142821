#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace weightlift::testing {

/// The names in the folder, sorted; empty where there is no such folder.
std::vector<std::string> names_in(const std::filesystem::path& folder);

/// The files of a folder by name, with their bytes.
std::map<std::string, std::string> files_of(const std::filesystem::path& folder);

}  // namespace weightlift::testing
