#pragma once

#include <sys/types.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/temp_dir.h"

namespace weightlift::testing {

/// The stand-in Hub (hub_server.py) on loopback, for as long as this object lives.
class HubServer {
 public:
  /// Waits until it listens. Throws std::runtime_error where it cannot be started.
  HubServer();
  ~HubServer();
  HubServer(const HubServer&) = delete;
  HubServer& operator=(const HubServer&) = delete;

  const std::string& url() const { return url_; }
  const std::string& cdn_url() const { return cdn_url_; }  ///< of another origin

  /// Commits the folder's files as all of main; a missing repository is made. `more`: further keys
  /// of /_test/repo ("private", "gated", "type", "aliases", "tags"). Returns the commit.
  std::string add_repo(std::string_view id, const std::filesystem::path& folder,
                       nlohmann::json more = nlohmann::json::object());
  /// Adds rules (hub_faults.py lists their keys).
  void set_faults(const std::string& rules_json);
  void clear_faults();
  /// Changes some modes (hub_control.py lists them).
  void set_mode(const std::string& modes_json);
  /// The requests so far; keys as in hub_faults.py, header names in lower case.
  std::vector<nlohmann::json> log();
  void clear_log();
  /// "METHOD path" of each request so far whose "METHOD path?query" has `part` in it.
  std::vector<std::string> requests(std::string_view part = "");

  // What the Hub holds, past its modes, faults and log:

  /// Titles of a revision's commits, the newest first.
  std::vector<std::string> commit_titles(std::string_view id, std::string_view revision = "main");
  std::string file(std::string_view id, std::string_view path, std::string_view revision = "main");
  /// Paths of all files of a revision, sorted.
  std::vector<std::string> paths(std::string_view id, std::string_view revision = "main");

 private:
  std::string send(std::string_view method, std::string_view path, const std::string& body = "");
  std::string held(std::string_view what, std::string_view id, std::string_view revision,
                   std::string_view path = "");

  TempDir root_;
  pid_t pid_ = 0;
  int stdin_ = -1;  ///< the server ends where this does
  std::string url_, cdn_url_;
};

/// What a token may do: names of hub_accounts.py.
inline constexpr const char* kAliceWrite = "hf_alice_write";
inline constexpr const char* kAliceRead = "hf_alice_read";
inline constexpr const char* kBobWrite = "hf_bob_write";
inline constexpr const char* kBobRead = "hf_bob_read";

}  // namespace weightlift::testing
