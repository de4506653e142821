#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/hub/hub_client.h"

// Internal: only .cpp files include it, and it is not for users of the library.

namespace weightlift {

/// A file of the Hub's listing; nothing for a folder. Throws HubError where the entry does not
/// follow the protocol, or its path leads out of the repository.
std::optional<RepoFile> parse_tree_entry(const HttpResponse& response, const nlohmann::json& entry);

/// The files of a commit as the cache lists them (trees/<commit>.json, in huggingface_hub's form).
/// Nothing where the list is missing or unusable.
std::optional<std::vector<RepoFile>> read_tree(const std::filesystem::path& path);
/// Writes this list. Throws IoError, NotFoundError or ExistsError.
void write_tree(const std::filesystem::path& path, const std::vector<RepoFile>& files);

/// The files in a snapshot's folder, with their digests where their links name them.
std::vector<RepoFile> list_snapshot(const std::filesystem::path& snapshot);

}  // namespace weightlift
