#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/conversion.h"
#include "weightlift/convert/convert.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/progress.h"

namespace weightlift {

class HttpClient;
struct HubSettings;

/// The networks that a job supports.
enum class NetworkNeed : std::uint8_t { kSupported, kAny };

/// A local source, and what its name tells about it.
struct FetchedSource {
  LocalSource local;
  std::optional<std::string> as = {};  ///< SourceHints::as of weights without their config
};

/// What a download would fetch.
struct DownloadPlan {
  std::vector<std::string> files;
  std::uint64_t size_bytes = 0;
};

/// Downloads the sources, labels and image processors of a job, through the cache. Local files need
/// no request: the first download creates the client.
class Fetcher {
 public:
  /// `settings`: null for those of the environment, which are read when they are needed. Both
  /// outlive the fetcher. Any of its threads may call progress.check(), also several at once.
  Fetcher(ProgressSink& progress, const HubSettings* settings);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  /// Throws UsageError for invalid settings of the Hub.
  HttpClient& http();

  /// The source, after a download of weights and config that the cache lacks. kSupported refuses an
  /// unsupported network before its weights are downloaded. Where the Hub cannot be reached,
  /// weights of a registry name may also come from the cache without a config, or from torch's own
  /// cache, after a check of the hash in the file's name. Throws as HubClient::snapshot_download,
  /// and NotFoundError where the repository has no weights.
  FetchedSource fetch_source(const SourceName& name, NetworkNeed need);

  /// The same without a request: nothing where a file is not local.
  std::optional<FetchedSource> find_source(const SourceName& name);

  /// The files that fetch_source would fetch. Sends requests. Throws NotFoundError as that does.
  DownloadPlan list_source(const SourceName& name);

  /// Replaces a Repository by its File, after a download; leaves the others alone. The same address
  /// is fetched once. Throws NotFoundError for a File that does not exist, and UsageError for an
  /// address that names no file of labels.
  LabelsFrom fetch_labels(const LabelsFrom& from);
  ProcessorFrom fetch_processor(const ProcessorFrom& from);

  /// The transformers folder at a path, or of a repository after its download. Throws
  /// NotFoundError for a name of timm's registry.
  std::filesystem::path fetch_model(const std::string& given);

 private:
  File fetch_file(const std::string& address, bool of_processor);

  ProgressSink& progress_;
  const HubSettings* settings_;
  std::unique_ptr<HttpClient> http_;
  std::map<std::string, File> files_;  ///< by address
};

}  // namespace weightlift
