#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "weightlift/models/registry.h"

namespace weightlift {

/// A SOURCE of the command line, told apart by its text and by what lies here; nothing was opened.
struct SourceName {
  enum class Kind : std::uint8_t {
    kPath,        ///< a file or folder that exists
    kRegistry,    ///< a name of timm's registry: the weights are in `repository`
    kRepository,  ///< a repository of the Hub
  };
  std::string given;
  Kind kind = Kind::kPath;
  std::string repository = {};            ///< "owner/name[@revision]", its syntax not looked at
  std::optional<PretrainedCfg> cfg = {};  ///< kRegistry, and a repository of timm with such a name
  std::string last_part =
      {};  ///< what the folder of a conversion is named after: checkpoint_name()
};

/// Tells a SOURCE apart: first a path that exists, then a name of timm's registry, then
/// "hf-hub:owner/name[@revision]" or "owner/name[@revision]". Throws UsageError with the nearest
/// names, or the reason, for a name that stands for no plain ResNet, and IoError for a path where
/// nothing is.
SourceName parse_source_name(const std::string& given);

/// A file name without the ending of a weights file (.safetensors, .pth.tar, ...).
std::string strip_known_ending(std::string name);

/// The ending of a weights file that a name has, or nothing.
std::string_view known_ending(std::string_view name);

/// Last part of a path that may end in "/" or be "." or "..".
std::string last_part_of(const std::string& path);

/// The folder's name: "resnet-50" for a registry name with its default tag, "resnet-50.tv_in1k"
/// with another, else the last part as it is.
std::string checkpoint_name(const std::string& last_part);

/// A repository without its revision, "timm/resnet50.a1_in1k@main" as "timm/resnet50.a1_in1k".
std::string id_of_repository(const std::string& repository);

/// The last part of that, "resnet50.a1_in1k".
std::string name_of_repository(const std::string& repository);

}  // namespace weightlift
