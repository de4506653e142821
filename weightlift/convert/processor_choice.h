#pragma once

#include <cstdint>
#include <string>

#include "weightlift/conversion.h"
#include "weightlift/convert/source.h"
#include "weightlift/image/timm_transform.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The image processor that a timm config states: processor_of for its transform.
ProcessorChoice processor_from_claims(const PretrainedClaims& claims, std::int64_t num_channels,
                                      bool test);

/// The reverse: writes a processor's settings as timm's claims. Returns false, and changes nothing,
/// where timm does not support them.
bool claim_processor(const ImageProcessor& processor, std::int64_t num_channels,
                     PretrainedClaims& claims);

/// The image processor of a conversion. Throws NotFoundError for a folder without settings and for
/// an unknown Preset, UsageError for a Repository, which a job fetches before, and what
/// load_image_processor and parse_timm_config throw.
ProcessorChoice choose_processor(const Source& source, const ProcessorFrom& which);

}  // namespace weightlift
