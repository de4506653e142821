#pragma once

#include <optional>
#include <string>

#include "weightlift/convert/convert.h"
#include "weightlift/models/registry.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The tag of the weights, by the user's statement, their hash or their repository. Sets
/// `sha256_hex` where it hashes the weights. Throws MismatchError where the stated tag does not fit
/// the network.
std::optional<PretrainedCfg> find_known(const ConversionRequest& request, const LocalSource& from,
                                        const Source& source, std::string& sha256_hex);

/// The facts that the card states about the source, and the source's own claims.
Provenance make_provenance(const ConversionRequest& request, const LocalSource& local,
                           const Source& source, const std::string& sha256_hex);

}  // namespace weightlift
