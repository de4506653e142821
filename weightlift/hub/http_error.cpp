#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "weightlift/base/json.h"
#include "weightlift/hub/http.h"
#include "weightlift/hub/url.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxWordsBytes = 300;

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object()) {
    const Json* message = find_member(value, "message");
    return message != nullptr && message->is_string() ? message->get<std::string>() : "";
  }
  std::string joined;
  if (value.is_array()) {
    for (const Json& item : value) {
      // One level: text_of of a list in a list is nothing.
      const std::string part = item.is_array() ? "" : text_of(item);
      if (!part.empty()) joined += (joined.empty() ? "" : "; ") + part;
    }
  }
  return joined;
}

/// The error text of a JSON body, in one of the forms that servers use.
std::string json_words(const HttpResponse& response) {
  try {
    const Json body = parse_json(response.body, "reply");
    if (!body.is_object()) return "";
    for (const char* key : {"error", "errors", "message", "error_description"}) {
      const Json* value = find_member(body, key);
      if (value != nullptr && !text_of(*value).empty()) return text_of(*value);
    }
  } catch (const FormatError&) {
    return "";  // it said JSON and is not: its words are noise
  }
  return "";
}

bool is_text(std::string_view type) {
  return type.empty() || (type.starts_with("text/") && !type.starts_with("text/html"));
}

/// The server's own words, on one line; none where all it has is a page for browsers.
std::string words_of(const HttpResponse& response) {
  std::string words(response.header("X-Error-Message"));
  if (words.empty()) words = json_words(response);
  const bool page = response.body.find('<') != std::string::npos;
  if (words.empty() && is_text(response.header("Content-Type")) && !page) words = response.body;
  while (!words.empty() && (words.back() == '\n' || words.back() == '\r')) words.pop_back();
  return printable(words, kMaxWordsBytes);
}

std::string request_id(const HttpResponse& response) {
  for (const char* name : {"X-Request-Id", "X-Amzn-Trace-Id", "X-Amz-Cf-Id"}) {
    const std::string_view id = response.header(name);
    if (!id.empty()) return printable(id);
  }
  return "";
}

std::string advice_without_access(const HttpResponse& response) {
  if (!response.token_was_sent) {
    return "no such repository, or it is private: check the name, or give a token in HF_TOKEN";
  }
  return "no such repository, or the token may not see it: check the name and the token's rights";
}

/// What to do about it, empty where nobody knows.
std::string advice(const HttpRequest& request, const HttpResponse& response) {
  const std::string_view code = response.header("X-Error-Code");
  const int status = response.status;
  const bool reading = request.method == "GET" || request.method == "HEAD";
  if (code == "GatedRepo") {
    return response.token_was_sent
               ? "access to it is granted on request: ask for it on the repository's page"
               : "access to it is granted on request: ask on the repository's page, then give a "
                 "token in HF_TOKEN";
  }
  if (code == "RevisionNotFound") return "no such branch, tag or commit";
  if (code == "EntryNotFound") return "no such file at this revision";
  if (code == "RepoNotFound") return advice_without_access(response);
  if (status == 401) {
    if (response.token_was_sent) return "the token is not accepted: check HF_TOKEN or log in again";
    // To the anonymous the Hub says 401 of what is missing, too.
    return reading ? advice_without_access(response) : "a token is needed: give one in HF_TOKEN";
  }
  if (status == 403) {
    return response.token_was_sent ? "the token lacks the right to do this"
                                   : "a token is needed: give one in HF_TOKEN";
  }
  if (status == 404 && code.empty()) return "check the name, the revision and HF_ENDPOINT";
  if (status == 429) {
    return response.token_was_sent ? "too many requests: wait, then try again"
                                   : "too many requests: wait, or give a token in HF_TOKEN";
  }
  if (status >= 500) return "the server has trouble: try again later";
  if (response.ok() || (status >= 300 && status < 400)) return "check HF_ENDPOINT";
  return "";
}

}  // namespace

void throw_hub_error(const HttpRequest& request, const HttpResponse& response) {
  std::string text = fmt::format("{}: {}: expected success, got status {}",
                                 shown_url(response.url.empty() ? request.url : response.url),
                                 request.method, response.status);
  const std::string_view code = response.header("X-Error-Code");
  if (!code.empty()) text += fmt::format(" {}", printable(code));
  const std::string words = words_of(response);
  if (!words.empty()) text += fmt::format(": \"{}\"", words);
  const std::string id = request_id(response);
  if (!id.empty()) text += fmt::format(" (request id {})", id);
  const std::string what_to_do = advice(request, response);
  if (!what_to_do.empty()) text += fmt::format("; {}", what_to_do);
  throw HubError(text);
}

}  // namespace weightlift
