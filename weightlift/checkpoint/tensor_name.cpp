#include "weightlift/checkpoint/tensor_name.h"

#include <fmt/format.h>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

/// Python would write lone surrogates, which no other reader accepts.
bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace

std::string missing_in_tensor_name(std::string_view name) {
  if (name.empty()) return "that is not empty";
  if (name.size() > kMaxTensorNameBytes) {
    return fmt::format("of at most {} bytes", kMaxTensorNameBytes);
  }
  if (name.find('\0') != std::string_view::npos) return "without NUL";
  return is_utf8(name) ? "" : "in UTF-8";
}

void require_writable_name(std::string_view name) {
  const std::string missing =
      name == "__metadata__" ? "other than __metadata__" : missing_in_tensor_name(name);
  if (!missing.empty()) {
    throw FormatError(fmt::format("tensor '{}'", printable(name)),
                      fmt::format("expected a name {}", missing));
  }
}

}  // namespace weightlift
