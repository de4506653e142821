#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/hub/hub_client.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// An entry of the Hub's listing; nothing for a folder. Throws HubError where it is not what the
/// protocol has, or its path leads out of the repository.
std::optional<RepoFile> parse_tree_entry(const HttpResponse& response, const nlohmann::json& entry);

/// The list of a commit's files that the cache keeps (trees/<commit>.json), as huggingface_hub
/// writes it. Nothing where there is none, or one that cannot be used.
std::optional<std::vector<RepoFile>> read_tree(const std::filesystem::path& path);
void write_tree(const std::filesystem::path& path, const std::vector<RepoFile>& files);

/// The files that lie in a snapshot; their digests where their links tell them.
std::vector<RepoFile> list_snapshot(const std::filesystem::path& snapshot);

}  // namespace weightlift
