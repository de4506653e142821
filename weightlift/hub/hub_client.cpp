#include "weightlift/hub/hub_client.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/text.h"
#include "weightlift/error.h"
#include "weightlift/hub/blob_download.h"
#include "weightlift/hub/cache.h"
#include "weightlift/hub/commit.h"
#include "weightlift/hub/local_folder.h"
#include "weightlift/hub/reply.h"
#include "weightlift/hub/repo_tree.h"
#include "weightlift/hub/url.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// Limits of a whole listing. The Hub recommends at most 100,000 files in a repository.
constexpr std::size_t kMaxEntries = 200'000;
// A page has 1000 entries, so that empty pages also end.
constexpr std::size_t kMaxPages = 1000;
// Some hundred bytes an entry: weightlift keeps less of it.
constexpr std::uint64_t kMaxListedBytes = std::uint64_t{96} << 20;
// 1000 entries whose paths have at most 3000 bytes (require_repo_path).
constexpr std::size_t kMaxPageBytes = std::size_t{4} << 20;

/// The URL of `Link: <URL>; rel="next"`, empty on the last page. Throws HubError where it names
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

/// The names of branches and tags in a reply to GET .../refs, as messages show them.
std::vector<std::string> ref_names(const Json& refs) {
  std::vector<std::string> names;
  for (const char* kind : {"branches", "tags"}) {
    const Json* list = find_member(refs, kind);
    if (list == nullptr || !list->is_array()) continue;
    for (const Json& ref : *list) {
      const Json* name = ref.is_object() ? find_member(ref, "name") : nullptr;
      if (name == nullptr || !name->is_string()) continue;
      names.push_back(printable(name->get<std::string>()));
    }
  }
  return names;
}

std::uint64_t bytes_of(const std::vector<RepoFile>& files) {
  std::uint64_t sum = 0;
  for (const RepoFile& file : files) {
    // A limit above the size of any disk, so that the sum cannot overflow.
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
    sum = std::min(kMost, sum + std::min(kMost, file.size_bytes));
  }
  return sum;
}

/// Ends a listing that does not end by itself.
class PageCounter {
 public:
  explicit PageCounter(std::chrono::seconds most) : most_(most) {}

  /// Counts a page. Throws HubError where a limit is exceeded, or `next` was there before.
  void add(const HttpResponse& page, std::size_t entries, const std::string& next) {
    entries_ += entries;
    bytes_ += page.body.size();
    const auto refuse = [&](const std::string& what) {
      throw HubError(shown_url(page.url), "the list of files does not end: " + what);
    };
    if (entries_ > kMaxEntries) refuse(fmt::format("expected at most {} entries", kMaxEntries));
    if (bytes_ > kMaxListedBytes) refuse(fmt::format("expected at most {} bytes", kMaxListedBytes));
    if (next.empty()) return;
    // Hashes, not the URLs: these may be long.
    if (!seen_.insert(std::hash<std::string>()(next)).second) refuse("a page follows itself");
    if (seen_.size() > kMaxPages) refuse(fmt::format("expected at most {} pages", kMaxPages));
    if (std::chrono::steady_clock::now() - begun_ > most_) {
      refuse(fmt::format("unfinished after {} s", most_.count()));
    }
  }

 private:
  std::chrono::seconds most_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::size_t entries_ = 0;
  std::uint64_t bytes_ = 0;
  std::set<std::size_t> seen_;
};

/// Appends the files of a page, and returns the number of its entries.
std::size_t read_page(const HttpResponse& response, std::vector<RepoFile>& files) {
  const Json page = parse_reply_text(response);
  if (!page.is_array()) throw_bad_reply(response, "entries", "a list", printable(response.body));
  for (const Json& entry : page) {
    std::optional<RepoFile> file = parse_tree_entry(response, entry);
    if (file) files.push_back(std::move(*file));
  }
  return page.size();
}

/// Throws CacheDamaged where the file has not the size and digest of `file`.
void require_intact(const fs::path& path, const RepoFile& file, ProgressSink& progress) {
  if (is_right(path, file, progress)) return;
  const std::uint64_t size_bytes = file_size_at(path).value_or(0);
  const std::string fault =
      size_bytes != file.size_bytes
          ? fmt::format("expected {} bytes, got {}", file.size_bytes, size_bytes)
          : fmt::format("its {} is not {}", file.lfs ? "SHA-256" : "git SHA-1", file.oid);
  throw CacheDamaged(
      shown(path), "the cached copy is damaged: " + fault,
      advice("connect to the Hub and run again to download it again, or remove the file"));
}

/// The files of a commit, as far as the cache knows them.
struct CachedFiles {
  std::vector<RepoFile> files;
  bool is_listing;  ///< `files` are all files of the commit; false: those in the cache
};

CachedFiles cached_files(const RepoCache& cache, const std::string& commit) {
  auto listed = read_tree(cache.tree(commit));
  if (listed) return {std::move(*listed), true};
  return {list_snapshot(cache.snapshot(commit)), false};
}

/// The bytes of these files that are on the disk already, in whole and in incomplete blobs.
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

HttpResponse HubClient::get_page(const std::string& url) {
  HttpRequest request;
  request.url = url;
  request.timeout = http_.settings().etag_timeout;
  request.most_bytes = kMaxPageBytes;
  progress_.check();
  HttpResponse response = http_.send(request);
  if (!response.ok()) throw_refusal(request, response);
  return response;
}

Hints HubClient::nearest_refs(const RepoRevision& from) {
  HttpRequest request;
  request.url = repo_api_url(http_.settings(), from.repo) + "/refs";
  request.timeout = http_.settings().etag_timeout;
  request.retry = false;
  try {
    return did_you_mean(nearest(from.revision, ref_names(parse_reply(http_.send(request))), 3));
  } catch (const HubError&) {
    return {};  // only a hint is lost
  }
}

std::string HubClient::resolve_revision(const RepoRevision& from) {
  HttpRequest request;
  request.url = repo_api_url(http_.settings(), from.repo, "revision", from.revision);
  request.timeout = http_.settings().etag_timeout;
  progress_.check();
  const HttpResponse response = http_.send(request);
  if (response.header("X-Error-Code") == "RevisionNotFound") {
    const Hints near = nearest_refs(from);
    try {
      throw_hub_error(request, response);
    } catch (const HubError& error) {
      throw with_hints(error, near);
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
  PageCounter counter(http_.settings().listing_time);
  std::vector<RepoFile> files;
  while (!url.empty()) {
    const HttpResponse response = get_page(url);
    const std::size_t entries = read_page(response, files);
    url = next_page(response);
    counter.add(response, entries, url);
  }
  return files;
}

HubClient::Listing HubClient::list(const RepoRevision& from) {
  Listing listing;
  listing.commit = is_commit(from.revision) ? from.revision : resolve_revision(from);
  const RepoCache cache(http_.settings().cache, from.repo);
  auto kept = read_tree(cache.tree(listing.commit));
  listing.from_cache = kept.has_value();
  listing.files = kept ? std::move(*kept) : list_repo_tree({from.repo, listing.commit});
  return listing;
}

void HubClient::fetch_blob(const RepoCache& cache, const std::string& url, const RepoFile& file) {
  const fs::path blob = cache.blob(file.oid);
  if (is_right(blob, file, progress_)) return;
  const FileLock lock = cache.lock(file.oid, [&] { progress_.check(); });
  if (is_right(blob, file, progress_)) return;  // the previous owner of the lock fetched it
  fs::path incomplete = blob;
  // Without a lock another process may write to the usual file.
  incomplete += lock.is_held() ? ".incomplete" : "." + random_suffix() + ".incomplete";
  try {
    download_file(http_, url, file, {incomplete, blob}, progress_);
  } catch (...) {
    std::error_code ignored;
    if (!lock.is_held()) fs::remove(incomplete, ignored);  // its name is never used again
    throw;
  }
}

HubClient::Lack HubClient::find_lack(const RepoCache& cache, const Listing& listing,
                                     const Wanted& wanted) {
  Lack lack;
  for (const RepoFile& file : listing.files) {
    if (wanted && !wanted(file)) continue;
    const fs::path path = cache.file(listing.commit, file.path);
    if (is_right(path, file, progress_)) continue;
    lack.missing.push_back(file);
    if (file_size_at(path)) lack.damaged.push_back(printable(file.path));
  }
  return lack;
}

Snapshot HubClient::fetch_snapshot(const RepoRevision& from, const Wanted& wanted) {
  const RepoCache cache(http_.settings().cache, from.repo);
  Listing listing = list(from);
  const std::string& commit = listing.commit;
  Lack lack = find_lack(cache, listing, wanted);
  if (!lack.damaged.empty() && listing.from_cache) {
    // The list may be the damaged side.
    std::error_code ignored;
    fs::remove(cache.tree(commit), ignored);
    listing = list({from.repo, commit});
    lack = find_lack(cache, listing, wanted);
  }
  const std::vector<RepoFile>& missing = lack.missing;
  try {
    cache.prepare(commit);
    if (!file_size_at(cache.tree(commit))) write_tree(cache.tree(commit), listing.files);
    if (missing.empty()) cache.write_ref(from.revision, commit);
  } catch (const Error&) {
    if (!missing.empty()) throw;  // else the cache may be read-only: it has all wanted files
  }
  require_space(cache.folder() / "blobs", bytes_of(missing) - bytes_at_hand(cache, missing));
  for (const RepoFile& file : missing) {
    fetch_blob(cache, file_url(http_.settings(), from.repo, commit, file.path), file);
    cache.link(commit, file.path, file.oid);
  }
  // Last: until then offline programs find the previous commit, which is whole.
  if (!missing.empty()) cache.write_ref(from.revision, commit);
  if (!lack.damaged.empty()) {
    progress_.note(
        {NoteCode::kCacheRepaired, from.repo.string(), {{"files", first_of(lack.damaged)}}});
  }
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
    if (!file_size_at(path)) return std::nullopt;
    require_intact(path, file, progress_);
    ++count;
  }
  if (count == 0 && !cached.is_listing) return std::nullopt;
  return Snapshot{*commit, cache.snapshot(*commit), cached.is_listing};
}

Snapshot HubClient::use_cached(const RepoRevision& from, const Wanted& wanted,
                               const HubUnreachable* lost) {
  std::string missing;
  std::optional<Snapshot> cached = find_cached(from, wanted, missing);
  if (cached) {
    if (lost != nullptr) progress_.note({NoteCode::kCacheUsed, "", {{"reason", lost->what()}}});
    return *cached;
  }
  if (lost != nullptr) {
    const HubError both(lost->kind(), lost->where(),
                        fmt::format("{}, and {} is not in the cache", lost->message(), missing),
                        lost->hints(), lost->status(), lost->request_id());
    throw HubUnreachable(both, lost->may_pass);
  }
  throw HubUnreachable(name_of(from),
                       fmt::format("{} is not in the cache, and weightlift is offline", missing),
                       advice(kOfflineAdvice));
}

void check_snapshot(const fs::path& folder, const HubClient::Wanted& wanted,
                    ProgressSink& progress) {
  for (const RepoFile& file : list_snapshot(folder)) {
    if (!wanted || wanted(file)) require_intact(folder / file.path, file, progress);
  }
}

Snapshot HubClient::snapshot_download(const RepoRevision& from, const Wanted& wanted) {
  if (http_.settings().offline) return use_cached(from, wanted, nullptr);
  try {
    return fetch_snapshot(from, wanted);
  } catch (const HubUnreachable& lost) {
    return use_cached(from, wanted, &lost);
  }
}

std::string HubClient::download_to_folder(const RepoRevision& from, const fs::path& folder,
                                          const Wanted& wanted) {
  const RepoCache cache(http_.settings().cache, from.repo);
  const auto listed_in_cache = [&](const HubUnreachable* lost) {
    Listing listing;
    listing.commit = use_cached(from, wanted, lost).commit;
    listing.files = cached_files(cache, listing.commit).files;
    return listing;
  };
  Listing listing;
  if (http_.settings().offline) {
    listing = listed_in_cache(nullptr);
  } else {
    try {
      listing = list(from);
    } catch (const HubUnreachable& lost) {
      listing = listed_in_cache(&lost);
    }
  }
  std::erase_if(listing.files, [&](const RepoFile& file) { return wanted && !wanted(file); });
  if (const std::size_t count = std::erase_if(listing.files, is_own_metadata); count > 0) {
    progress_.note(
        {NoteCode::kMetadataSkipped, from.repo.string(), {{"count", std::to_string(count)}}});
  }
  prepare_local_folder(folder);
  for (const RepoFile& file : listing.files) {
    const FileSource source{file_url(http_.settings(), from.repo, listing.commit, file.path),
                            cache.file(listing.commit, file.path), listing.commit};
    place_file(http_, source, file, folder, progress_);
  }
  return listing.commit;
}

}  // namespace weightlift
