#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/base/progress.h"
#include "weightlift/convert/convert.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/hub/hub_client.h"

namespace weightlift {

/// The networks that a command supports.
enum class NetworkNeed : std::uint8_t { kSupported, kAny };

/// A local source, and what convert() needs to know of it.
struct FetchedSource {
  std::string path;
  std::string name = {};                    ///< ConversionRequest::source_name
  std::optional<SourceOrigin> origin = {};  ///< of the Hub's
  std::optional<std::string> as = {};       ///< of weights without their config
};

/// A local file, and its name in the card.
struct FetchedFile {
  std::string path;
  std::string from = {};  ///< empty: it was local before
};

/// Downloads the sources, labels and processors that the command line names, through the cache.
/// Local files need no request: the first download creates the client.
class Fetcher {
 public:
  /// Throws UsageError for invalid settings of the Hub.
  HttpClient& http();

  /// The source, after a download of weights and config that the cache lacks. kSupported refuses an
  /// unsupported network before its weights are downloaded. Where the Hub cannot be reached,
  /// weights of a registry name may also come from the cache without a config, or from torch's own
  /// cache, after a check of the hash in the file's name. Throws as HubClient::snapshot_download,
  /// and NotFoundError where the repository has no weights.
  FetchedSource fetch_source(const SourceName& name, NetworkNeed need, ProgressSink& progress);

  /// The same without a request: nothing where a file is not local.
  std::optional<FetchedSource> find_source(const SourceName& name, ProgressSink& progress);

  /// The files that fetch_source would fetch. Sends requests. Throws NotFoundError as that does.
  std::vector<RepoFile> list_source(const SourceName& name, ProgressSink& progress);

  /// --id2label: fetches the file of "hf://..."; returns other values unchanged.
  FetchedFile fetch_labels(const std::string& id2label, ProgressSink& progress);

  /// --image-processor: fetches preprocessor_config.json of "owner/name[@revision]"; returns other
  /// values unchanged.
  FetchedFile fetch_processor(const std::string& which, ProgressSink& progress);

 private:
  FetchedFile fetch_file(const RepoFileName& file, ProgressSink& progress);
  std::unique_ptr<HttpClient> http_;
};

/// The only SOURCE of a command, after its download.
FetchedSource fetch_one(const std::string& given, NetworkNeed need, ProgressSink& progress);

/// The transformers folder at a path, or of a repository after its download.
std::filesystem::path fetch_model(const std::string& given, ProgressSink& progress);

}  // namespace weightlift
