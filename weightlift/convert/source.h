#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/models/names.h"
#include "weightlift/models/outside.h"
#include "weightlift/models/resnet_config.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/nn/module.h"

namespace weightlift {

enum class SourceKind : std::uint8_t {
  kTimmFolder,          ///< config.json with `architecture`, weights beside it
  kTransformersFolder,  ///< config.json with `model_type`
  kFile,                ///< one weights file
};

/// What a user knows of a source that it does not say itself.
struct SourceHints {
  std::optional<std::string> as = {};  ///< registry name of a lone weights file
  std::string weights_key = {};        ///< which of several networks in it; empty: choose_weights
  std::string head_key = {};  ///< the module that is the classifier; empty: fc, or the only one
  std::vector<std::string> ignore = {};  ///< globs of tensors that do not change the outputs
  Reading reading = Reading::kAll;
};

/// A checkpoint with what it says of itself. Nothing of its weights has been read yet.
struct Source {
  SourceKind kind;
  std::filesystem::path path;  ///< as given
  Checkpoint checkpoint;
  WeightsChoice choice;
  std::vector<std::string> left_out;   ///< of the file, no tensors: "epoch (an int)"
  std::vector<OutsideTensor> outside;  ///< the file's tensors that are not the network's
  std::string head = {};               ///< the module that became fc, where it has another name
  bool head_named = false;             ///< by `head_key`
  bool bias_added = false;             ///< fc has no bias in the file, and one of zeros here
  ResNetConfig config;             ///< the network, from the tensors; labels of kTransformersFolder
  std::optional<TimmConfig> timm;  ///< kTimmFolder, or a file with `as`
  StateDict tensors;               ///< in timm's or transformers' names, counters complete
  std::int64_t counters_added = 0;   ///< num_batches_tracked that the file lacks, taken as 0
  std::int64_t counters_mended = 0;  ///< of another form, written as int64 scalars
  std::vector<std::string> notes;    ///< for the log, one line each
};

/// The tag that --as names. Throws UsageError, with the nearest names, where timm has none.
PretrainedCfg require_pretrained(const std::string& as);

/// The weights file of a source: the file itself, or what timm would take from the folder. Throws
/// as open_source does.
std::filesystem::path find_source_weights(const std::string& given);

/// Opens a source that lies here: a folder or a weights file. Throws UsageError for a hint that is
/// wrong, else IoError, FormatError or MismatchError.
Source open_source(const std::string& given, const SourceHints& hints = {});

/// What is said of a classifier without bias.
inline constexpr std::string_view kBiasNote =
    "the classifier has no bias; a bias of zeros is written: outputs stay equal, files do not";

/// Whether the tensors outside of the network allow a conversion. A classifier needs one linear
/// layer on the pooled features, and no unknown tensor that nobody allowed to ignore: throws
/// MismatchError with the ways out. For a backbone (Head::kNone) unknown tensors become a note.
void settle_outside(Source& source, Head head);

/// The network of a source with its tensors bound. Head::kNone leaves fc out. Throws MismatchError
/// naming the file and the missing, unexpected or misshapen tensors.
std::unique_ptr<Module> make_network(const Source& source, Head head);

/// Parameters as torch counts them: running statistics and counters are buffers, not parameters.
std::int64_t count_parameters(const StateDict& tensors);

/// The side of the largest input to verify on: beyond, two runs would need gigabytes.
inline constexpr std::int64_t kLargestInput = 1024;

/// Shape of one input, (1, C, H, W): the source's input_size up to kLargestInput, or 224x224.
Shape input_shape(const Source& source);

}  // namespace weightlift
