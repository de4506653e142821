#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/conversion.h"
#include "weightlift/export/model_folder.h"
#include "weightlift/models/family.h"
#include "weightlift/models/model_config.h"
#include "weightlift/models/names.h"
#include "weightlift/models/outside.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/nn/module.h"
#include "weightlift/progress.h"

namespace weightlift {

enum class SourceKind : std::uint8_t {
  kTimmFolder,          ///< config.json with `architecture`, and weights
  kTransformersFolder,  ///< config.json with `model_type`
  kFile,                ///< weights without a config of their own
};

/// A checkpoint with its description. Opening does not read the weights.
struct Source {
  SourceKind kind;
  std::filesystem::path path;  ///< as given
  Checkpoint checkpoint;
  WeightsChoice choice;
  std::vector<std::string> ignored;        ///< values that are not tensors: "epoch (an int)"
  std::vector<OutsideTensor> outside;      ///< the file's tensors outside the network
  std::string head = {};                   ///< the classifier's module, where timm has another name
  bool head_named = false;                 ///< `head_key` named the classifier
  std::vector<std::string> dropped;        ///< the classifier's tensors, where the target has none
  bool bias_added = false;                 ///< the classifier has no bias; here it is zeros
  bool mixed_dtypes = false;               ///< weights of several dtypes; config.dtype is theirs
  std::shared_ptr<const Network> network;  ///< from the tensors, or of kTransformersFolder
  ModelConfig config;                      ///< the same, with labels
  std::optional<TimmConfig> timm;          ///< kTimmFolder, or a file with `as` or timm's `config`
  std::optional<Model> stated;             ///< a file with transformers' `config`
  StateDict tensors;                       ///< with timm's or transformers' names and all counters
  std::int64_t counters_added = 0;         ///< missing num_batches_tracked, taken as 0
  std::int64_t counters_mended = 0;        ///< converted to int64 scalars
  Notes notes;
};

/// The tag of a timm model name. Throws UsageError, with the nearest names, for an unknown one.
PretrainedCfg require_pretrained(const std::string& as);

/// The weights file of a source: the file itself, or the one that timm would take from the folder.
/// Throws NotFoundError, IoError, or MismatchError where several files fit.
std::filesystem::path find_source_weights(const std::string& given);

/// Opens a local source: a folder or a weights file. Throws UsageError for a wrong hint,
/// UnsupportedError for an unsupported network, else NotFoundError, IoError, FormatError or
/// MismatchError.
Source open_source(const std::string& given, const SourceHints& hints = {},
                   Reading reading = Reading::kAll);

/// Checks that the tensors outside the network allow a conversion. A classifier needs one linear
/// layer on the pooled features, and no unknown tensor unless the user ignores it. Throws
/// MismatchError with hints otherwise. Adds a note for each kind of ignored tensors, for a backbone
/// (Head::kNone) also for unknown ones.
void settle_outside(Source& source, Head head);

/// The tree whose names `tensors` has: kTransformers or kTimm.
Form tree_of(const Source& source);

/// The form of a source. A lone file is a state dict alone (kTorchvision), unless a timm model name
/// describes it, or only timm has its names.
Form form_of(const Source& source);

/// The name of a tensor of the source's classifier, "weight" or "bias", in timm's names.
std::string head_tensor(const Source& source, std::string_view last);

/// The network of a source with its tensors bound; Head::kNone drops the classifier. Throws
/// MismatchError with the file and the missing, unexpected or misshapen tensors.
std::unique_ptr<Module> make_network(const Source& source, Head head);

/// The parameters of a state dict, by their names: running statistics and counters are buffers.
std::int64_t count_parameters(const StateDict& tensors);

/// The side of the largest input for verification, in pixels: larger ones would need gigabytes.
inline constexpr std::int64_t kLargestInput = 1024;

/// Shape of one input, (1, C, H, W): the source's input_size up to kLargestInput, or 224x224.
Shape input_shape(const Source& source);

}  // namespace weightlift
