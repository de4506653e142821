#pragma once

// Layer: job

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/comparison.h"
#include "weightlift/conversion.h"
#include "weightlift/hub.h"
#include "weightlift/progress.h"

/// @file
/// Whole jobs in one call.
///
/// A source is what the program takes: a local folder or weights file, a name of timm's registry
/// ("resnet50.a1_in1k"), or a Hub repository ("owner/name[@revision]"). Downloads go through
/// huggingface_hub's cache.
///
/// `hub`: the settings of the Hub, read during the call; null for those of the environment
/// (HF_TOKEN, HF_ENDPOINT, HF_HUB_OFFLINE, ...). A build without the Hub throws UnsupportedError
/// for all that is not local.
///
/// Errors: each call throws UsageError for a wrong request, NotFoundError, FormatError,
/// UnsupportedError or MismatchError for a source, HubError for the Hub, IoError or NoMemoryError
/// for the system, and what `progress` throws.
///
/// Threads: calls may overlap, each with its own ProgressSink. A call reads its arguments until it
/// returns, and ends the threads that it started, except for those of OpenMP. Results are values of
/// the caller.

namespace WEIGHTLIFT_API weightlift {

/// Converts a checkpoint: fetches it, plans, transfers, writes a temporary folder, verifies the
/// files on disk, gives the folder its name, and publishes it where `request.publish` is set. See
/// jobs.h for sources, `hub`, errors and threads.
///
/// A difference is a result (`verification`, written == false), not an exception. Where the source
/// already is the requested folder, the call only reports that (`already`). An exception leaves
/// nothing behind, except where publishing failed: then the verified folder stays.
ConversionResult convert(const ConversionRequest& request, ProgressSink& progress = no_progress(),
                         const HubSettings* hub = nullptr);

/// What verify() compares.
struct VerifyRequest {
  std::string source;
  std::string folder;      ///< the converted model, or any other source
  SourceHints hints = {};  ///< about `source`
  VerifyOptions options = {};
};

/// Compares a converted model with its source: tensors, graphs, outputs, labels and image
/// processor. A difference is a result. See jobs.h for sources, `hub`, errors and threads.
FolderVerification verify(const VerifyRequest& request, ProgressSink& progress = no_progress(),
                          const HubSettings* hub = nullptr);

/// What diff() compares.
struct DiffRequest {
  std::string a, b;
  std::string a_weights_key = {}, b_weights_key = {};  ///< SourceHints::weights_key
};

/// What diff() found. Its sides keep the files of both checkpoints mapped.
struct DiffResult {
  DiffSide a, b;
  CheckpointDiff diff;
};

/// Compares two checkpoints tensor by tensor. Tensors with the same timm name are a pair, where
/// weightlift knows the networks, else those with the same name. A difference is a result. See
/// jobs.h for sources, `hub`, errors and threads.
DiffResult diff(const DiffRequest& request, ProgressSink& progress = no_progress(),
                const HubSettings* hub = nullptr);

/// What inspect() reads.
struct InspectRequest {
  std::string source;
  std::string weights_key = {};  ///< SourceHints::weights_key
  bool hash = false;             ///< also compute the sha256 of Inspection::file
};

/// The network in a checkpoint.
struct NetworkFacts {
  Form form = Form::kTimm;
  std::string architecture;  ///< "resnet50", "ResNetForImageClassification"; empty: a lone file
  std::string tag;           ///< claimed by timm's config; empty: none
  std::string family;        ///< "resnet", by transformers' model_type
  std::string family_name;   ///< "ResNet"
  std::string description;   ///< the sizes of its layers, for people
  std::string sizes_json;    ///< the sizes as a JSON object
  ModelConfig config;        ///< with labels
};

/// What a checkpoint contains. `tensors` and `outside` hold handles, which keep the file mapped;
/// the rest are plain values.
struct Inspection {
  std::filesystem::path file;  ///< the weights file, or the index of its shards
  CheckpointFormat format;
  std::size_t files = 1;    ///< number of files: 1, or an index and its shards
  std::uint64_t bytes = 0;  ///< of all files
  std::vector<NamedDict> dicts;
  std::size_t chosen = 0;              ///< the index in `dicts` of the dict that a conversion uses
  std::string prefix;                  ///< of the names of the network's tensors in it: "module."
  std::string naming;                  ///< whose names these are: "timm", "MoCo"; empty: unknown
  StateDict tensors;                   ///< names, dtypes and shapes; elements may be zeros
  std::int64_t parameters = 0;         ///< number of weights and biases
  std::vector<OutsideTensor> outside;  ///< tensors of the dict outside the network
  std::vector<std::string> ignored;    ///< items that are no tensors: "epoch (int)"
  std::vector<std::string> keys_of_lists;                     ///< as Checkpoint::keys_of_lists
  std::vector<std::string> globals;                           ///< as Checkpoint::globals
  std::vector<std::pair<std::string, std::string>> metadata;  ///< as Checkpoint::metadata
  std::optional<NetworkFacts> network;                        ///< empty: not a supported network
  std::optional<Error> not_convertible;  ///< why there is no network, or its classifier is none
  std::string sha256;                    ///< only with InspectRequest::hash
  std::string known;                     ///< "resnet50.a1_in1k", whose weights have that hash
  Notes notes;
};

/// Reads what a checkpoint contains. Reads no weights, except for the hash, but downloads a
/// repository's weights. A network that weightlift does not support is a result
/// (`not_convertible`). Reports the notes to `progress`. See jobs.h for sources, `hub`, errors and
/// threads.
Inspection inspect(const InspectRequest& request, ProgressSink& progress = no_progress(),
                   const HubSettings* hub = nullptr);

/// What push() publishes.
struct PushRequest {
  std::filesystem::path folder;  ///< a model folder: converted, or from a training
  PublishOptions options = {};
  std::vector<std::string> include = {}, exclude = {};  ///< globs of files, as huggingface_hub's
  bool training_state = false;                          ///< also publish optimizer.pt and so on
  bool dry_run = false;                                 ///< check everything, write nothing
};

/// What push() published, or would publish.
struct PushResult {
  std::string repo_id;                      ///< OWNER/NAME
  std::string checked;                      ///< the check of the folder, one phrase
  std::vector<std::string> training_state;  ///< files of that kind that are not published
  std::optional<Publication> published;     ///< empty after a dry run
  std::string account;                      ///< of the token
  bool creates_repository = false, creates_branch = false;  ///< only after a dry run
  std::string noncommercial_license;  ///< that of the weights; empty: none is known
  std::vector<PlannedFile> files;     ///< only after a dry run
};

/// Checks a model folder, and publishes it in one commit. The weights of a network that weightlift
/// supports must be those of its config.json; of other networks, the files must be whole. A dry run
/// sends no request that writes. See jobs.h for `hub`, errors and threads.
PushResult push(const PushRequest& request, ProgressSink& progress = no_progress(),
                const HubSettings* hub = nullptr);

/// The local folder of a transformers model, for Classifier::open(): a folder as it is, a
/// repository after its download. Throws NotFoundError for a name of timm's registry: convert it
/// first. See jobs.h for `hub`, errors and threads.
std::filesystem::path fetch_model(const std::string& name, ProgressSink& progress = no_progress(),
                                  const HubSettings* hub = nullptr);

/// What pull() downloaded.
struct PullResult {
  std::string repo_id;           ///< OWNER/NAME
  std::string revision;          ///< the requested one
  std::string commit;            ///< 40 hex digits
  std::filesystem::path folder;  ///< local_dir, or the commit's folder in the cache
};

/// Downloads a whole repository, "owner/name[@revision]" or a name of timm's registry: into the
/// cache or, where it is not empty, into `local_dir`. Files that are already there are not
/// downloaded again. See jobs.h for `hub`, errors and threads.
PullResult pull(const std::string& repository, const std::filesystem::path& local_dir = {},
                ProgressSink& progress = no_progress(), const HubSettings* hub = nullptr);

}  // namespace weightlift
