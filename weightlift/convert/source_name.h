#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "weightlift/models/registry.h"

namespace weightlift {

/// A SOURCE of the command line, classified by its text and by local files. Parsing opens nothing.
struct SourceName {
  enum class Kind : std::uint8_t {
    kPath,        ///< a file or folder that exists
    kRegistry,    ///< a timm model: `repository` has the weights
    kRepository,  ///< a Hub repository
  };
  std::string given;
  Kind kind = Kind::kPath;
  std::string repository = {};            ///< "owner/name[@revision]", syntax unchecked
  std::optional<PretrainedCfg> cfg = {};  ///< for kRegistry, and for timm's own repositories
  std::string last_part = {};             ///< checkpoint_name() makes the folder's name from it
};

/// Classifies a SOURCE: an existing path, else "hf-hub:owner/name[@revision]", else a name of
/// timm's registry, else "owner/name[@revision]". Throws NotFoundError for a missing path or an
/// unknown name (with the nearest ones), UnsupportedError for an unsupported timm architecture,
/// UsageError for a URL, and IoError where the system refuses.
SourceName parse_source_name(const std::string& given);

/// A file name without the ending of a weights file (.safetensors, .pth.tar, ...).
std::string strip_known_ending(std::string name);

/// The last part of a path, also for a path that ends in "/" or is "." or "..", and the
/// repository's name for a path in huggingface_hub's cache.
std::string last_part_of(const std::string& path);

/// The name of a converted folder: "resnet-50" for a registry name with its default tag,
/// "resnet-50.tv_in1k" with another tag, else the last part unchanged.
std::string checkpoint_name(const std::string& last_part);

/// A repository without its revision: "timm/resnet50.a1_in1k" for "timm/resnet50.a1_in1k@main".
std::string id_of_repository(const std::string& repository);

/// The name of a repository without owner and revision: "resnet50.a1_in1k".
std::string name_of_repository(const std::string& repository);

}  // namespace weightlift
