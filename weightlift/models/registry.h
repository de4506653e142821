#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/models.h"

namespace weightlift {

/// A model for the examples of help texts: its architecture, an old name, a tag, and the names of
/// its folder and its repository.
inline constexpr std::string_view kExampleName = "resnet50";
inline constexpr std::string_view kExampleOldName = "tv_resnet50";
inline constexpr std::string_view kExampleTag = "resnet50.a1_in1k";
inline constexpr std::string_view kExampleFolder = "resnet-50";
inline constexpr std::string_view kExampleRepository = "timm/resnet50.a1_in1k";

/// A name that timm still accepts, with a warning.
struct DeprecatedName {
  std::string_view old_name;  ///< "tv_resnet50"
  std::string_view name;      ///< "resnet50.tv_in1k"
};

/// timm's old names of supported architectures, sorted by old_name.
std::span<const DeprecatedName> deprecated_names();

/// A timm architecture that weightlift does not support.
struct OtherArchitecture {
  std::string_view name;    ///< "resnet50d"
  std::string_view reason;  ///< why, in lower case: "average-pool shortcuts (avg_down)"
};

/// All other architectures of timm, with old names, sorted by name.
std::span<const OtherArchitecture> other_architectures();

/// The tag whose weights a Hub repository has; empty for repositories that are not timm's.
std::optional<PretrainedCfg> find_by_repository(std::string_view repo_id);

/// The tag whose weights file has this sha256, by the leading digits in timm's file names.
std::optional<PretrainedCfg> find_by_sha256(std::string_view sha256);

}  // namespace weightlift
