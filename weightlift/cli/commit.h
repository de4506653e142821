#pragma once

#include <string_view>

namespace weightlift {

/// The git commit of the build; "unknown" where the source folder is no git repository.
std::string_view commit();

}  // namespace weightlift
