#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temp_dir.h"

namespace weightlift::testing {

/// The stand-in Hub (hub_server.py) on loopback, during the lifetime of this object.
class HubServer {
 public:
  /// Starts the server and waits until it listens. Throws std::runtime_error where it does not.
  /// `certificate`: a PEM file with its key, for TLS; empty: plain HTTP.
  explicit HubServer(const std::filesystem::path& certificate = {});
  ~HubServer();
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;

  const std::string& url() const { return url_; }
  const std::string& cdn_url() const { return cdn_url_; }  ///< another origin
  /// The same Hub without TLS.
  const std::string& plain_url() const { return plain_url_; }

  /// Commits the folder's files as all of main, and creates a missing repository. `more`: more keys
  /// of /_test/repo ("private", "gated", "type", "aliases", "tags"). Returns the commit.
  std::string add_repo(std::string_view id, const std::filesystem::path& folder,
                       nlohmann::json more = nlohmann::json::object());
  /// Adds rules (hub_faults.py lists their keys).
  void set_faults(const std::string& rules_json);
  void clear_faults();
  /// Changes some modes (hub_control.py lists them).
  void set_mode(const std::string& modes_json);
  /// The requests so far, with the keys of hub_faults.py and header names in lower case.
  std::vector<nlohmann::json> log();
  void clear_log();
  /// "METHOD path" of each request so far whose "METHOD path?query" contains `part`.
  std::vector<std::string> requests(std::string_view part = "");

  // The content of the Hub, without its modes, faults and log:

  /// Titles of a revision's commits, the newest first.
  std::vector<std::string> commit_titles(std::string_view id, std::string_view revision = "main");
  std::string file(std::string_view id, std::string_view path, std::string_view revision = "main");
  /// Paths of all files of a revision, sorted.
  std::vector<std::string> paths(std::string_view id, std::string_view revision = "main");

 private:
  std::string send(std::string_view method, std::string_view path, const std::string& body = "");
  std::string stored(std::string_view what, std::string_view id, std::string_view revision,
                     std::string_view path = "");

  TempDir root_;
  pid_t pid_ = 0;
  int stdin_ = -1;  ///< the server ends when this closes
  std::string url_, cdn_url_, plain_url_;
};

/// Tokens of hub_accounts.py, by user and role.
inline constexpr const char* kAliceWrite = "hf_alice_write";
inline constexpr const char* kAliceRead = "hf_alice_read";
inline constexpr const char* kBobWrite = "hf_bob_write";
inline constexpr const char* kBobRead = "hf_bob_read";
inline constexpr const char* kCarolWrite = "hf_carol_write";  ///< who can only read in acme

}  // namespace weightlift::testing
