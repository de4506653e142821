#pragma once

#include <filesystem>
#include <string>

#include "weightlift/hub/http.h"
#include "weightlift/hub/hub_client.h"
#include "weightlift/progress.h"

namespace weightlift {

/// Where a download writes: the bytes so far are in `incomplete`, which is renamed to `target` when
/// it is whole and its digest is right. The caller holds the lock of both.
struct Destination {
  std::filesystem::path incomplete, target;
};

/// Downloads `url` and continues an earlier download. The file gets its name when its size and
/// digest match `file`. Keeps the bytes of an interrupted download, unless they are wrong. Throws
/// HubError where size or digest stay wrong, HubUnreachable where the reply keeps breaking off, and
/// IoError where the file cannot be written.
void download_file(HttpClient& http, const std::string& url, const RepoFile& file,
                   const Destination& to, ProgressSink& progress);

/// Copies a local file in the same way. False where its size or digest does not match `file`.
bool copy_checked(const std::filesystem::path& from, const RepoFile& file, const Destination& to,
                  ProgressSink& progress);

/// Whether the file at `path` has the size of `file`, and its digest where it has one.
bool is_right(const std::filesystem::path& path, const RepoFile& file, ProgressSink& progress);

/// Throws IoError where the disk of `folder` has less free space than `bytes`.
void require_space(const std::filesystem::path& folder, std::uint64_t bytes);

/// Throws as throw_hub_error does, but a HubUnreachable for a transient status (may_pass).
[[noreturn]] void throw_refusal(const HttpRequest& request, const HttpResponse& response);

}  // namespace weightlift
