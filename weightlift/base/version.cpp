#include "weightlift/version.h"

namespace weightlift {

namespace {

#define WEIGHTLIFT_TEXT_OF(number) #number
#define WEIGHTLIFT_JOIN(a, b, c) \
  WEIGHTLIFT_TEXT_OF(a) "." WEIGHTLIFT_TEXT_OF(b) "." WEIGHTLIFT_TEXT_OF(c)

constexpr std::string_view kVersion =
    WEIGHTLIFT_JOIN(WEIGHTLIFT_VERSION_MAJOR, WEIGHTLIFT_VERSION_MINOR, WEIGHTLIFT_VERSION_PATCH);

}  // namespace

std::string_view version() { return kVersion; }

}  // namespace weightlift
