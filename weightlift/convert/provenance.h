#pragma once

#include <optional>
#include <string>

#include "weightlift/convert/convert.h"
#include "weightlift/models/registry.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The tag that the weights are known to be of, by the user's word, their hash or their place.
/// `sha256_hex` is the weights' where they had to be hashed for it. Throws MismatchError where the
/// user's word does not fit the network.
std::optional<PretrainedCfg> find_known(const ConversionRequest& request, const Source& source,
                                        std::string& sha256_hex);

/// What the card may state of where the weights come from, and what the source claims of itself.
Provenance make_provenance(const ConversionRequest& request, const Source& source,
                           const std::string& sha256_hex);

}  // namespace weightlift
