#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "weightlift/base/message.h"
#include "weightlift/progress.h"

namespace weightlift {

/// What one JSON object is about.
struct Subject {
  std::string type;         ///< the command: "convert", "verify", ...
  std::string source = {};  ///< as given; empty: the object has none
};

/// The first members of every object of docs/json.md: schema, type, source and status.
nlohmann::ordered_json begin_json(const Subject& subject, std::string_view status);

/// {kind, where, message}, of HTTP also status and request_id, of hints their codes.
nlohmann::ordered_json to_json(const Error& error);

/// [{code, severity, where, message, parameters}]
nlohmann::ordered_json to_json(const Notes& notes);

/// The object of a failure: status "failed" or "interrupted", and `error`.
nlohmann::ordered_json failure_json(const Subject& subject, const Error& error);

}  // namespace weightlift
