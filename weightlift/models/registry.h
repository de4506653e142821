#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weightlift {

/// timm's pretrained_cfg of one tag, with timm's names and values. Source:
/// timm.models.get_pretrained_cfg.
struct PretrainedCfg {
  std::string_view architecture;  ///< "resnet50"
  std::string_view tag;           ///< "a1_in1k"
  std::string_view url_file;      ///< name of the weights file, empty where only the Hub has them
  std::array<int, 3> input_size;  ///< channels, height, width
  std::array<int, 3> test_input_size;  ///< all 0: timm names none
  double crop_pct;                     ///< side of the crop over the resized short side
  double test_crop_pct;                ///< 0: timm names none
  std::string_view interpolation;      ///< "bilinear" or "bicubic"
  std::string_view crop_mode;          ///< "center"
  std::array<double, 3> mean;          ///< per channel, of pixels scaled to 0..1
  std::array<double, 3> std;           ///< as mean
  int num_classes;                     ///< 0: the weights have no classifier
  std::string_view license;            ///< empty: timm states none
  std::string_view origin_url;         ///< empty: timm states none
  std::string_view paper_ids;          ///< "arXiv:2110.00476", empty: timm states none
  std::array<int, 2> pool_size;        ///< height, width of the last feature map at input_size
  bool is_default;                     ///< the tag of the bare architecture name
  std::int64_t parameters;             ///< of the architecture with num_classes classes
  std::string_view hash_prefix;  ///< leading 8 hex digits of the file's sha256, empty: none known
};

/// A model for the examples of help texts: its architecture, an old name, a tag, and the names of
/// its folder and its repository.
inline constexpr std::string_view kExampleName = "resnet50";
inline constexpr std::string_view kExampleOldName = "tv_resnet50";
inline constexpr std::string_view kExampleTag = "resnet50.a1_in1k";
inline constexpr std::string_view kExampleFolder = "resnet-50";
inline constexpr std::string_view kExampleRepository = "timm/resnet50.a1_in1k";

/// Every pretrained name of the families, each in the order of timm.list_pretrained.
std::span<const PretrainedCfg> pretrained_cfgs();

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

/// The full name of a tag, "resnet50.a1_in1k".
std::string full_name(const PretrainedCfg& cfg);

/// The repository of the Hub where timm keeps a tag's weights, "timm/resnet50.a1_in1k".
std::string repository_of(const PretrainedCfg& cfg);

/// The tag whose weights a Hub repository has; empty for repositories that are not timm's.
std::optional<PretrainedCfg> find_by_repository(std::string_view repo_id);

/// The tag of a name, as timm resolves it: "resnet50.tv_in1k", "resnet50" (its default tag) or an
/// old name. Empty where timm has no such pretrained name.
std::optional<PretrainedCfg> find_pretrained(std::string_view name);

/// The tag whose weights file has this sha256, by the leading digits in timm's file names.
std::optional<PretrainedCfg> find_by_sha256(std::string_view sha256);

/// Why weightlift does not support a timm architecture; empty where it does, or timm has no such
/// name.
std::string_view reason_against(std::string_view architecture);

/// Up to three names of the registry with the nearest spelling, the nearest first.
std::vector<std::string> nearest_names(std::string_view name);

}  // namespace weightlift
