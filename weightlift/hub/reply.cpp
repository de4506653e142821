#include "weightlift/hub/reply.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/error.h"
#include "weightlift/hub/url.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kShownBytes = 200;

bool looks_like_html(const HttpResponse& response) {
  const std::size_t start = response.body.find_first_not_of(" \t\r\n");
  return response.header("content-type").find("html") != std::string_view::npos ||
         (start != std::string::npos && response.body[start] == '<');
}

[[noreturn]] void throw_reply(const HttpResponse& response, std::string message, Hints hints = {}) {
  throw HubError(shown_url(response.url), std::move(message), std::move(hints));
}

}  // namespace

void throw_bad_reply(const HttpResponse& response, std::string_view thing,
                     std::string_view expected, std::string_view got) {
  throw_reply(response, fmt::format("{}: expected {}, got {}", thing, expected, got));
}

void throw_missing(const HttpResponse& response, std::string_view thing) {
  throw_reply(response, fmt::format("{} is missing", thing));
}

Json parse_reply_text(const HttpResponse& response) {
  const std::string where = shown_url(response.url);
  if (looks_like_html(response)) {
    throw_reply(response, "expected JSON, got an HTML page",
                advice("check HF_ENDPOINT, and whether a proxy or a login page answers"));
  }
  try {
    return parse_json(response.body, where);
  } catch (const FormatError& error) {
    throw_reply(response, error.message());  // a wrong reply is an error of the Hub
  }
}

Json parse_reply(const HttpResponse& response) {
  Json reply = parse_reply_text(response);
  if (!reply.is_object()) {
    throw_reply(response, fmt::format("expected a JSON object, got {}",
                                      printable(response.body, kShownBytes)));
  }
  return reply;
}

std::string require_string(const HttpResponse& response, const Json& object, std::string_view key) {
  const Json* value = find_member(object, key);
  if (value == nullptr) throw_missing(response, fmt::format("'{}'", key));
  if (!value->is_string()) {
    throw_bad_reply(response, key, "a string", printable(dump_json_line(*value), kShownBytes));
  }
  return value->get<std::string>();
}

}  // namespace weightlift
