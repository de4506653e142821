#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/state_dict.h"

// Shared by the targets.

namespace weightlift::fuzzing {

inline void require(bool property) {
  if (!property) std::abort();
}

/// Writes the tensors to a safetensors file, opens it, and removes it at once.
std::shared_ptr<const MappedFile> write(
    const StateDict& tensors, const std::vector<std::pair<std::string, std::string>>& metadata,
    const char* name);

/// The same as a torch zip.
std::shared_ptr<const MappedFile> write_bin(const StateDict& tensors, const char* name);

/// A new folder for one input, in memory where the system has such a place.
std::filesystem::path make_folder();

}  // namespace weightlift::fuzzing
