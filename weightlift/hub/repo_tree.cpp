#include "weightlift/hub/repo_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/hub/cache.h"
#include "weightlift/hub/reply.h"
#include "weightlift/hub/url.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::size_t kSha256Digits = 64;
constexpr std::size_t kSha1Digits = 40;
constexpr int kFormatVersion = 1;
constexpr std::size_t kMaxTreeBytes = std::size_t{64} << 20;  // a few hundred bytes each file

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string require_oid(const HttpResponse& response, const Json& object, const std::string& path,
                        std::size_t digits) {
  std::string oid = require_string(response, object, "oid");
  if (!is_hex(oid, digits)) {
    throw_bad_reply(response, printable(path) + ": oid", fmt::format("{} hex digits", digits),
                    printable(oid));
  }
  return oid;
}

std::string text_at(const Json& object, std::string_view key) {
  const Json* value = find_member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

std::optional<RepoFile> parse_kept(const std::string& path, const Json& info) {
  if (!info.is_object()) return std::nullopt;
  RepoFile file;
  file.path = path;
  file.git_oid = text_at(info, "blob_id");
  const std::string sha256 = text_at(info, "lfs_sha256");
  file.lfs = !sha256.empty();
  file.oid = file.lfs ? sha256 : file.git_oid;
  const Json* size = find_member(info, "size");
  if (size == nullptr || !size->is_number_unsigned()) return std::nullopt;
  file.size_bytes = size->get<std::uint64_t>();
  if (!is_hex(file.oid, file.lfs ? kSha256Digits : kSha1Digits)) return std::nullopt;
  require_repo_path(path);
  return file;
}

}  // namespace

std::optional<RepoFile> parse_tree_entry(const HttpResponse& response, const Json& entry) {
  if (!entry.is_object()) {
    throw_bad_reply(response, "entry", "an object", printable(dump_json_line(entry)));
  }
  if (require_string(response, entry, "type") != "file") return std::nullopt;
  RepoFile file;
  file.path = require_string(response, entry, "path");
  try {
    require_repo_path(file.path);
  } catch (const HubError& error) {
    throw HubError(shown_url(response.url), error.what());
  }
  const Json* lfs = find_member(entry, "lfs");
  file.lfs = lfs != nullptr && lfs->is_object();
  file.oid = file.lfs ? require_oid(response, *lfs, file.path, kSha256Digits)
                      : require_oid(response, entry, file.path, kSha1Digits);
  file.git_oid = text_at(entry, "oid");
  const Json* size = find_member(entry, "size");
  if (size == nullptr) throw_missing(response, printable(file.path) + ": size");
  if (!size->is_number_unsigned()) {
    throw_bad_reply(response, printable(file.path) + ": size", "a number of bytes",
                    printable(dump_json_line(*size)));
  }
  file.size_bytes = size->get<std::uint64_t>();
  return file;
}

std::optional<std::vector<RepoFile>> read_tree(const fs::path& path) {
  if (!file_size_at(path)) return std::nullopt;
  try {
    const Json kept = parse_json(read_text_file(path, kMaxTreeBytes), path.string());
    if (!kept.is_object()) return std::nullopt;
    const Json* version = find_member(kept, "format_version");
    const Json* entries = find_member(kept, "files");
    if (version == nullptr || *version != kFormatVersion) return std::nullopt;
    if (entries == nullptr || !entries->is_object()) return std::nullopt;
    std::vector<RepoFile> files;
    for (const auto& [name, info] : entries->items()) {
      std::optional<RepoFile> file = parse_kept(name, info);
      if (!file) return std::nullopt;
      files.push_back(std::move(*file));
    }
    return files;
  } catch (const Error&) {
    return std::nullopt;  // unreadable, damaged or of another form: the list only saves requests
  }
}

void write_tree(const fs::path& path, const std::vector<RepoFile>& files) {
  Json entries = Json::object();
  for (const RepoFile& file : files) {
    Json info = {{"size", file.size_bytes}, {"blob_id", file.git_oid}};
    if (file.lfs) {
      info["lfs_sha256"] = file.oid;
      info["lfs_size"] = file.size_bytes;
    }
    entries[file.path] = std::move(info);
  }
  const Json tree = {{"format_version", kFormatVersion}, {"files", std::move(entries)}};
  make_folders(path.parent_path());
  write_atomically(path, tree.dump(1, ' ', true, Json::error_handler_t::replace));
}

std::vector<RepoFile> list_snapshot(const fs::path& snapshot) {
  std::vector<RepoFile> files;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(snapshot, error), end; !error && entry != end;
       entry.increment(error)) {
    const auto size = file_size_at(entry->path());
    if (!size) continue;
    RepoFile file;
    file.path = entry->path().lexically_relative(snapshot).generic_string();
    file.size_bytes = *size;
    // A link points to the blob, whose name is the digest.
    const std::string blob = fs::read_symlink(entry->path(), error).filename().string();
    error.clear();
    if (is_hex(blob, kSha256Digits) || is_hex(blob, kSha1Digits)) file.oid = blob;
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace weightlift
