#pragma once

// Layer: hub

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "weightlift/version.h"

/// @file
/// The settings for the Hub.

namespace WEIGHTLIFT_API weightlift {

/// The settings for the Hub: those that huggingface_hub reads from the environment. A plain value.
/// Begin with read_hub_settings() and change what differs: the defaults here have no token.
struct HubSettings {
  std::string endpoint = "https://huggingface.co";  ///< HF_ENDPOINT, without a final slash
  std::filesystem::path cache;  ///< HF_HUB_CACHE; empty: that of the environment
  std::string token;            ///< HF_TOKEN or the token file; may be empty; never logged
  bool offline = false;         ///< HF_HUB_OFFLINE: send no requests
  std::chrono::seconds etag_timeout{10};  ///< HF_HUB_ETAG_TIMEOUT, for metadata
  /// HF_HUB_DOWNLOAD_TIMEOUT: the longest time without a byte.
  std::chrono::seconds download_timeout{10};

  /// The longest time of a reply, or of some 100 bytes a second of a file: a server that sends a
  /// byte now and then must not hold the program forever.
  std::chrono::seconds reply_time{300};

  /// The longest time of a listing. 200 pages need minutes where the server limits the rate.
  std::chrono::seconds listing_time{900};

  std::string user_agent = "weightlift";  ///< read_hub_settings() adds the version

  /// The longest wait before the second try of a request; the shortest is half of it. Both double
  /// before each further try, up to 8 s.
  std::chrono::milliseconds first_wait{1000};
};

/// Reads the environment and the token file, with huggingface_hub's precedence and defaults. Sends
/// no request. Throws UsageError for invalid values, IoError or FormatError for a token file that
/// cannot be read. Must not overlap with a change of the environment (setenv).
HubSettings read_hub_settings();

/// What an upload would do with a file.
enum class PlannedAction : std::uint8_t {
  kCommit,
  kKeep,    ///< the repository has the same content
  kIgnore,  ///< the repository's .gitignore excludes it
};

/// "commit", "keep" or "ignore".
std::string_view to_string(PlannedAction action);

/// A file of a folder in a plan.
struct PlannedFile {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string sha256;
  PlannedAction action = PlannedAction::kCommit;
};

}  // namespace weightlift
