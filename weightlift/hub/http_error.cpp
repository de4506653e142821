#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "weightlift/base/json.h"
#include "weightlift/error.h"
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
      // One level only: a list in a list is ignored.
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
    return "";  // not JSON
  }
  return "";
}

bool is_text(std::string_view type) {
  return type.empty() || (type.starts_with("text/") && !type.starts_with("text/html"));
}

/// The server's own words, on one line; empty for an HTML page.
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

/// What a status means for the person's task, and what to do. Either may be empty.
struct Meaning {
  std::string_view fault;
  std::string_view what_to_do;
};

constexpr std::string_view kNotAccessible = "repository not found or not accessible";

Meaning no_access(const HttpResponse& response) {
  return {kNotAccessible,
          response.token_was_sent
              ? "check the repository's name and the rights of the token"
              : "check the repository's name, or set HF_TOKEN if the repository is private"};
}

Meaning meaning_of_code(std::string_view code, const HttpResponse& response) {
  if (code == "GatedRepo") {
    return {"access to the gated repository denied",
            response.token_was_sent ? "ask for access on the repository's page"
                                    : "ask for access on the repository's page, then set HF_TOKEN"};
  }
  if (code == "RevisionNotFound") return {"revision not found", "check the branch, tag or commit"};
  if (code == "EntryNotFound") return {"file not found", "check the file name and the revision"};
  return code == "RepoNotFound" ? no_access(response) : Meaning{};
}

Meaning meaning_of(const HttpRequest& request, const HttpResponse& response) {
  const std::string_view code = response.header("X-Error-Code");
  if (const Meaning known = meaning_of_code(code, response); !known.fault.empty()) return known;
  const int status = response.status;
  const bool token = response.token_was_sent;
  const bool reading = request.method == "GET" || request.method == "HEAD";
  if (status == 401 && token) return {"invalid token", "check HF_TOKEN, or log in again"};
  // The Hub also answers anonymous requests for a missing repository with 401.
  if (status == 401 && reading) return no_access(response);
  if ((status == 401 || status == 403) && !token) return {"permission denied", "set HF_TOKEN"};
  if (status == 403) return {"permission denied", "check the rights of the token"};
  if (status == 404 && code.empty()) {
    return {"not found", "check the name, the revision and HF_ENDPOINT"};
  }
  if (status == 429) {
    return {"too many requests", token ? "wait, then try again" : "wait, or set HF_TOKEN"};
  }
  if (status >= 500) return {"server error", "try again later"};
  const bool no_error = response.ok() || (status >= 300 && status < 400);
  return {"", no_error ? "check HF_ENDPOINT" : ""};
}

ErrorKind kind_of(const HttpResponse& response) {
  constexpr int kUnauthorized = 401, kForbidden = 403, kNotFound = 404;
  if (response.status == kUnauthorized || response.status == kForbidden) return ErrorKind::kAuth;
  return response.status == kNotFound ? ErrorKind::kNotFound : ErrorKind::kNetwork;
}

}  // namespace

void throw_hub_error(const HttpRequest& request, const HttpResponse& response) {
  const auto [fault, what_to_do] = meaning_of(request, response);
  std::string text = fmt::format("{}{}the server answered {} with status {}", fault,
                                 fault.empty() ? "" : ": ", request.method, response.status);
  const std::string_view code = response.header("X-Error-Code");
  if (!code.empty()) text += fmt::format(" {}", printable(code));
  const std::string words = words_of(response);
  if (!words.empty()) text += fmt::format(": \"{}\"", words);
  const std::string id = request_id(response);
  if (!id.empty()) text += fmt::format(" (request id {})", id);
  throw HubError(kind_of(response), shown_url(response.url.empty() ? request.url : response.url),
                 std::move(text), what_to_do.empty() ? Hints() : advice(std::string(what_to_do)),
                 response.status, id);
}

}  // namespace weightlift
