#include "weightlift/hub/reply.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/base/text.h"
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

/// Throws the HubError without the token, should the server have repeated it.
[[noreturn]] void throw_hidden(const HttpResponse& response, std::string message) {
  if (!response.secret.empty()) replace_all(message, response.secret, kHiddenToken);
  throw HubError(message);
}

}  // namespace

void throw_bad_reply(const HttpResponse& response, std::string_view thing,
                     std::string_view expected, std::string_view got) {
  throw_hidden(response, fmt::format("{}: {}: expected {}, got {}", shown_url(response.url), thing,
                                     expected, got));
}

Json parse_reply_text(const HttpResponse& response) {
  const std::string where = shown_url(response.url);
  if (looks_like_html(response)) {
    throw HubError(fmt::format(
        "{}: expected JSON, got an HTML page; is the endpoint a Hub, and is no proxy or "
        "login page before it?",
        where));
  }
  try {
    return parse_json(response.body, where);
  } catch (const FormatError& error) {
    throw_hidden(response, error.what());  // what the network sends is the Hub's affair
  }
}

Json parse_reply(const HttpResponse& response) {
  Json reply = parse_reply_text(response);
  if (!reply.is_object()) {
    throw_hidden(response,
                 fmt::format("{}: expected a JSON object, got {}", shown_url(response.url),
                             printable(response.body, kShownBytes)));
  }
  return reply;
}

std::string require_string(const HttpResponse& response, const Json& object, std::string_view key) {
  const Json* value = find_member(object, key);
  if (value == nullptr) throw_bad_reply(response, key, "a string", "none");
  if (!value->is_string()) {
    throw_bad_reply(response, key, "a string", printable(dump_json_line(*value), kShownBytes));
  }
  return value->get<std::string>();
}

}  // namespace weightlift
