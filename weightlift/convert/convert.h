#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/base/note.h"
#include "weightlift/base/progress.h"
#include "weightlift/convert/images.h"
#include "weightlift/convert/settings.h"
#include "weightlift/convert/source.h"
#include "weightlift/convert/verify.h"
#include "weightlift/export/model_card.h"
#include "weightlift/export/model_folder.h"
#include "weightlift/image/processor.h"
#include "weightlift/models/model_config.h"
#include "weightlift/transfer/transfer.h"

namespace weightlift {

/// The Hub repository that a source was downloaded from.
struct SourceOrigin {
  std::string repo_id;              ///< "timm/resnet50.a1_in1k"
  std::string commit;               ///< 40 hex digits
  std::string revision = "main";    ///< the requested one; only main is certain to be the owner's
  std::string weights_sha256 = {};  ///< of the weights on the Hub; empty: unknown
};

/// One conversion of a checkpoint into a folder.
struct ConversionRequest {
  std::string source = {};       ///< a local folder or weights file
  std::string source_name = {};  ///< its name where the path does not have it: a registry name, the
                                 ///< last part of a repository; empty: from the path
  std::optional<SourceOrigin> origin = {};
  SourceHints hints = {};
  std::filesystem::path output = ".";  ///< parent folder, created if missing
  std::string name = {};               ///< of the new folder; empty: checkpoint_name of the source
  bool force = false;                  ///< replace an existing folder, atomically
  bool dry_run = false;                ///< plan only, write nothing
  bool fsync = false;
  std::string id2label = {};       ///< empty, "imagenet-1k" or a file
  std::string id2label_from = {};  ///< name of the file in the card; empty: "a file"
  /// "source", "source-test", "convnext-base-224-22k-1k", a preprocessor_config.json, a name of
  /// timm's registry, or a transformers or timm folder.
  std::string image_processor = "source";
  std::string image_processor_from = {};  ///< name of the file in the card; empty: its own
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
};

/// What became of the source's tensors and of the folder's: none is left to chance.
struct TensorCounts {
  std::size_t moved = 0;    ///< by pairs of operations
  std::size_t dropped = 0;  ///< of the source: ignored ones, and the classifier without a head
  std::size_t filled = 0;   ///< of the folder: a bias of zeros, counters of 0
};

struct ConversionResult {
  std::filesystem::path folder;  ///< the new folder, even where it was not written
  std::string source_file;       ///< the weights file that was read
  std::uint64_t bytes_read = 0;  ///< of it and its shards
  ModelFolder content;           ///< the folder without its tensors
  /// (1, num_labels); for 0 labels (1, features), without head (1, features, 1, 1).
  Shape logits_shape;
  std::int64_t parameters = 0;
  TransferReport transfer;
  TensorCounts tensors;
  std::vector<ImageComparison> images;
  std::optional<Verification> verification;  ///< empty after dry_run or without verify
  Provenance provenance;  ///< facts and claims of the card; without sha256 after a dry run
  std::string labels_from;
  std::vector<OutsideTensor> outside;  ///< the source's tensors that were ignored
  std::string head;                    ///< the source's module for fc, where it has another name
  bool bias_added = false;             ///< the classifier has no bias in the source
  std::string card;                    ///< the README.md
  Notes notes;                         ///< also given to the ProgressSink
  bool written = false;  ///< the folder exists; false after a dry run or a failed verification
  bool already = false;  ///< the source already is the requested folder; nothing was done
};

/// Converts a checkpoint: reads, plans, transfers, writes a temporary folder, verifies the files on
/// disk, and only then gives the folder its name. A difference is a result (`verification`, written
/// == false), not an exception. Throws an Error of base/error.h, and then leaves nothing behind.
ConversionResult convert(const ConversionRequest& request, ProgressSink& progress);

/// Whether the result was verified without differences. Across dtypes, images do not count.
bool is_verified(const ConversionResult& result);

/// The folder that convert() would create, from the names alone; the source need not be local. For
/// callers that convert several sources, and refuse two with the same folder.
std::filesystem::path planned_folder(const ConversionRequest& request);

/// Throws where convert() cannot create its folder: UsageError for the name, ExistsError for an
/// existing folder, IoError for the place. Writes nothing.
void require_destination(const ConversionRequest& request);

/// A comparison of a folder with a source. Different settings do not fail the verification: the
/// user may have chosen them.
struct FolderVerification {
  Verification network;
  SettingsComparison settings;
  std::vector<OutsideTensor> outside = {};  ///< the source's tensors that were ignored
};

/// Compares a transformers folder (or any local source) with a local source. Reports the source's
/// notes to `progress`. Throws what open_source, settle_outside and make_network throw.
FolderVerification verify_folder(const std::string& source, const SourceHints& hints,
                                 const std::string& folder, const VerifyOptions& options,
                                 ProgressSink& progress);

}  // namespace weightlift
