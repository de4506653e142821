#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "weightlift/hub/http.h"

// Internal: only .cpp files include it, and it is not for users of the library.

namespace weightlift {

/// The JSON value of a reply's body. Throws HubError "URL: ..." for other text. It names an HTML
/// page as such: most often it comes from a proxy, or from an endpoint that is not a Hub.
nlohmann::json parse_reply_text(const HttpResponse& response);

/// The same for a JSON object. Throws HubError for other values.
nlohmann::json parse_reply(const HttpResponse& response);

/// Member `key` of a reply. Throws HubError with URL and member where it is missing or no string.
std::string require_string(const HttpResponse& response, const nlohmann::json& object,
                           std::string_view key);

/// Throws the HubError "URL: thing: expected X, got Y", for a wrong type, size or value.
[[noreturn]] void throw_bad_reply(const HttpResponse& response, std::string_view thing,
                                  std::string_view expected, std::string_view got);

/// Throws the HubError "URL: thing is missing".
[[noreturn]] void throw_missing(const HttpResponse& response, std::string_view thing);

}  // namespace weightlift
