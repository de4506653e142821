#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/models/names.h"
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
  Reading reading = Reading::kAll;
};

/// A checkpoint with what it says of itself. Nothing of its weights has been read yet.
struct Source {
  SourceKind kind;
  std::filesystem::path path;  ///< as given
  Checkpoint checkpoint;
  WeightsChoice choice;
  std::vector<std::string> left_out;  ///< of the file: "epoch (an int)"
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

/// A classifier is one linear layer on the pooled features: what else stands there would be lost in
/// a ResNetForImageClassification, and only the user can say that it may be. Throws MismatchError
/// with the way out.
void require_head(const Source& source);

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
