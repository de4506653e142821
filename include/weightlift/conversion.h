#pragma once

// Layer: convert

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "weightlift/checkpoint.h"
#include "weightlift/comparison.h"
#include "weightlift/models.h"
#include "weightlift/predict.h"
#include "weightlift/progress.h"

namespace WEIGHTLIFT_API weightlift {

/// Facts about a source that its files do not have.
struct SourceHints {
  std::optional<std::string> as = {};  ///< timm model name for a lone weights file
  std::string config = {};  ///< path of a config.json, transformers' or timm's, for weights that
                            ///< have none; empty: none
  std::string weights_key = {};  ///< one of several networks; empty: timm's choice
  std::string head_key = {};     ///< the classifier's module; empty: timm's, or the only candidate
  std::vector<std::string> ignore = {};  ///< globs of tensors that do not change the outputs
};

/// The source's own labels or image processor; where it has no labels, those that its tag implies.
struct FromSource {};

/// The source's image processor with timm's size and crop for tests.
struct FromSourceTest {};

/// One that weightlift has: the labels "imagenet-1k"; the image processor
/// "convnext-base-224-22k-1k", or that of a model of timm's registry.
struct Preset {
  std::string name;
};

/// A local file: labels as text or JSON, or a preprocessor_config.json, also by its folder.
struct File {
  std::filesystem::path path;
  std::string name = {};  ///< in the card and in messages; empty: its own
};

/// A file of a Hub repository: "hf://[datasets/]owner/name[@revision]/path". For an image processor
/// also "owner/name[@revision]", with its preprocessor_config.json.
struct Repository {
  std::string address;
};

/// The Preset of ImageNet-1k's labels.
inline constexpr const char* kImagenetLabels = "imagenet-1k";

/// The Preset of the image processor that the microsoft/resnet-* repositories have.
inline constexpr const char* kConvNextProcessor = "convnext-base-224-22k-1k";

using LabelsFrom = std::variant<FromSource, Preset, File, Repository>;
using ProcessorFrom = std::variant<FromSource, FromSourceTest, Preset, File, Repository>;

/// How to publish a model folder.
struct PublishOptions {
  std::string repo_id = {};       ///< OWNER/NAME, NAME, or empty: the folder's name
  std::string organization = {};  ///< owner where repo_id names none; empty: the token's account
  std::string revision = "main";  ///< a branch, created if missing; or an existing "refs/pr/N"
  std::string commit_message = "Add model and image processor";
  bool private_repo = false;          ///< create it private; refuse one that is public
  bool create_pr = false;             ///< open a pull request instead of committing to the branch
  std::string accepted_license = {};  ///< one that forbids commercial use, by its name
  bool operator==(const PublishOptions&) const = default;
};

/// A commit of a model folder.
struct Publication {
  std::string repo_id;           ///< OWNER/NAME
  std::string commit;            ///< 40 hex digits
  std::string url;               ///< of the commit
  std::string pull_request_url;  ///< only with create_pr
  std::size_t committed = 0;     ///< files in the commit
  std::size_t uploaded = 0;      ///< those of them whose bytes were sent
  std::size_t unchanged = 0;     ///< files that were equal in the repository
  std::size_t ignored = 0;       ///< files that the repository's .gitignore excludes
  bool nothing_changed = false;  ///< no commit: all files were equal in the repository
};

/// One conversion of a checkpoint into a folder.
struct ConversionRequest {
  /// A local folder or weights file, a name of timm's registry, or a Hub repository
  /// ("owner/name[@revision]").
  std::string source = {};
  SourceHints hints = {};
  std::filesystem::path output = ".";  ///< parent folder, created if missing
  std::string name = {};  ///< of the new folder; empty: by the source ("resnet-50" for "resnet50")
  bool force = false;     ///< replace an existing folder, atomically
  bool dry_run = false;   ///< plan only, write nothing
  bool fsync = false;     ///< wait until everything is on the disk
  LabelsFrom id2label = {};
  ProcessorFrom image_processor = {};
  Form to = Form::kTransformers;
  /// Empty: safetensors, or .bin for torchvision.
  std::optional<WeightsFormat> weights_format = {};
  Head head = Head::kClassifier;
  std::optional<DType> dtype = {};  ///< output dtype; empty: the source's
  bool verify = true;
  std::vector<std::filesystem::path> images = {};  ///< images to compare both networks on
  VerifyOptions verify_options = {};
  std::string license = {}, base_model = {};  ///< facts for the card; empty: unknown
  std::vector<std::string> datasets = {};
  std::optional<PublishOptions> publish = {};  ///< publish the verified folder; empty: do not
};

/// The predictions of both networks for an image.
struct ImageComparison {
  std::string file;
  bool bit_equal = true;              ///< of the logits
  std::vector<Prediction> src, dest;  ///< up to five, the most likely first
};

/// What became of the source's tensors and of the folder's: none is left to chance.
struct TensorCounts {
  std::size_t moved = 0;    ///< by pairs of operations
  std::size_t dropped = 0;  ///< of the source: ignored ones, and the classifier without a head
  std::size_t filled = 0;   ///< of the folder: a bias of zeros, counters of 0
};

/// What a conversion found, and what it made.
struct ConversionResult {
  std::filesystem::path folder;  ///< the new folder, even where it was not written
  std::string repository;        ///< of a source on the Hub, as given; empty: a local source
  /// Files that a dry run would download. The source is not local then, and only `folder` and
  /// `repository` are known.
  std::vector<std::string> fetch;
  std::uint64_t fetch_bytes = 0;
  std::string source_file;         ///< the weights file that was read
  std::uint64_t bytes_read = 0;    ///< of it and its shards
  ModelConfig config;              ///< labels, classes, channels and dtype of the folder
  std::vector<std::string> files;  ///< of the folder
  /// (1, num_labels); for 0 labels (1, features), without head (1, features, 1, 1).
  Shape logits_shape;
  std::int64_t parameters = 0;
  TensorCounts tensors;
  std::vector<ImageComparison> images;
  std::optional<Verification> verification;  ///< empty after dry_run or without verify
  std::string labels_from;                   ///< where the labels come from, one phrase
  std::string card;                          ///< the README.md
  Notes notes;                               ///< of the conversion; also given to the ProgressSink
  bool written = false;  ///< the folder exists; false after a dry run or a failed verification
  bool already = false;  ///< the source already is the requested folder; nothing was done
  /// The license of the weights that forbids commercial use; empty: none is known.
  std::string noncommercial_license;
  std::string repo_id;  ///< the repository to publish to; NAME alone in a dry run: in your account
  std::optional<Publication> published;
};

/// Whether the result was verified without differences. Across dtypes, images do not count.
bool is_verified(const ConversionResult& result);

}  // namespace weightlift
