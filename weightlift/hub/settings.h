#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace weightlift {

/// What huggingface_hub reads from the environment, in its words and with its precedence.
struct HubSettings {
  std::string endpoint = "https://huggingface.co";  ///< HF_ENDPOINT, without a final slash
  std::filesystem::path cache;                      ///< HF_HUB_CACHE
  std::string token;                      ///< HF_TOKEN or the token file; empty: none. Never logged
  bool offline = false;                   ///< HF_HUB_OFFLINE: no request leaves the process
  std::chrono::seconds etag_timeout{10};  ///< HF_HUB_ETAG_TIMEOUT, of metadata
  std::chrono::seconds download_timeout{10};  ///< HF_HUB_DOWNLOAD_TIMEOUT, without a byte coming
  std::string user_agent = "weightlift";      ///< "weightlift/0.1.0" from the environment's reader
  /// Before the second try of a request; twice as long before each further one. Tests shorten it.
  std::chrono::milliseconds first_wait{1000};
};

/// Reads the environment and the token file. Throws UsageError for values that cannot be meant,
/// IoError for a token file that cannot be read.
HubSettings read_hub_settings();

/// Where torch.hub keeps the weights that it downloaded: $TORCH_HOME/hub/checkpoints, by default
/// ~/.cache/torch/hub/checkpoints.
std::filesystem::path torch_checkpoints_folder();

}  // namespace weightlift
