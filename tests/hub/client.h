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

/// Bytes that repeat nowhere near, of any size.
std::string noise(std::size_t size, std::uint64_t seed = 1);

/// Every file below a folder, by its path there with '/', with its bytes.
std::map<std::string, std::string> tree_of(const std::filesystem::path& folder);

/// A stand-in Hub, and a client of it: in this process, or as the program. The cache is "hub".
class HubClientTest : public ::testing::Test {
 protected:
  /// In this process, with waits of a millisecond.
  HubSettings settings(const std::string& token = kAliceWrite) const;
  Snapshot pull(std::string_view what, const std::string& token = kAliceWrite);
  CommitInfo push(const std::filesystem::path& folder, std::string_view repo,
                  const std::string& token = kAliceWrite);
  /// What a pull is refused with.
  std::string failed_pull(std::string_view what, const std::string& token = kAliceWrite);

  /// The program with these arguments and the Hub's address, as a command to run.
  std::vector<std::string> program(const std::vector<std::string>& arguments,
                                   const std::string& token = kAliceWrite) const;

  /// Fails the test unless each blob of the cache holds what its name says, and each file of a
  /// snapshot is a link to one.
  void expect_sound_cache() const;
  /// Blobs of the cache that are not whole.
  int count_incomplete() const;

  TempDir dir_;
  HubServer server_;
};

}  // namespace weightlift::testing
