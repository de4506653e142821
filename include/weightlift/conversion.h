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

/// @file
/// The request and the result of convert().

namespace WEIGHTLIFT_API weightlift {

/// Facts about a source that its files do not have.
struct SourceHints {
  std::optional<std::string> as = {};  ///< timm model name for a lone weights file
  std::string config = {};  ///< path of a config.json, transformers' or timm's, for weights that
                            ///< have none; empty: none
  std::string weights_key = {};  ///< one of several networks: the path of its dict, a prefix of
                                 ///< names, or both; empty: timm's choice
  std::string head_key = {};     ///< the classifier's module; empty: timm's, or the only candidate
  std::vector<std::string> ignore = {};  ///< globs of tensors that do not change the outputs
};

/// The source's own labels or image processor. Where it has no labels: ImageNet-1k's for 1000
/// classes and a timm tag of ImageNet-1k, else LABEL_0, LABEL_1, ...
struct FromSource {};

/// The source's image processor with timm's size and crop for tests (test_input_size and
/// test_crop_pct).
struct FromSourceTest {};

/// The name of the record that ConversionRequest::if_changed keeps in a folder. It has digests and
/// sizes, but no paths. push() does not publish it.
inline constexpr const char* kRecordFile = ".weightlift.json";

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

/// Where the labels of the classes come from.
using LabelsFrom = std::variant<FromSource, Preset, File, Repository>;

/// Where the image processor comes from.
using ProcessorFrom = std::variant<FromSource, FromSourceTest, Preset, File, Repository>;

/// How to publish a model folder.
struct PublishOptions {
  std::string repo_id = {};       ///< OWNER/NAME, NAME, or empty: the folder's name
  std::string organization = {};  ///< owner where repo_id names none; empty: the token's account
  std::string revision = "main";  ///< a branch, created if missing; or an existing "refs/pr/N"
  std::string commit_message = "Add model and image processor";
  bool private_repo = false;  ///< create it private; refuse one that is public
  bool create_pr = false;     ///< open a pull request instead of committing to the branch
  /// The name of a license that forbids commercial use, to publish weights under it. Without it,
  /// weightlift refuses to publish them (UsageError with the hint kAcceptLicense).
  std::string accepted_license = {};

  bool operator==(const PublishOptions&) const = default;
};

/// A commit of a model folder to a repository.
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

/// One conversion of a checkpoint into a folder: what convert() takes. A plain value; convert()
/// reads it during the call.
struct ConversionRequest {
  /// A local folder or weights file, a name of timm's registry, or a Hub repository
  /// ("owner/name[@revision]").
  std::string source = {};
  SourceHints hints = {};

  std::filesystem::path output = ".";  ///< parent folder, created if missing
  std::string name = {};  ///< of the new folder; empty: by the source ("resnet-50" for "resnet50")
  bool force = false;     ///< replace an existing folder, atomically
  /// Convert nothing where the folder is whole, and the record in it (kRecordFile) has this source
  /// and these options; else replace it. The new folder has a record. An existing folder without
  /// one is refused, unless `force`.
  bool if_changed = false;
  bool checksum = false;  ///< if_changed compares the bytes of the source, not sizes and times
  bool dry_run = false;   ///< plan only, write nothing
  bool fsync = false;     ///< wait until everything is on the disk

  LabelsFrom id2label = {};
  ProcessorFrom image_processor = {};
  Form to = Form::kTransformers;  ///< the library that loads the new folder
  /// Empty: safetensors, or .bin for torchvision.
  std::optional<WeightsFormat> weights_format = {};
  Head head = Head::kClassifier;    ///< kNone: the backbone without its classifier
  std::optional<DType> dtype = {};  ///< output dtype of floating weights; empty: the source's

  bool verify = true;  ///< false: the new folder is not verified, and cannot be published
  std::vector<std::filesystem::path> images = {};  ///< images to compare both networks on
  VerifyOptions verify_options = {};

  std::string license = {}, base_model = {};   ///< facts for the card; empty: unknown
  std::vector<std::string> datasets = {};      ///< facts for the card
  std::optional<PublishOptions> publish = {};  ///< publish the verified folder; empty: do not
};

/// The predictions of both networks for an image.
struct ImageComparison {
  std::string file;                   ///< as given
  bool bit_equal = true;              ///< whether the logits are
  std::vector<Prediction> src, dest;  ///< up to five, the most likely first
};

/// What became of each tensor of the source and of the folder, in numbers of tensors.
struct TensorCounts {
  std::size_t moved = 0;  ///< from the source to the folder
  /// Only in the source: ignored ones, and with Head::kNone the classifier.
  std::size_t dropped = 0;
  std::size_t filled = 0;  ///< only in the folder: a bias of zeros, counters of 0
};

/// What a conversion found, and what it made. A plain value: it keeps no file open.
struct ConversionResult {
  std::filesystem::path folder;  ///< the new folder, even where it was not written
  std::string repository;        ///< of a source on the Hub, as given; empty: a local source

  /// Files that a dry run would download. Where there are any, the source is not local, and the
  /// result has only `folder`, `repository`, `repo_id` and `fetch_bytes` besides.
  std::vector<std::string> fetch;
  std::uint64_t fetch_bytes = 0;  ///< their size

  std::string source_file;         ///< the weights file that was read
  std::uint64_t bytes_read = 0;    ///< size of it and its shards
  ModelConfig config;              ///< labels, classes, channels and dtype of the folder
  std::vector<std::string> files;  ///< names of the folder's files
  /// (1, num_labels); for 0 labels (1, features), without head (1, features, 1, 1).
  Shape logits_shape;
  std::int64_t parameters = 0;  ///< number of weights and biases, without running statistics
  TensorCounts tensors;
  std::vector<ImageComparison> images;       ///< one for each of ConversionRequest::images
  std::optional<Verification> verification;  ///< empty after dry_run, already, or without verify
  std::string labels_from;                   ///< where the labels come from, one phrase
  std::string card;                          ///< text of the README.md; empty where not written
  Notes notes;  ///< of the conversion; the ProgressSink received them, unless `already`

  bool written = false;  ///< the folder exists; false after a dry run or a failed verification
  /// The source already is the requested folder (`folder` names it). weightlift wrote, verified and
  /// published nothing.
  bool already = false;
  /// ConversionRequest::if_changed: `folder` is up to date. weightlift wrote and verified nothing,
  /// and did not open the source: of the members above, the result has only those of the source's
  /// file, `folder`, `parameters`, `config.dtype` and `notes`.
  bool unchanged = false;

  /// The license of the weights that forbids commercial use; empty: none is known.
  std::string noncommercial_license;
  std::string repo_id;  ///< the repository to publish to; NAME alone in a dry run: in your account
  std::optional<Publication> published;  ///< empty without ConversionRequest::publish or `written`
};

/// Whether the result was verified without differences: false also where nothing was verified
/// (dry_run, already, no verify). Across dtypes, images do not count.
bool is_verified(const ConversionResult& result);

}  // namespace weightlift
