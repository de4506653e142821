#pragma once

#include <filesystem>
#include <string>

#include "weightlift/base/progress.h"
#include "weightlift/hub/http.h"
#include "weightlift/hub/hub_client.h"

namespace weightlift {

/// A file on its way: what came so far lies at `incomplete`, and what is whole and right gets the
/// name `target`. The caller holds the lock of both.
struct Destination {
  std::filesystem::path incomplete, target;
};

/// Fetches `url`, going on with what an earlier download left. The file gets its name when its size
/// and digest are what `file` says; throws HubError where they never are, IoError where the disk
/// refuses. What came stays for the next time, unless it is wrong.
void download_file(HttpClient& http, const std::string& url, const RepoFile& file,
                   const Destination& to, ProgressSink& progress);

/// The same from a file of this machine. False where that one is not what `file` says.
bool copy_checked(const std::filesystem::path& from, const RepoFile& file, const Destination& to,
                  ProgressSink& progress);

/// Whether the file at `path` has the size and digest that `file` says.
bool is_right(const std::filesystem::path& path, const RepoFile& file, ProgressSink& progress);

/// Throws IoError where the disk of `folder` has no room for so many bytes more.
void require_space(const std::filesystem::path& folder, std::uint64_t bytes);

/// As throw_hub_error, but a HubUnreachable where the status is one that may pass.
[[noreturn]] void throw_refusal(const HttpRequest& request, const HttpResponse& response);

}  // namespace weightlift
