#pragma once

// Layer: hub

#include <chrono>
#include <filesystem>
#include <string>

#include "weightlift/version.h"

namespace WEIGHTLIFT_API weightlift {

/// The settings that huggingface_hub reads from the environment, with its precedence.
struct HubSettings {
  std::string endpoint = "https://huggingface.co";  ///< HF_ENDPOINT, without a final slash
  std::filesystem::path cache;                      ///< HF_HUB_CACHE
  std::string token;     ///< HF_TOKEN or the token file; may be empty; never logged
  bool offline = false;  ///< HF_HUB_OFFLINE: send no requests
  std::chrono::seconds etag_timeout{10};  ///< HF_HUB_ETAG_TIMEOUT, for metadata
  std::chrono::seconds download_timeout{
      10};  ///< HF_HUB_DOWNLOAD_TIMEOUT: longest time without a byte
  /// The longest time of a reply, or of some 100 bytes a second of a file: a server that sends a
  /// byte now and then must not hold the program forever.
  std::chrono::seconds reply_time{300};
  /// The longest time of a listing. 200 pages need minutes where the server limits the rate.
  std::chrono::seconds listing_time{900};
  std::string user_agent = "weightlift";  ///< read_hub_settings: with the version
  /// The wait before the second try of a request; it doubles before each further try.
  std::chrono::milliseconds first_wait{1000};
};

/// Reads the environment and the token file. Throws UsageError for invalid values, IoError or
/// FormatError for a token file that cannot be read.
HubSettings read_hub_settings();

}  // namespace weightlift
