#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace weightlift {

/// What the control groups of this process allow it, as containers and batch systems limit it.
/// Reads versions 1 and 2. Nothing where there is no limit, or the system does not show it.
struct ResourceLimits {
  std::optional<double> processors = {};           ///< CPU time per time: 2.5 for two and a half
  std::optional<std::uint64_t> memory_bytes = {};  ///< of all processes in the group
};

/// `root`: the folder that contains proc and the mount points, "/" but for tests.
ResourceLimits read_resource_limits(const std::filesystem::path& root = "/");

/// The processors that this process may use at once: those of its affinity mask, at most its quota
/// rounded up, and at least 1.
int available_processors();

/// The bytes that new processes can take: free memory and caches, at most the limit of the control
/// group. Nothing where the system does not show it.
std::optional<std::uint64_t> available_memory();

}  // namespace weightlift
