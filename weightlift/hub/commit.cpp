#include "weightlift/hub/commit.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "weightlift/base/bytes.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/hub/reply.h"
#include "weightlift/hub/url.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

/// Base64 of `bytes`, padded.
std::string base64(std::span<const std::byte> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');  // EVP_EncodeBlock adds a NUL
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     narrow<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  return text;
}

/// JSON on one line. Bytes that are not UTF-8 become U+FFFD.
std::string compact(const OrderedJson& value) {
  return value.dump(-1, ' ', false, OrderedJson::error_handler_t::replace);
}

/// Reads the file's base64 text from `offset` on. Each 3 bytes become 4 letters.
void read_base64(const LocalFile& file, std::uint64_t offset, std::span<std::byte> into) {
  constexpr std::uint64_t kMaxGroups = std::uint64_t{1} << 14;  // 48 kB of the file at a time
  while (!into.empty()) {
    const std::uint64_t group = offset / 4;
    const std::uint64_t skip = offset % 4;
    const std::uint64_t wanted = (skip + into.size() + 3) / 4;
    const std::uint64_t begin = group * 3;
    const std::uint64_t size =
        std::min(std::min(wanted, kMaxGroups) * 3, file.size_bytes() - begin);
    std::vector<std::byte> bytes(static_cast<std::size_t>(size));
    file.read(begin, bytes);
    const std::string letters = base64(bytes).substr(static_cast<std::size_t>(skip));
    const std::size_t count = std::min(letters.size(), into.size());
    std::memcpy(into.data(), letters.data(), count);
    into = into.subspan(count);
    offset += count;
  }
}

std::vector<std::string> messages_of(const Json& reply, std::string_view key) {
  std::vector<std::string> messages;
  const Json* list = find_member(reply, key);
  if (list == nullptr || !list->is_array()) return messages;
  for (const Json& entry : *list) {
    const Json* message = find_member(entry, "message");
    const Json& text = message != nullptr ? *message : entry;
    messages.push_back(
        printable(text.is_string() ? text.get<std::string>() : dump_json_line(text), 400));
  }
  return messages;
}

PreuploadAnswer parse_preupload_entry(const HttpResponse& response, const Json& entry,
                                      const std::string& path) {
  const std::string thing = fmt::format("files: {}", printable(path));
  const std::string mode = require_string(response, entry, "uploadMode");
  if (mode != "lfs" && mode != "regular") {
    throw_bad_reply(response, thing, "uploadMode lfs or regular", printable(mode));
  }
  PreuploadAnswer answer;
  answer.lfs = mode == "lfs";
  if (const Json* ignored = find_member(entry, "shouldIgnore")) {
    if (!ignored->is_boolean()) {
      throw_bad_reply(response, thing, "shouldIgnore true or false",
                      printable(dump_json_line(*ignored)));
    }
    answer.ignored = ignored->get<bool>();
  }
  if (find_member(entry, "oid") != nullptr) answer.oid = require_string(response, entry, "oid");
  return answer;
}

}  // namespace

std::string repo_api_url(const HubSettings& settings, const RepoId& repo) {
  return fmt::format("{}/api/{}/{}", settings.endpoint,
                     repo.type() == RepoType::kModel ? "models" : "datasets", repo.string());
}

std::string repo_api_url(const HubSettings& settings, const RepoId& repo, std::string_view call,
                         std::string_view revision) {
  return fmt::format("{}/{}/{}", repo_api_url(settings, repo), call, percent_encode(revision));
}

std::string make_create_repo_request(const RepoId& repo, bool private_repo) {
  OrderedJson body = {{"name", repo.name()}, {"organization", repo.owner()}};
  if (private_repo) body["visibility"] = "private";
  return compact(body);
}

std::string make_preupload_request(std::span<const PreuploadFile> files) {
  OrderedJson list = OrderedJson::array();
  for (const PreuploadFile& file : files) {
    list.push_back({{"path", file.path},
                    {"sample", base64(std::as_bytes(std::span(file.sample)))},
                    {"size", file.size_bytes}});
  }
  return compact({{"files", std::move(list)}});
}

std::vector<PreuploadAnswer> parse_preupload_reply(const HttpResponse& response,
                                                   std::span<const PreuploadFile> files) {
  const Json reply = parse_reply(response);
  const Json* list = find_member(reply, "files");
  if (list == nullptr || !list->is_array()) {
    throw_bad_reply(response, "files", "a list", printable(response.body));
  }
  std::map<std::string, const Json*> entries;
  for (const Json& entry : *list) entries[require_string(response, entry, "path")] = &entry;
  std::vector<PreuploadAnswer> answers;
  for (const PreuploadFile& file : files) {
    const auto found = entries.find(file.path);
    if (found == entries.end()) {
      throw_missing(response, fmt::format("files: entry for {}", printable(file.path)));
    }
    answers.push_back(parse_preupload_entry(response, *found->second, file.path));
  }
  return answers;
}

std::string make_validate_yaml_request(std::string_view readme) {
  return compact({{"content", readme}, {"repoType", "model"}});
}

YamlVerdict parse_validate_yaml_reply(const HttpResponse& response) {
  if (!response.ok() && response.status != 400) return {};
  try {
    const Json reply = parse_reply(response);
    return {messages_of(reply, "errors"), messages_of(reply, "warnings")};
  } catch (const HubError&) {
    return {};
  }
}

CommitBody::CommitBody(std::string_view message, std::string_view parent,
                       std::span<const CommitFile> files) {
  OrderedJson header = {{"summary", message}, {"description", ""}};
  if (!parent.empty()) header["parentCommit"] = parent;
  std::string lines = compact({{"key", "header"}, {"value", header}}) + "\n";
  for (const CommitFile& file : files) {
    if (file.lfs) {
      const OrderedJson value = {{"path", file.path},
                                 {"algo", "sha256"},
                                 {"oid", file.oid},
                                 {"size", file.file->size_bytes()}};
      lines += compact({{"key", "lfsFile"}, {"value", value}}) + "\n";
      continue;
    }
    // The content comes last and needs no escapes: it goes between the two halves of the line.
    const OrderedJson value = {{"path", file.path}, {"encoding", "base64"}, {"content", ""}};
    const std::string line = compact({{"key", "file"}, {"value", value}});
    constexpr std::string_view kEnd = "\"}}";
    add_text(std::move(lines) + line.substr(0, line.size() - kEnd.size()));
    add_base64(*file.file);
    lines = std::string(kEnd) + "\n";
  }
  add_text(std::move(lines));
}

void CommitBody::add_text(std::string text) {
  const std::uint64_t size = text.size();
  segments_.push_back({size_bytes_, size, std::move(text), nullptr});
  size_bytes_ += size;
}

void CommitBody::add_base64(const LocalFile& file) {
  if (file.size_bytes() == 0) return;
  const std::uint64_t size = 4 * ((file.size_bytes() + 2) / 3);
  segments_.push_back({size_bytes_, size, {}, &file});
  size_bytes_ += size;
}

void CommitBody::read(std::uint64_t offset, std::span<std::byte> into) const {
  auto segment =
      std::upper_bound(segments_.begin(), segments_.end(), offset,
                       [](std::uint64_t place, const Segment& next) { return place < next.begin; });
  for (--segment; !into.empty(); ++segment) {
    const std::uint64_t inside = offset - segment->begin;
    const auto count = static_cast<std::size_t>(
        std::min<std::uint64_t>(segment->size_bytes - inside, into.size()));
    if (segment->file != nullptr) {
      read_base64(*segment->file, inside, into.first(count));
    } else {
      std::memcpy(into.data(), segment->text.data() + inside, count);
    }
    into = into.subspan(count);
    offset += count;
  }
}

std::string make_paths_info_request(std::span<const CommitFile> files) {
  std::string form;
  for (const CommitFile& file : files) form += "paths=" + percent_encode(file.path) + "&";
  return form + "expand=false";
}

bool holds_files(const HttpResponse& response, std::span<const CommitFile> files) {
  const Json reply = parse_reply_text(response);
  if (!reply.is_array()) throw_bad_reply(response, "entries", "a list", printable(response.body));
  std::map<std::string, std::string> oids;
  for (const Json& entry : reply) {
    const Json* lfs = find_member(entry, "lfs");
    oids[require_string(response, entry, "path")] =
        require_string(response, lfs != nullptr ? *lfs : entry, "oid");
  }
  return std::ranges::all_of(files, [&](const CommitFile& file) {
    const auto found = oids.find(file.path);
    return found != oids.end() && found->second == file.oid;
  });
}

std::vector<PullRequest> parse_pull_requests(const HttpResponse& response) {
  const Json reply = parse_reply(response);
  const Json* list = find_member(reply, "pullRequests");
  if (list == nullptr || !list->is_array()) return {};
  std::vector<PullRequest> requests;
  for (const Json& entry : *list) {
    constexpr std::string_view kPrefix = "refs/pr/";
    const std::string ref = require_string(response, entry, "ref");
    if (!ref.starts_with(kPrefix)) continue;
    const std::string_view digits = std::string_view(ref).substr(kPrefix.size());
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size()) continue;
    requests.push_back({number, require_string(response, entry, "targetCommit")});
  }
  std::ranges::sort(requests, std::greater<>(), &PullRequest::number);
  return requests;
}

CommitReply parse_commit_reply(const HttpResponse& response) {
  const Json reply = parse_reply(response);
  CommitReply commit{require_string(response, reply, "commitOid"),
                     require_string(response, reply, "commitUrl"),
                     {}};
  if (find_member(reply, "pullRequestUrl") != nullptr) {
    commit.pull_request_url = require_string(response, reply, "pullRequestUrl");
  }
  if (!is_commit(commit.oid)) {
    throw_bad_reply(response, "commitOid", "40 hex digits", printable(commit.oid));
  }
  return commit;
}

}  // namespace weightlift
