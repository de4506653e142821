#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "weightlift/hub/http.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The JSON text that a reply's body is. Throws HubError "URL: ..." where it is none: an HTML page,
/// most often of a proxy or of an endpoint that is no Hub, is called by that name.
nlohmann::json parse_reply_text(const HttpResponse& response);

/// The same where it must be an object.
nlohmann::json parse_reply(const HttpResponse& response);

/// Member `key` of a reply. Throws HubError naming the URL and the member where it has another type
/// or there is none.
std::string require_string(const HttpResponse& response, const nlohmann::json& object,
                           std::string_view key);

/// Throws the HubError "URL: thing: expected X, got Y".
[[noreturn]] void throw_bad_reply(const HttpResponse& response, std::string_view thing,
                                  std::string_view expected, std::string_view got);

}  // namespace weightlift
