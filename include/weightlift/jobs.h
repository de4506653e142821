#pragma once

// Layer: job

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/comparison.h"
#include "weightlift/conversion.h"
#include "weightlift/progress.h"

namespace WEIGHTLIFT_API weightlift {

struct HubSettings;

// Every call below takes the names that the program takes: a path, a name of timm's registry
// ("resnet50.a1_in1k"), or a Hub repository ("owner/name[@revision]"). Downloads go through
// huggingface_hub's cache. `hub`: the settings of the Hub, read during the call; null for those of
// the environment (HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE, ...).
// Each throws an Error: UsageError, NotFoundError, HubError, Interrupted from the sink's check(),
// and so on. Calls may overlap, each with its own ProgressSink.

/// Converts a checkpoint: fetches it, plans, transfers, writes a temporary folder, verifies the
/// files on disk, gives the folder its name, and publishes it where `request.publish` is set. A
/// difference is a result (`verification`, written == false), not an exception. An exception leaves
/// nothing behind, except where publishing failed: then the verified folder stays.
ConversionResult convert(const ConversionRequest& request, ProgressSink& progress = no_progress(),
                         const HubSettings* hub = nullptr);

struct VerifyRequest {
  std::string source;
  std::string folder;  ///< of transformers, or any other source
  SourceHints hints = {};
  VerifyOptions options = {};
};

/// Compares a converted model with its source. A difference is a result.
FolderVerification verify(const VerifyRequest& request, ProgressSink& progress = no_progress(),
                          const HubSettings* hub = nullptr);

struct DiffRequest {
  std::string a, b;
  std::string a_weights_key = {}, b_weights_key = {};  ///< SourceHints::weights_key
};

struct DiffResult {
  DiffSide a, b;
  CheckpointDiff diff;
};

/// Compares two checkpoints tensor by tensor. A difference is a result.
DiffResult diff(const DiffRequest& request, ProgressSink& progress = no_progress(),
                const HubSettings* hub = nullptr);

struct InspectRequest {
  std::string source;
  std::string weights_key = {};  ///< SourceHints::weights_key
  bool hash = false;             ///< hash the whole file
};

/// The network in a checkpoint.
struct NetworkFacts {
  Form form = Form::kTimm;
  std::string architecture;  ///< "resnet50", "ResNetForImageClassification"; empty: a lone file
  std::string tag;           ///< claimed by timm's config; empty: none
  std::string family;        ///< "resnet", by transformers' model_type
  std::string family_name;   ///< "ResNet"
  std::string description;   ///< its sizes for people
  std::string sizes_json;    ///< the same as a JSON object
  ModelConfig config;        ///< with labels
};

/// What a checkpoint contains.
struct Inspection {
  std::filesystem::path file;
  CheckpointFormat format;
  std::size_t files = 1;    ///< with the shards of an index
  std::uint64_t bytes = 0;  ///< of all files
  std::vector<NamedDict> dicts;
  std::size_t chosen = 0;  ///< the index in `dicts` of the dict that a conversion uses
  std::string prefix;      ///< of the network's tensors in it
  std::string naming;      ///< whose names these are: "timm", "MoCo"; empty: unknown
  StateDict tensors;       ///< names, dtypes and shapes; elements may be zeros
  std::int64_t parameters = 0;
  std::vector<OutsideTensor> outside;  ///< tensors of the dict outside the network
  std::vector<std::string> ignored;    ///< the dict's other items: "epoch (an int)"
  std::vector<std::string> keys_of_lists;
  std::vector<std::string> globals;  ///< Python objects of a torch file, never created
  std::vector<std::pair<std::string, std::string>> metadata;
  std::optional<NetworkFacts> network;   ///< empty: not a supported network
  std::optional<Error> not_convertible;  ///< why there is no network, or its classifier is none
  std::string sha256;                    ///< only with InspectRequest::hash
  std::string known;                     ///< the tag whose weights have that hash
  Notes notes;
};

/// Reads what a checkpoint contains, without its weights. Also reports the notes to `progress`.
Inspection inspect(const InspectRequest& request, ProgressSink& progress = no_progress(),
                   const HubSettings* hub = nullptr);

struct PushRequest {
  std::filesystem::path folder;
  PublishOptions options = {};
  std::vector<std::string> include = {}, exclude = {};  ///< globs of files, as huggingface_hub's
  bool training_state = false;                          ///< also publish optimizer.pt and so on
  bool dry_run = false;                                 ///< check everything, write nothing
};

/// A file of a folder in a plan.
struct PlannedUpload {
  std::string path;
  std::uint64_t size_bytes = 0;
  std::string sha256;
  std::string action;  ///< "commit", "keep" (equal in the repository) or "ignore" (.gitignore)
};

struct PushResult {
  std::string repo_id;
  std::string checked;                      ///< the check of the folder, one phrase
  std::vector<std::string> training_state;  ///< files of that kind that are not published
  std::optional<Publication> published;     ///< empty after a dry run
  // After a dry run:
  std::string account;  ///< of the token
  bool creates_repository = false, creates_branch = false;
  std::string noncommercial_license;
  std::vector<PlannedUpload> files;
};

/// Checks a model folder, and publishes it in one commit.
PushResult push(const PushRequest& request, ProgressSink& progress = no_progress(),
                const HubSettings* hub = nullptr);

struct PullResult {
  std::string repo_id, revision;
  std::string commit;  ///< 40 hex digits
  std::filesystem::path folder;
};

/// The local folder of a transformers model: a folder as it is, a repository after its download.
std::filesystem::path fetch_model(const std::string& name, ProgressSink& progress = no_progress(),
                                  const HubSettings* hub = nullptr);

/// Downloads a whole repository, into the cache or, where it is not empty, into `local_dir`.
PullResult pull(const std::string& repository, const std::filesystem::path& local_dir = {},
                ProgressSink& progress = no_progress(), const HubSettings* hub = nullptr);

}  // namespace weightlift
