#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/base/progress.h"
#include "weightlift/convert/pictures.h"
#include "weightlift/convert/settings.h"
#include "weightlift/convert/source.h"
#include "weightlift/convert/verify.h"
#include "weightlift/export/model_card.h"
#include "weightlift/export/model_folder.h"
#include "weightlift/image/processor.h"
#include "weightlift/models/resnet_config.h"
#include "weightlift/transfer/transfer.h"

namespace weightlift {

/// The repository of the Hub that a source was fetched from.
struct SourceOrigin {
  std::string repo_id;              ///< "timm/resnet50.a1_in1k"
  std::string commit;               ///< 40 hex digits
  std::string revision = "main";    ///< that was asked for: only main is what the owner published
  std::string weights_sha256 = {};  ///< of the weights, as the Hub has them; empty: not known
};

/// One conversion: a checkpoint in, a folder out.
struct ConversionRequest {
  std::string source = {};       ///< a folder or a weights file that lies here
  std::string source_name = {};  ///< what it is called where its path does not say it: a registry
                                 ///< name, the last part of a repository
  std::optional<SourceOrigin> origin = {};
  SourceHints hints = {};
  std::filesystem::path output = ".";  ///< parent folder, made if missing
  std::string name = {};               ///< of the new folder; empty: checkpoint_name of the source
  bool force = false;                  ///< replace an existing folder, in one step
  bool dry_run = false;                ///< plan only: nothing is written
  bool fsync = false;
  std::string id2label = {};       ///< empty, "imagenet-1k" or a file
  std::string id2label_from = {};  ///< what the card calls the file; empty: "a file"
  /// "source", "source-test", "convnext-base-224-22k-1k", a preprocessor_config.json, a name of
  /// timm's registry, or a folder of transformers or timm.
  std::string image_processor = "source";
  std::string image_processor_from = {};  ///< what the card calls the file; empty: its name
  Form to = Form::kTransformers;
  /// Nothing: safetensors, for torchvision .bin.
  std::optional<WeightsFormat> weights_format = {};
  Head head = Head::kKeep;
  std::optional<DType> dtype = {};  ///< of floating weights; nothing keeps the source's
  bool verify = true;
  std::vector<std::filesystem::path> images = {};  ///< pictures to compare both networks on
  VerifyOptions verify_options = {};
  std::string license = {}, base_model = {};  ///< facts for the card, where the user knows them
  std::vector<std::string> datasets = {};
};

struct ConversionResult {
  std::filesystem::path folder;  ///< where it is, or would be
  std::string source_file;       ///< the weights file that was read
  ModelFolder content;           ///< what is in it beside the tensors
  Shape logits_shape;  ///< (1, num_labels); for 0 labels (1, features), without head (1, features,
                       ///< 1, 1)
  std::int64_t parameters = 0;
  TransferReport transfer;
  std::vector<PictureComparison> pictures;
  std::optional<Verification> verification;  ///< nothing after dry_run or without verify
  Provenance
      provenance;  ///< what the card states and what it calls a claim; no sha256 after a dry run
  std::string labels_from;
  std::vector<OutsideTensor> outside;  ///< the source's tensors that were ignored
  std::string head;                    ///< the module that became fc, where it has another name
  bool bias_added = false;             ///< the classifier has no bias in the source
  std::string card;                    ///< the README.md
  std::vector<std::string> notes;      ///< what the log should say
  bool written = false;  ///< the folder stands; false after a dry run or a failed verification
  bool already = false;  ///< the source is what was asked for: nothing was done
};

/// The whole job: reads, plans, transfers, writes beside, verifies what lies on disk, and only then
/// gives the folder its name. A difference is a result (`verification`, written == false), not an
/// exception. Throws an Error of base/error.h, and leaves nothing behind.
ConversionResult convert(const ConversionRequest& request, ProgressSink& progress);

/// Whether the result was verified and nothing differs: across dtypes, pictures are only shown.
bool is_verified(const ConversionResult& result);

/// The folder that convert() would make, by names alone, be the source here already or not: for
/// callers that convert several sources and must know that no two meet.
std::filesystem::path planned_folder(const ConversionRequest& request);

/// Throws unless the folder that convert() would make can be made: UsageError for its name, IoError
/// for its place. Writes nothing.
void require_destination(const ConversionRequest& request);

/// What came of holding a folder against a source. Settings that differ do not make it different:
/// its maker may have wanted others.
struct FolderVerification {
  Verification network;
  SettingsComparison settings;
  std::vector<OutsideTensor> outside = {};  ///< the source's tensors that were ignored
};

/// Holds a folder of transformers (or any SOURCE) against a SOURCE: what `weightlift verify` does.
FolderVerification verify_folder(const std::string& source, const SourceHints& hints,
                                 const std::string& folder, const VerifyOptions& options,
                                 ProgressSink& progress);

/// What was moved and measured, per operation, as JSON text with a final newline.
std::string to_report_json(const ConversionResult& result);

/// The same without the operations, on one line.
std::string to_result_json(const ConversionResult& result);

/// The same of a folder's verification, on one line.
std::string to_result_json(const FolderVerification& verification);

}  // namespace weightlift
