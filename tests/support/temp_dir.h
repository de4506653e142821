#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace weightlift::testing {

/// A new directory; the destructor removes it with its content.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// Writes a file with this content, and creates its parent folders.
void write_file(const std::filesystem::path& path, std::string_view content);

/// The content of a file.
std::string read_file(const std::filesystem::path& path);

}  // namespace weightlift::testing
