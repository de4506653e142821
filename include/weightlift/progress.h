#pragma once

// Layer: base

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/error.h"

/// @file
/// Notes, and the progress of jobs.

namespace WEIGHTLIFT_API weightlift {

/// How much a Note matters.
enum class Severity {
  kNote,     ///< a decision made for the caller
  kWarning,  ///< the result may not be what the caller wants
};

/// What a Note reports. The names (to_string) are stable, and weightlift's docs/notes.md has a
/// paragraph for each. Behind each code: the names of its parameters.
enum class NoteCode {
  // The bytes of the weights file
  kWrongExtension,  ///< format
  kHeaderWhitespace,
  kNoTensors,
  kMetadataFormatMissing,
  kMetadataFormatUnknown,  ///< format
  kZipTrailingBytes,       ///< bytes
  kZipUnusedBytes,         ///< bytes
  kZipUnusedStorages,      ///< count
  kZipWithoutChecksums,
  kBytesAfterStorages,  ///< bytes
  kBigEndianMark,
  kIndexMetadataMissing,
  kIndexTotalSizeInvalid,  ///< got
  kIndexTotalSizeWrong,    ///< expected, got
  kIndexUnlistedTensor,    ///< tensor, file
  // What is read from it
  kWeightsChosen,          ///< dict, prefix, wrappers, naming, ignored
  kPythonObjectsIgnored,   ///< names
  kTensorsIgnored,         ///< kind, names
  kUnknownTensorsIgnored,  ///< kind, names
  kNoConfig,               ///< family, arch, config (a config.json in the same folder)
  kCountersAdded,          ///< count
  kCountersConverted,      ///< count
  kDtypesMixed,            ///< dtypes (with counts), dtype
  kZeroTail,               ///< tensor, bytes
  kHeadRenamed,            ///< module
  kBiasAdded,
  kHeadDropped,  ///< names
  // Labels and the rest of the config
  kLabelsRead,            ///< form, first, last
  kLabelsUnknown,         ///< classes
  kLabelDuplicated,       ///< label
  kMoreLabelsDuplicated,  ///< count
  kClassNamesInvalid,
  kClassNamesMismatch,  ///< names, classes
  kNoClassifier,
  kProblemTypeDropped,
  kLabelIdsDropped,
  // The image processor
  kProcessorChosen,  ///< which
  kProcessorDefaults,
  kProcessorMismatch,  ///< mean, std, channels
  kProcessorNotInTimm,
  kProcessorNotInFile,
  kProcessorNotInFolder,
  kProcessorChannels,       ///< channels
  kProcessorNotSquare,      ///< height, width
  kProcessorInterpolation,  ///< interpolation
  kProcessorStatistics,     ///< mean, std, channels
  kGrayscalePipeline,
  kCropOffset,  ///< crop, resized, transformers, timm
  kCropOffsetOfSome,
  kPadOffset,            ///< pixels
  kCropSquashed,         ///< edge
  kCropModeUnsupported,  ///< mode
  // Verification
  kNonFiniteWeights,  ///< nan, inf, tensors
  kDtypeOverflow,
  kAlreadyConverted,  ///< form
  kUpToDate,
  kConvertedAgain,         ///< reason
  kTemporaryFoldersFound,  ///< names
  // The Hub
  kFetched,               ///< commit
  kFetchedWithoutConfig,  ///< commit
  kTorchCacheUsed,        ///< file
  kCacheUsed,             ///< reason
  kCacheRepaired,         ///< files
  kHubWarning,            ///< text
  kFilesIgnoredByGit,     ///< files
  kMetadataSkipped,       ///< count
  kFilesNotPublished,     ///< hidden, others
  kTrainingStateSkipped,  ///< files
  kNoncommercialLicense,  ///< license
  kCardNamesRepository,   ///< repository
  // The machine
  kFewerThreads,  ///< wanted, used
  // Images
  kImageAnimated,  ///< frames
  kImageDamaged,   ///< text
  kImageEndDamaged,
  kImageEndMissing,
  kImageTrailingBytes,  ///< bytes
  kExifInvalid,
};

/// "weights-chosen", "no-config", ...
std::string_view to_string(NoteCode code);

/// "note" or "warning".
std::string_view to_string(Severity severity);

/// The severity of all notes with that code.
Severity severity_of(NoteCode code);

/// Names and values, in the order that the code's comment states.
using NoteParameters = std::vector<std::pair<std::string, std::string>>;

/// What the caller may want to know, as facts: each front end phrases it. A plain value.
struct Note {
  NoteCode code = NoteCode::kWeightsChosen;
  std::string where = {};  ///< a file, a URL, a repository; empty: the source as a whole
  NoteParameters parameters = {};
  Hints hints = {};

  bool operator==(const Note&) const = default;
};

/// In the order of the work.
using Notes = std::vector<Note>;

/// The facts on one line, for a log: "model.pth: no-config arch='resnet18'".
std::string to_string(const Note& note);

/// Receives the progress of one job, and can stop it. The caller owns the sink, which outlives the
/// job's call. Two threads of a job never call its sink at once, but it may be another thread than
/// the caller's. An exception from any of its functions stops the job and reaches the caller.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;

  /// A new step begins, and the step before it ends: "read", "write", "verify", "compare",
  /// "download model.safetensors", "upload owner/name". `bytes_total`: its size; 0: not counted.
  virtual void step(std::string_view /*name*/, std::uint64_t /*bytes_total*/) {}

  /// The step has done that many of its bytes, counted from its beginning.
  virtual void advance(std::uint64_t /*bytes_done*/) {}

  /// Something to know about the source, the result or the machine.
  virtual void note(const Note& /*note*/) {}

  /// Called often, to stop the job: throws Interrupted for a signal, else any other exception. The
  /// job then leaves nothing of the new folder.
  virtual void check() {}
};

/// A sink that does nothing. It has no state: calls that overlap may share it.
ProgressSink& no_progress();

}  // namespace weightlift
