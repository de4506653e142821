#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace weightlift::testing {

/// Names of all that lies in the folder, sorted; none where there is no such folder.
std::vector<std::string> names_in(const std::filesystem::path& folder);

/// Every file of a folder with its bytes.
std::map<std::string, std::string> files_of(const std::filesystem::path& folder);

}  // namespace weightlift::testing
