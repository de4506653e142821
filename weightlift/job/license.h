#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "weightlift/conversion.h"

namespace weightlift {

/// Whether a license forbids commercial use, as "cc-by-nc-4.0" and "seer-license" do.
bool is_noncommercial(std::string_view license);

/// The license that forbids commercial use of the folder's weights, as its card (`license`) or
/// timm's config states it; empty where there is none.
std::string find_noncommercial_license(const std::filesystem::path& folder);

/// Throws UsageError, with the license and its address, for a license that forbids commercial use
/// and that the options do not accept. `of`: the weights or the folder.
void require_accepted(const std::string& license, const PublishOptions& options,
                      const std::string& of);

}  // namespace weightlift
