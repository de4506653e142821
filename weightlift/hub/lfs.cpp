#include "weightlift/hub/lfs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/hub/reply.h"
#include "weightlift/hub/url.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr std::uint64_t kMaxParts = 10'000;  // S3's limit

/// A URL from a reply. URLs of the public Hub become URLs of the endpoint, as mirrors need it.
std::string turned_to(std::string_view endpoint, std::string url, const HttpResponse& response) {
  for (const std::string_view hub : {"https://huggingface.co/", "https://hub-ci.huggingface.co/"}) {
    if (url.starts_with(hub) && hub != fmt::format("{}/", endpoint)) {
      url = fmt::format("{}/{}", endpoint, url.substr(hub.size()));
    }
  }
  // An absolute URL stays unchanged: it may be signed.
  const bool absolute = url.starts_with("https://") || url.starts_with("http://");
  if (response.url.starts_with("https:") && url.starts_with("http:")) {
    throw_bad_reply(response, "href", "an https URL", shown_url(url));
  }
  return absolute ? url : resolve_url(response.url, url);
}

std::string url_of(const HttpResponse& response, const Json& action, std::string_view endpoint) {
  return turned_to(endpoint, require_string(response, action, "href"), response);
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 9 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// chunk_size, as text or as a number; nothing where it is missing.
std::optional<std::uint64_t> find_chunk_bytes(const HttpResponse& response, const Json& header) {
  const Json* value = find_member(header, "chunk_size");
  if (value == nullptr) return std::nullopt;
  std::uint64_t bytes = 0;
  if (value->is_number_unsigned()) {
    bytes = value->get<std::uint64_t>();
  } else if (value->is_string() && value->get<std::string>().size() <= 18 &&
             value->get<std::string>().find_first_not_of("0123456789") == std::string::npos &&
             !value->get<std::string>().empty()) {
    bytes = std::stoull(value->get<std::string>());
  }
  if (bytes == 0) {
    throw_bad_reply(response, "chunk_size", "a number of bytes",
                    printable(dump_json_line(*value), 60));
  }
  return bytes;
}

/// Reads the parts, whose keys are numbers, in the order of these numbers.
void read_parts(const HttpResponse& response, const Json& header, std::uint64_t size_bytes,
                std::string_view endpoint, LfsAnswer& answer) {
  std::map<std::uint64_t, std::string> urls;
  for (const auto& [key, value] : header.items()) {
    if (!is_number(key)) continue;
    if (!value.is_string()) throw_bad_reply(response, "parts", "URLs", printable(key));
    urls[std::stoull(key)] = turned_to(endpoint, value.get<std::string>(), response);
  }
  const std::uint64_t expected = (size_bytes - 1) / answer.chunk_bytes + 1;
  if (urls.size() != expected || expected > kMaxParts) {
    throw_bad_reply(response, "parts",
                    fmt::format("{} URLs (at most {}) for {} bytes in chunks of {}", expected,
                                kMaxParts, size_bytes, answer.chunk_bytes),
                    fmt::format("{}", urls.size()));
  }
  for (auto& [number, url] : urls) answer.part_urls.push_back(std::move(url));
}

[[noreturn]] void throw_refused(const HttpResponse& response, const LfsObject& object,
                                const Json& error) {
  const Json* code = find_member(error, "code");
  const Json* message = find_member(error, "message");
  throw HubError(
      shown_url(response.url),
      fmt::format(
          "the server refused {}: {}{}", shown(object.file->path()),
          message != nullptr ? printable(dump_json_line(*message), 300) : "it gave no reason",
          code != nullptr ? fmt::format(" (code {})", printable(dump_json_line(*code), 20)) : ""));
}

LfsAnswer parse_object(const HttpResponse& response, const Json& entry, const LfsObject& object,
                       std::string_view endpoint) {
  if (const Json* error = find_member(entry, "error")) throw_refused(response, object, *error);
  LfsAnswer answer;
  const Json* actions = find_member(entry, "actions");
  const Json* upload = actions != nullptr ? find_member(*actions, "upload") : nullptr;
  if (upload == nullptr) {
    answer.present = true;
    return answer;
  }
  answer.upload_url = url_of(response, *upload, endpoint);
  if (const Json* verify = find_member(*actions, "verify")) {
    answer.verify_url = url_of(response, *verify, endpoint);
  }
  const Json* header = find_member(*upload, "header");
  const std::optional<std::uint64_t> chunk =
      header != nullptr ? find_chunk_bytes(response, *header) : std::nullopt;
  if (chunk && object.file->size_bytes() > 0) {
    answer.chunk_bytes = *chunk;
    read_parts(response, *header, object.file->size_bytes(), endpoint, answer);
  }
  return answer;
}

}  // namespace

std::string make_lfs_batch_request(std::span<const LfsObject> objects, std::string_view branch) {
  OrderedJson list = OrderedJson::array();
  for (const LfsObject& object : objects) {
    list.push_back({{"oid", object.oid}, {"size", object.file->size_bytes()}});
  }
  OrderedJson body = {{"operation", "upload"},
                      {"transfers", {"basic", "multipart"}},
                      {"objects", std::move(list)},
                      {"hash_algo", "sha256"}};
  if (!branch.empty()) body["ref"] = {{"name", branch}};
  return body.dump();
}

std::vector<LfsAnswer> parse_lfs_batch_reply(const HttpResponse& response,
                                             std::span<const LfsObject> objects,
                                             std::string_view endpoint) {
  const Json reply = parse_reply(response);
  const Json* list = find_member(reply, "objects");
  if (list == nullptr || !list->is_array()) {
    throw_bad_reply(response, "objects", "a list", printable(response.body));
  }
  std::map<std::string, const Json*> entries;
  for (const Json& entry : *list) entries[require_string(response, entry, "oid")] = &entry;
  std::vector<LfsAnswer> answers;
  for (const LfsObject& object : objects) {
    const auto found = entries.find(object.oid);
    if (found == entries.end()) {
      throw_missing(response, fmt::format("objects: answer for {}", object.oid));
    }
    answers.push_back(parse_object(response, *found->second, object, endpoint));
  }
  return answers;
}

}  // namespace weightlift
