#pragma once

#include <filesystem>
#include <string>

// Internal: where the certificates of authorities are.

namespace weightlift {

/// Certificates to trust: a file or a folder; both empty: none.
struct Certificates {
  std::string file, folder;
};

/// The certificates that the environment names, as httpx reads it, then as requests does.
Certificates certificates_of_environment();

/// The certificates of the system, below `root`: the first of the files that distributions use;
/// empty where it has none. A libcurl of another distribution, or of an archive, does not know
/// them.
std::string certificates_of_system(const std::filesystem::path& root = "/");

}  // namespace weightlift
