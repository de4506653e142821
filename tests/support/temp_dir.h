#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace weightlift::testing {

/// A fresh directory that is removed, with all in it, at the end of the test.
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

/// Writes `content` as the file's whole content; parent folders are made.
void write_file(const std::filesystem::path& path, std::string_view content);

/// The file's whole content.
std::string read_file(const std::filesystem::path& path);

}  // namespace weightlift::testing
