#include "weightlift/hub/hub_client.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/base/nearest.h"
#include "weightlift/base/posix.h"
#include "weightlift/hub/blob_download.h"
#include "weightlift/hub/cache.h"
#include "weightlift/hub/commit.h"
#include "weightlift/hub/local_folder.h"
#include "weightlift/hub/reply.h"
#include "weightlift/hub/repo_tree.h"
#include "weightlift/hub/url.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// 1000 files each: more than any model has.
constexpr int kMaxPages = 1000;

/// The URL of `Link: <URL>; rel="next"`, empty on the last page. Throws HubError where it leads to
/// another host.
std::string next_page(const HttpResponse& response) {
  const std::string_view link = response.header("Link");
  const std::size_t begin = link.find('<');
  const std::size_t end = link.find('>');
  if (begin == link.npos || end == link.npos || end < begin) return "";
  if (link.find("next", end) == link.npos) return "";
  std::string next =
      resolve_url(response.url, std::string(link.substr(begin + 1, end - begin - 1)));
  if (origin_of(next) != origin_of(response.url)) {
    throw_bad_reply(response, "Link", "a page of the same host", shown_url(next));
  }
  return next;
}

std::string name_of(const RepoRevision& from) {
  return fmt::format("{}@{}", from.repo.string(), printable(from.revision));
}

std::string file_url(const HubSettings& settings, const RepoId& repo, const std::string& commit,
                     const std::string& path) {
  return fmt::format("{}/{}{}/resolve/{}/{}", settings.endpoint,
                     repo.type() == RepoType::kModel ? "" : "datasets/", repo.string(), commit,
                     percent_encode(path, true));
}

/// Names of the branches and tags that GET .../refs lists.
std::vector<std::string> ref_names(const Json& refs) {
  std::vector<std::string> names;
  for (const char* kind : {"branches", "tags"}) {
    const Json* list = find_member(refs, kind);
    if (list == nullptr || !list->is_array()) continue;
    for (const Json& ref : *list) {
      const Json* name = ref.is_object() ? find_member(ref, "name") : nullptr;
      if (name != nullptr && name->is_string()) names.push_back(name->get<std::string>());
    }
  }
  return names;
}

std::uint64_t bytes_of(const std::vector<RepoFile>& files) {
  std::uint64_t sum = 0;
  for (const RepoFile& file : files) {
    // More than any disk has: the sum of more stays that.
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
    sum = std::min(kMost, sum + std::min(kMost, file.size_bytes));
  }
  return sum;
}

/// The files of a commit as the cache knows them.
struct CachedFiles {
  std::vector<RepoFile> files;
  bool is_listing;  ///< of all that the commit has; else of what is there
};

CachedFiles cached_files(const RepoCache& cache, const std::string& commit) {
  auto listed = read_tree(cache.tree(commit));
  if (listed) return {std::move(*listed), true};
  return {list_snapshot(cache.snapshot(commit)), false};
}

/// Bytes of these files that need no room any more: of whole blobs and of begun ones.
std::uint64_t bytes_at_hand(const RepoCache& cache, const std::vector<RepoFile>& files) {
  std::vector<RepoFile> there = files;
  for (RepoFile& file : there) {
    fs::path incomplete = cache.blob(file.oid);
    incomplete += ".incomplete";
    const std::uint64_t have = file_size_at(cache.blob(file.oid)).value_or(0);
    file.size_bytes =
        std::min(file.size_bytes, std::max(have, file_size_at(incomplete).value_or(0)));
  }
  return bytes_of(there);
}

}  // namespace

HttpResponse HubClient::get(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.timeout = http_.settings().etag_timeout;
  progress_.check();
  HttpResponse response = http_.send(request);
  if (!response.ok()) throw_refusal(request, response);
  return response;
}

std::string HubClient::nearest_refs(const RepoRevision& from) {
  HttpRequest request;
  request.url = repo_api_url(http_.settings(), from.repo) + "/refs";
  request.timeout = http_.settings().etag_timeout;
  request.retry = false;
  try {
    return did_you_mean(nearest(from.revision, ref_names(parse_reply(http_.send(request))), 3));
  } catch (const HubError&) {
    return "";  // it was only for advice
  }
}

std::string HubClient::resolve_revision(const RepoRevision& from) {
  HttpRequest request;
  request.url = repo_api_url(http_.settings(), from.repo, "revision", from.revision);
  request.timeout = http_.settings().etag_timeout;
  progress_.check();
  const HttpResponse response = http_.send(request);
  if (response.header("X-Error-Code") == "RevisionNotFound") {
    const std::string near = nearest_refs(from);
    try {
      throw_hub_error(request, response);
    } catch (const HubError& error) {
      if (near.empty()) throw;
      throw HubError(error.what() + near);
    }
  }
  if (!response.ok()) throw_refusal(request, response);
  std::string commit = require_string(response, parse_reply(response), "sha");
  if (!is_commit(commit)) throw_bad_reply(response, "sha", "40 hex digits", printable(commit));
  return commit;
}

std::vector<RepoFile> HubClient::list_repo_tree(const RepoRevision& from) {
  std::string url = repo_api_url(http_.settings(), from.repo, "tree", from.revision) +
                    "?recursive=true&expand=false";
  std::vector<RepoFile> files;
  std::set<std::string> seen;
  while (!url.empty()) {
    if (!seen.insert(url).second || seen.size() > kMaxPages) {
      throw HubError(fmt::format("{}: pages: expected an end, got none", shown_url(url)));
    }
    const HttpResponse response = get(url);
    const Json page = parse_reply_text(response);
    if (!page.is_array()) {
      throw_bad_reply(response, "entries", "a list", printable(response.body));
    }
    for (const Json& entry : page) {
      std::optional<RepoFile> file = parse_tree_entry(response, entry);
      if (file) files.push_back(std::move(*file));
    }
    url = next_page(response);
  }
  return files;
}

HubClient::Listing HubClient::list(const RepoRevision& from) {
  Listing listing;
  listing.commit = is_commit(from.revision) ? from.revision : resolve_revision(from);
  const RepoCache cache(http_.settings().cache, from.repo);
  auto kept = read_tree(cache.tree(listing.commit));
  listing.files = kept ? std::move(*kept) : list_repo_tree({from.repo, listing.commit});
  return listing;
}

void HubClient::fetch_blob(const RepoCache& cache, const std::string& url, const RepoFile& file) {
  const fs::path blob = cache.blob(file.oid);
  if (file_size_at(blob) == file.size_bytes) return;
  const FileLock lock = cache.lock(file.oid, [&] { progress_.check(); });
  if (file_size_at(blob) == file.size_bytes) return;  // the lock's last owner fetched it
  fs::path incomplete = blob;
  // Without a lock another process may be writing the usual one.
  incomplete += lock.is_held() ? ".incomplete" : "." + random_suffix() + ".incomplete";
  try {
    download_file(http_, url, file, {incomplete, blob}, progress_);
  } catch (...) {
    std::error_code ignored;
    if (!lock.is_held()) fs::remove(incomplete, ignored);  // nobody will find it again
    throw;
  }
}

Snapshot HubClient::fetch_snapshot(const RepoRevision& from, const Wanted& wanted) {
  const RepoCache cache(http_.settings().cache, from.repo);
  const Listing listing = list(from);
  const std::string& commit = listing.commit;
  std::vector<RepoFile> missing;
  for (const RepoFile& file : listing.files) {
    const bool there = file_size_at(cache.file(commit, file.path)) == file.size_bytes;
    if ((!wanted || wanted(file)) && !there) missing.push_back(file);
  }
  try {
    cache.prepare(commit);
    if (!file_size_at(cache.tree(commit))) write_tree(cache.tree(commit), listing.files);
    if (missing.empty()) cache.write_ref(from.revision, commit);
  } catch (const IoError&) {
    if (!missing.empty()) throw;  // else the cache may be read-only: all that is wanted is there
  }
  require_space(cache.folder() / "blobs", bytes_of(missing) - bytes_at_hand(cache, missing));
  for (const RepoFile& file : missing) {
    fetch_blob(cache, file_url(http_.settings(), from.repo, commit, file.path), file);
    cache.link(commit, file.path, file.oid);
  }
  // Last: until then offline programs find what the revision meant before, whole.
  if (!missing.empty()) cache.write_ref(from.revision, commit);
  return {commit, cache.snapshot(commit)};
}

std::optional<Snapshot> HubClient::find_cached(const RepoRevision& from, const Wanted& wanted,
                                               std::string& missing) {
  const RepoCache cache(http_.settings().cache, from.repo);
  const std::optional<std::string> commit = cache.commit_of(from.revision);
  missing = shown(cache.folder());
  std::error_code unreadable;
  if (!commit || !fs::is_directory(cache.snapshot(*commit), unreadable)) return std::nullopt;
  const CachedFiles cached = cached_files(cache, *commit);
  std::size_t count = 0;
  for (const RepoFile& file : cached.files) {
    if (wanted && !wanted(file)) continue;
    const fs::path path = cache.file(*commit, file.path);
    missing = shown(path);
    if (file_size_at(path) != file.size_bytes) return std::nullopt;
    ++count;
  }
  if (count == 0 && !cached.is_listing) return std::nullopt;
  return Snapshot{*commit, cache.snapshot(*commit), cached.is_listing};
}

Snapshot HubClient::use_cached(const RepoRevision& from, const Wanted& wanted,
                               const std::string& why) {
  std::string missing;
  std::optional<Snapshot> cached = find_cached(from, wanted, missing);
  const bool offline = http_.settings().offline;
  if (cached) {
    if (!offline) progress_.note(fmt::format("{}; the cache's copy is used", why));
    return *cached;
  }
  if (!offline) {
    throw HubUnreachable(fmt::format("{}; and the cache lacks it ({})", why, missing));
  }
  throw HubUnreachable(
      fmt::format("{}: offline (HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set): expected it in the "
                  "cache, got no {}; unset it to download",
                  name_of(from), missing));
}

Snapshot HubClient::snapshot_download(const RepoRevision& from, const Wanted& wanted) {
  if (http_.settings().offline) return use_cached(from, wanted, "");
  try {
    return fetch_snapshot(from, wanted);
  } catch (const HubUnreachable& lost) {
    return use_cached(from, wanted, lost.what());
  }
}

std::string HubClient::download_to_folder(const RepoRevision& from, const fs::path& folder,
                                          const Wanted& wanted) {
  const RepoCache cache(http_.settings().cache, from.repo);
  const auto listed_in_cache = [&](const std::string& why) {
    Listing listing;
    listing.commit = use_cached(from, wanted, why).commit;
    listing.files = cached_files(cache, listing.commit).files;
    return listing;
  };
  Listing listing;
  if (http_.settings().offline) {
    listing = listed_in_cache("");
  } else {
    try {
      listing = list(from);
    } catch (const HubUnreachable& lost) {
      listing = listed_in_cache(lost.what());
    }
  }
  std::erase_if(listing.files, [&](const RepoFile& file) { return wanted && !wanted(file); });
  prepare_local_folder(folder);
  for (const RepoFile& file : listing.files) {
    const FileSource source{file_url(http_.settings(), from.repo, listing.commit, file.path),
                            cache.file(listing.commit, file.path), listing.commit};
    place_file(http_, source, file, folder, progress_);
  }
  return listing.commit;
}

}  // namespace weightlift
