#pragma once

#include <nlohmann/json_fwd.hpp>

namespace weightlift {

/// weightlift's version, and those on which its results depend: oneDNN, and the transformers
/// release whose files it writes.
nlohmann::ordered_json versions_json();

}  // namespace weightlift
