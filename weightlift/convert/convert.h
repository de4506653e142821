#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/comparison.h"
#include "weightlift/conversion.h"
#include "weightlift/convert/settings.h"
#include "weightlift/convert/source.h"
#include "weightlift/convert/verify.h"
#include "weightlift/export/model_card.h"
#include "weightlift/export/model_folder.h"
#include "weightlift/models/outside.h"
#include "weightlift/progress.h"
#include "weightlift/transfer/transfer.h"

namespace weightlift {

/// The Hub repository that a source was downloaded from.
struct SourceOrigin {
  std::string repo_id;              ///< "timm/resnet50.a1_in1k"
  std::string commit;               ///< 40 hex digits
  std::string revision = "main";    ///< the requested one; only main is certain to be the owner's
  std::string weights_sha256 = {};  ///< of the weights on the Hub; empty: unknown
};

/// A source on this machine.
struct LocalSource {
  std::string path;                         ///< a folder or weights file
  std::string name;                         ///< names the new folder (source_name.h: last_part)
  std::optional<SourceOrigin> origin = {};  ///< of the Hub's
};

/// A result with all that report, card and publication need.
struct Conversion : ConversionResult {
  ModelFolder content;  ///< the folder without its tensors
  TransferReport transfer;
  Provenance provenance;  ///< facts and claims of the card; without sha256 after a dry run
  std::vector<OutsideTensor> outside;  ///< the source's tensors that were ignored
  std::string head;                    ///< the source's module for fc, where it has another name
  bool bias_added = false;             ///< the classifier has no bias in the source
};

/// Converts a local checkpoint: reads, plans, transfers, writes a temporary folder, verifies the
/// files on disk, and only then gives the folder its name. A difference is a result
/// (`verification`, written == false), not an exception. Neither fetches nor publishes: labels and
/// image processor of the request are local. Throws an Error of base/error.h, and then leaves
/// nothing behind.
Conversion convert_local(const ConversionRequest& request, const LocalSource& source,
                         ProgressSink& progress);

/// The folder that a conversion of a source of that name would create; the source need not be
/// local.
std::filesystem::path planned_folder(const ConversionRequest& request,
                                     const std::string& source_name);

/// Throws where a conversion cannot create its folder: UsageError for the name, ExistsError for an
/// existing folder, IoError for the place. Writes nothing.
void require_destination(const ConversionRequest& request, const std::string& source_name);

/// Compares a transformers folder (or any local source) with a local source. Reports the source's
/// notes to `progress`. Throws what open_source, settle_outside and make_network throw.
FolderVerification verify_folder(const std::string& source, const SourceHints& hints,
                                 const std::string& folder, const VerifyOptions& options,
                                 ProgressSink& progress);

}  // namespace weightlift
