#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/base/progress.h"
#include "weightlift/convert/convert.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/hub/hub_client.h"

namespace weightlift {

/// Which networks a command can do something with.
enum class Network : std::uint8_t { kPlain, kAny };

/// A source that lies here, and what convert() is told of it.
struct FetchedSource {
  std::string path;
  std::string name = {};                    ///< ConversionRequest::source_name
  std::optional<SourceOrigin> origin = {};  ///< of the Hub's
  std::optional<std::string> as = {};       ///< of weights without their config
};

/// A file that lies here, and what the card calls it.
struct FetchedFile {
  std::string path;
  std::string from = {};  ///< empty: it was here before
};

/// Brings what the command line names from the Hub, through its cache. What lies here costs no
/// request: the client is made where it is first needed.
class Fetcher {
 public:
  /// Throws UsageError for settings of the Hub that cannot be meant.
  HttpClient& http();

  /// The source, its weights and config fetched as far as the cache lacks them. With kPlain a
  /// network that cannot be converted is refused before its weights come. Where the Hub cannot be
  /// reached, a registry name is also taken from weights in the cache that lack their config, and
  /// from torch's own cache, the hash in the file's name checked. Throws as
  /// HubClient::snapshot_download, and FormatError where the repository has no weights.
  FetchedSource fetch_source(const SourceName& name, Network network, ProgressSink& progress);

  /// The same without asking the Hub: nothing where something is missing here.
  std::optional<FetchedSource> find_source(const SourceName& name, ProgressSink& progress);

  /// The files that fetch_source would fetch. Asks the Hub. Throws FormatError as that does.
  std::vector<RepoFile> list_source(const SourceName& name, ProgressSink& progress);

  /// --id2label: fetches the file of "hf://..."; all else is as it was given.
  FetchedFile fetch_labels(const std::string& id2label, ProgressSink& progress);

  /// --image-processor: fetches preprocessor_config.json of "owner/name[@revision]"; all else is as
  /// it was given.
  FetchedFile fetch_processor(const std::string& which, ProgressSink& progress);

 private:
  FetchedFile fetch_file(const RepoFileName& file, ProgressSink& progress);
  std::unique_ptr<HttpClient> http_;
};

/// The one SOURCE of a command that only looks at it, shown on the terminal while it comes.
FetchedSource fetch_one(const std::string& given, Network network);

}  // namespace weightlift
