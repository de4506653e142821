#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tests/support/hub_server.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "weightlift/hub/hub_client.h"
#include "weightlift/hub/upload.h"

namespace weightlift::testing {

/// Pseudorandom bytes.
std::string noise(std::size_t size, std::uint64_t seed = 1);

/// The bytes of every file below a folder, by its path in the folder with '/'.
std::map<std::string, std::string> tree_of(const std::filesystem::path& folder);

/// A stand-in Hub and its clients: in this process, or the program. Both use the cache "hub".
class HubClientTest : public ::testing::Test {
 protected:
  /// Settings for this process, with waits of a millisecond.
  HubSettings settings(const std::string& token = kAliceWrite) const;
  Snapshot pull(std::string_view what, const std::string& token = kAliceWrite);
  CommitInfo push(const std::filesystem::path& folder, std::string_view repo,
                  const std::string& token = kAliceWrite);
  /// The error of a pull that fails.
  std::string failed_pull(std::string_view what, const std::string& token = kAliceWrite);

  /// The command that runs the program with these arguments and the Hub's URL.
  std::vector<std::string> program(const std::vector<std::string>& arguments,
                                   const std::string& token = kAliceWrite) const;

  /// Fails the test unless each blob of the cache has the digest of its name, and each file of a
  /// snapshot is a link to a blob.
  void expect_sound_cache() const;
  /// The number of incomplete blobs in the cache.
  int count_incomplete() const;

  TempDir dir_;
  HubServer server_;
};

}  // namespace weightlift::testing
