#include "weightlift/job/fetch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <variant>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/snapshot.h"
#include "weightlift/checkpoint/shard_index.h"
#include "weightlift/checkpoint/weights_file.h"
#include "weightlift/error.h"
#include "weightlift/export/model_folder.h"
#include "weightlift/hub.h"
#include "weightlift/hub/hub_client.h"
#include "weightlift/hub/local_file.h"
#include "weightlift/hub/repo_tree.h"
#include "weightlift/hub/settings.h"
#include "weightlift/models/families.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/predict/model.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

// Files that are read whole must not be larger: weightlift does not download others.
constexpr std::uint64_t kMaxFetchedTextBytes = std::uint64_t{16} << 20;

void require_small(const RepoFile& file, std::uint64_t most) {
  if (file.size_bytes <= most) return;
  throw FormatError(
      printable(file.path),
      fmt::format("expected at most {} bytes, got {} in the repository", most, file.size_bytes));
}

/// Whether it is a small file that describes the weights.
bool is_config_entry(const RepoFile& file) {
  const bool index = file.path.ends_with(".index.json") &&
                     std::ranges::find(kWeightsFiles, file.path) != kWeightsFiles.end();
  if (file.path != kConfigFile && file.path != kProcessorFile && !index) return false;
  require_small(file, index ? kMaxShardIndexBytes : kMaxConfigBytes);
  return true;
}

/// The weights among the files of a repository; empty where there are none.
std::string choose_weights(const std::vector<RepoFile>& listed) {
  std::vector<std::string> names;
  for (const RepoFile& file : listed) names.push_back(file.path);
  return choose_weights_file(names, Loader::kTransformers, "");
}

bool is_file_there(const fs::path& file) {
  std::error_code error;
  return fs::is_regular_file(file, error);
}

/// The caller's settings; an empty cache is that of the environment.
HubSettings complete(const HubSettings* given) {
  if (given == nullptr) return read_hub_settings();
  require_valid(*given);
  HubSettings settings = *given;
  if (settings.cache.empty()) settings.cache = read_hub_settings().cache;
  return settings;
}

HubSettings offline(HubSettings settings) {
  settings.offline = true;
  return settings;
}

/// Refuses an unsupported network before its weights are downloaded.
void require_supported_network(const fs::path& config, const RepoRevision& from) {
  if (!is_file_there(config)) return;  // opening the folder reports it
  const std::string where = fmt::format("{}: {}", from.repo.string(), kConfigFile);
  const std::string text = read_text_file(config, kMaxConfigBytes);
  if (is_transformers_config(text, where)) {
    parse_transformers_config(text, where);
  } else {
    parse_timm_config(text, where);
  }
}

/// The files that hold the weights: one, or the shards of an index, which is local already.
std::vector<std::string> weights_files(const fs::path& folder, std::string_view weights) {
  if (!weights.ends_with(".json")) return {std::string(weights)};
  return read_shard_index(folder / weights).files;
}

/// Refuses a path into the Hub's cache where the files that weightlift reads there are damaged.
void check_cached_path(const fs::path& given, ProgressSink& progress) {
  std::error_code error;
  const bool file = is_file_there(given);
  const fs::path folder = file ? given.parent_path() : resolve_snapshot(given);
  const fs::path whole = fs::absolute(folder, error).lexically_normal();
  const fs::path named = whole.has_filename() ? whole : whole.parent_path();
  if (named.parent_path().filename() != "snapshots") return;
  const std::string weights =
      file ? given.filename().string() : choose_weights(list_snapshot(folder));
  if (weights.empty()) return;
  const auto is_config = [&](const RepoFile& one) { return is_config_entry(one); };
  check_snapshot(folder, is_config, progress);
  const std::vector<std::string> used = weights_files(folder, weights);
  check_snapshot(
      folder, [&](const RepoFile& one) { return std::ranges::find(used, one.path) != used.end(); },
      progress);
}

[[noreturn]] void refuse_without_weights(const RepoRevision& from) {
  throw NotFoundError(
      fmt::format("{}@{}", from.repo.string(), printable(from.revision)),
      "the repository has no model.safetensors, pytorch_model.bin or index of their shards");
}

/// The sha256 of a file in a listing; empty where the listing has none.
std::string sha256_of(const RepoFile& file) {
  constexpr std::size_t kDigits = 64;
  return file.oid.size() == kDigits ? file.oid : "";
}

FetchedSource fetch_snapshot(HubClient& client, const RepoRevision& from, NetworkNeed need,
                             ProgressSink& progress) {
  std::vector<RepoFile> listed;
  const Snapshot config = client.snapshot_download(from, [&](const RepoFile& file) {
    listed.push_back(file);
    return is_config_entry(file);
  });
  if (need == NetworkNeed::kSupported) require_supported_network(config.folder / kConfigFile, from);
  const std::string weights = choose_weights(listed);
  if (weights.empty() && config.is_listed) refuse_without_weights(from);
  if (weights.empty()) {
    throw HubUnreachable(fmt::format("{}@{}", from.repo.string(), printable(from.revision)),
                         "the weights are not in the cache, and weightlift is offline",
                         advice(kOfflineAdvice));
  }
  const std::string& id = from.repo.string();
  SourceOrigin origin{id, config.commit, from.revision};
  origin.weights_sha256 = sha256_of(*std::ranges::find(listed, weights, &RepoFile::path));
  // All later requests are for the same commit: another one may be pushed meanwhile.
  const std::vector<std::string> wanted = weights_files(config.folder, weights);
  const Snapshot snapshot =
      client.snapshot_download({from.repo, config.commit}, [&](const RepoFile& file) {
        return std::ranges::find(wanted, file.path) != wanted.end() || is_config_entry(file);
      });
  progress.note({NoteCode::kFetched, id, {{"commit", snapshot.commit}}});
  return {{snapshot.folder, name_of_repository(id), std::move(origin)}, {}};
}

/// Cached weights without a config, as timm.create_model leaves them. Their repository's name
/// identifies them.
FetchedSource find_weights(HubClient& client, const RepoRevision& from, const SourceName& name,
                           ProgressSink& progress) {
  const std::string& id = from.repo.string();
  SourceOrigin origin{id, {}, from.revision};
  const Snapshot snapshot = client.snapshot_download(from, [&](const RepoFile& file) {
    const bool weights = file.path == kWeightsFiles.front();
    if (weights) origin.weights_sha256 = sha256_of(file);
    return weights;
  });
  origin.commit = snapshot.commit;
  const fs::path weights = snapshot.folder / kWeightsFiles.front();
  if (!is_file_there(weights)) throw HubUnreachable(name.repository, "not cached");
  progress.note({NoteCode::kFetchedWithoutConfig, id, {{"commit", snapshot.commit}}});
  return {{weights, name.last_part, std::move(origin)}, name.last_part};
}

/// The file of torch's own cache; nothing where there is none. Throws FormatError where its hash
/// differs from its name.
std::optional<FetchedSource> find_in_torch_cache(const SourceName& name, ProgressSink& progress) {
  const fs::path file = torch_checkpoints_folder() / name.cfg->url_file;
  if (name.cfg->url_file.empty() || !is_file_there(file)) return std::nullopt;
  progress.step("hash " + std::string(name.cfg->url_file), 0);
  const std::string digest = LocalFile(file).sha256([&](std::uint64_t) { progress.check(); });
  if (!digest.starts_with(name.cfg->hash_prefix)) {
    throw FormatError(
        shown(file),
        fmt::format("the sha256 begins with {}, but the file's name states {}",
                    digest.substr(0, name.cfg->hash_prefix.size()), name.cfg->hash_prefix),
        advice("download the file again"));
  }
  progress.note(
      {NoteCode::kTorchCacheUsed, name.given, {{"file", std::string(name.cfg->url_file)}}});
  FetchedSource found;
  found.local.path = file;
  found.local.name = name.last_part;
  found.as = name.last_part;
  return found;
}

/// A tag's weights from the caches, when the Hub did not answer. torch's cache has no revisions.
std::optional<FetchedSource> find_elsewhere(const SourceName& name, const RepoRevision& from,
                                            const HubSettings& settings, ProgressSink& progress) {
  if (!name.cfg) return std::nullopt;
  HttpClient from_cache(offline(settings));  // answers from the cache alone
  HubClient client(from_cache, progress);
  try {
    return find_weights(client, from, name, progress);
  } catch (const HubUnreachable&) {
    return from.revision == "main" ? find_in_torch_cache(name, progress) : std::nullopt;
  }
}

/// The entries beside a path that does not exist whose names are nearest to its own.
Hints nearest_paths(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(path.parent_path(), error), end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  std::vector<std::string> near = nearest(path.filename().string(), names, 1);
  for (std::string& name : near) name = (path.parent_path() / name).string();
  return did_you_mean(near);
}

/// OWNER/NAME may be a path with a typing error. Where its folder is here and the Hub does not
/// answer, that is the likely fault, and another try is useless.
void refuse_wrong_path(const SourceName& name) {
  std::error_code ignored;
  const fs::path path = name.given;
  if (name.given != name.repository || !fs::is_directory(path.parent_path(), ignored)) return;
  throw NotFoundError(printable(name.given, 400),
                      "no such file or folder, and the Hub cannot be asked for a repository of "
                      "that name",
                      nearest_paths(path));
}

/// Hints for a repository that the Hub does not have: the nearest names of timm's, or a path.
Hints advice_for(const SourceName& name) {
  if (name.cfg) return {};
  if (!name.repository.starts_with("timm/")) {
    if (name.given != name.repository) return {};
    Hints hints = advice("no local file or folder has that name either");
    for (Hint& hint : nearest_paths(name.given)) hints.push_back(std::move(hint));
    return hints;
  }
  const std::string architecture = name.last_part.substr(0, name.last_part.find('.'));
  const std::string_view reason = reason_against(architecture);
  if (!reason.empty()) {
    return advice(fmt::format("{} is known to timm, not supported: {}", architecture, reason));
  }
  std::vector<std::string> near = nearest_names(name.last_part);
  for (std::string& one : near) {
    const auto cfg = find_pretrained(one);
    one = cfg ? repository_of(*cfg) : "timm/" + one;
  }
  return did_you_mean(near);
}

/// Throws NotFoundError for a missing file: before a download, not after it.
template <class From>
void require_here(const From& from) {
  const auto* file = std::get_if<File>(&from);
  if (file == nullptr || is_there(file->path)) return;
  throw NotFoundError(shown(file->path), "no such file or folder");
}

}  // namespace

Fetcher::Fetcher(ProgressSink& progress, const HubSettings* settings)
    : progress_(progress), settings_(settings) {}

Fetcher::~Fetcher() = default;

HttpClient& Fetcher::http() {
  if (!http_) {
    http_ = std::make_unique<HttpClient>(complete(settings_), [this] { progress_.check(); });
  }
  return *http_;
}

FetchedSource Fetcher::fetch_source(const SourceName& name, NetworkNeed need) {
  if (name.kind == SourceName::Kind::kPath) {
    check_cached_path(name.given, progress_);
    return {{name.given, name.last_part}};
  }
  const RepoRevision from = RepoRevision::parse(name.repository);
  HubClient client(http(), progress_);
  try {
    return fetch_snapshot(client, from, need, progress_);
  } catch (const HubUnreachable& lost) {
    const HubSettings& settings = http().settings();
    std::optional<FetchedSource> found;
    try {
      found = find_elsewhere(name, from, settings, progress_);
    } catch (const FormatError& error) {
      throw HubUnreachable("", fmt::format("{}; and {}", lost.what(), error.what()), error.hints());
    }
    if (!found) refuse_wrong_path(name);
    if (!found) throw HubUnreachable(with_hints(lost, advice_for(name)), lost.may_pass);
    if (!http().settings().offline) {
      progress_.note({NoteCode::kCacheUsed, "", {{"reason", lost.what()}}});
    }
    return *std::move(found);
  } catch (const HubError& error) {
    throw with_hints(error, advice_for(name));
  }
}

std::optional<FetchedSource> Fetcher::find_source(const SourceName& name) {
  if (name.kind == SourceName::Kind::kPath) return FetchedSource{{name.given, name.last_part}};
  const RepoRevision from = RepoRevision::parse(name.repository);
  const HubSettings settings = complete(settings_);
  HttpClient from_cache(offline(settings));
  HubClient client(from_cache, progress_);
  try {
    return fetch_snapshot(client, from, NetworkNeed::kSupported, progress_);
  } catch (const HubUnreachable&) {
    return find_elsewhere(name, from, settings, progress_);
  } catch (const CacheDamaged&) {
    return std::nullopt;  // fetch_source downloads it again
  }
}

DownloadPlan Fetcher::list_source(const SourceName& name) {
  HubClient client(http(), progress_);
  const RepoRevision from = RepoRevision::parse(name.repository);
  const std::vector<RepoFile> files = client.list_repo_tree(from);
  const std::string weights = choose_weights(files);
  if (weights.empty()) refuse_without_weights(from);
  const std::string stem = weights.substr(0, weights.find('.')) + "-";
  const bool sharded = weights.ends_with(".json");
  DownloadPlan plan;
  for (const RepoFile& file : files) {
    const bool shard = sharded && file.path.starts_with(stem);
    if (file.path != weights && !shard && !is_config_entry(file)) continue;
    plan.files.push_back(printable(file.path));
    plan.size_bytes += file.size_bytes;
  }
  return plan;
}

File Fetcher::fetch_file(const std::string& address, bool of_processor) {
  if (const auto known = files_.find(address); known != files_.end()) return known->second;
  const RepoFileName file = of_processor && !is_hf_address(address)
                                ? RepoFileName{RepoRevision::parse(address), kProcessorFile}
                                : parse_hf_address(address);
  HubClient client(http(), progress_);
  std::vector<std::string> listed;
  const Snapshot snapshot = client.snapshot_download(file.in, [&](const RepoFile& one) {
    listed.push_back(printable(one.path));
    if (one.path != file.path) return false;
    require_small(one, kMaxFetchedTextBytes);
    return true;
  });
  const fs::path path = snapshot.folder / file.path;
  if (!is_file_there(path)) {
    throw HubError(ErrorKind::kNotFound,
                   fmt::format("{}@{}", file.in.repo.string(), printable(file.in.revision)),
                   fmt::format("{} not found in the repository", printable(file.path)),
                   did_you_mean(nearest(file.path, listed, 3)));
  }
  return files_[address] = {path, fmt::format("{} of {}", file.path, file.in.repo.string())};
}

LabelsFrom Fetcher::fetch_labels(const LabelsFrom& from) {
  require_here(from);
  const auto* repository = std::get_if<Repository>(&from);
  if (repository == nullptr) return from;
  return fetch_file(repository->address, false);
}

ProcessorFrom Fetcher::fetch_processor(const ProcessorFrom& from) {
  require_here(from);
  const auto* repository = std::get_if<Repository>(&from);
  if (repository == nullptr) return from;
  return fetch_file(repository->address, true);
}

fs::path Fetcher::fetch_model(const std::string& given) {
  SourceName name;
  try {
    name = parse_source_name(given);
  } catch (const NotFoundError& error) {  // which also looked for a file and a timm model
    throw NotFoundError(error.where(), "no such model folder",
                        advice("give a folder, or a repository as OWNER/NAME"));
  }
  if (name.kind == SourceName::Kind::kPath) {
    check_cached_path(given, progress_);
    return given;
  }
  if (name.cfg) refuse_timm_name(given);
  return fetch_source(name, NetworkNeed::kSupported).local.path;
}

}  // namespace weightlift
