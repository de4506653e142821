#pragma once

#include <string>
#include <vector>

#include "weightlift/checkpoint/torch.h"

namespace weightlift {

/// The state dict of a file.
struct TorchChoice {
  std::string path;  ///< the key that holds it, "" for the top level
  TorchStateDict dict;
  std::vector<std::string> left_out;  ///< what else the file holds: "epoch (an int)"
};

/// Takes what timm takes: `state_dict_ema`, `model_ema` (both only where they are not None),
/// `state_dict`, `model`, else the top level itself. Throws FormatError where that is no dict of
/// tensors, naming the dicts that are.
TorchChoice choose_state_dict(const TorchFile& file);

/// Strips what wrappers put before all names (`_orig_mod.`, `module.`, `_orig_mod.`, each once, in
/// this order, as timm does), and leaves out AveragedModel's counter. A prefix that only some names
/// have stays. What was done is a note.
StateDict strip_wrapper_names(StateDict tensors, const std::string& where,
                              std::vector<std::string>& notes);

}  // namespace weightlift
