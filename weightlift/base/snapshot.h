#pragma once

#include <filesystem>
#include <string>

namespace weightlift {

// Folders of huggingface_hub's cache, as users find them:
//   models--OWNER--NAME/refs/main, models--OWNER--NAME/snapshots/COMMIT/config.json

/// The snapshot of a cached repository: that of its branch main, else the only one. Any other
/// folder is returned as it is. Throws MismatchError where there are several snapshots and no main.
std::filesystem::path resolve_snapshot(const std::filesystem::path& folder);

/// NAME for models--OWNER--NAME, a snapshot below it, and for a weights file in one that has no
/// name of its own (model.safetensors); "" for any other path. The path may be relative.
std::string name_of_cached(const std::filesystem::path& path);

}  // namespace weightlift
