#pragma once

#include <span>
#include <string>
#include <string_view>

#include "weightlift/models/family.h"
#include "weightlift/models/regnet/regnet_config.h"
#include "weightlift/models/timm_config.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The arguments of timm's RegNet, of which RegNetCfg's fields are some. Source:
/// timm.models.regnet.
std::span<const ModelArgument> regnet_arguments();

/// Compares the sizes that timm's arguments state with those that the tensors show, and takes the
/// activation. `architecture` is empty where only the arguments are known. Throws MismatchError
/// where they state other sizes, UnsupportedError for an activation that transformers' class does
/// not have.
RegNetConfig with_timm_arguments(std::string_view architecture, std::string_view model_args,
                                 const RegNetConfig& shown, const std::string& where);

/// timm's architecture and arguments of a network. Throws UnsupportedError, with the reason, where
/// timm has none.
TimmConfig regnet_timm_config(const RegNetConfig& config);

}  // namespace weightlift
