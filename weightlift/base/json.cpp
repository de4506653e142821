#include "weightlift/base/json.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "weightlift/base/message.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

constexpr int kMaxDepth = 64;

/// A negative indent writes everything on one line.
void dump_to(std::string& out, const OrderedJson& value, int indent, int depth);

std::string quoted(const std::string& text) {
  // nlohmann escapes exactly as Python does: \b \f \n \r \t \" \\, else \uXXXX in lower-case hex,
  // DEL included. Bytes that are not UTF-8 (in a path, for example) become U+FFFD.
  return Json(text).dump(-1, ' ', true, Json::error_handler_t::replace);
}

void new_line(std::string& out, int indent, int depth) {
  if (indent < 0) return;
  out += '\n';
  out.append(static_cast<std::size_t>(indent) * static_cast<std::size_t>(depth), ' ');
}

void dump_container(std::string& out, const OrderedJson& value, int indent, int depth) {
  const bool object = value.is_object();
  out += object ? '{' : '[';
  bool first = true;
  for (auto item = value.begin(); item != value.end(); ++item) {
    if (!first) out += indent < 0 ? ", " : ",";
    first = false;
    new_line(out, indent, depth + 1);
    if (object) {
      out += quoted(item.key());
      out += ": ";
    }
    dump_to(out, *item, indent, depth + 1);
  }
  if (!first) new_line(out, indent, depth);
  out += object ? '}' : ']';
}

// Recursion is bounded: values come from parse_json, which caps the depth, or from our own code.
void dump_to(std::string& out, const OrderedJson& value, int indent, int depth) {
  if (value.is_structured()) {
    dump_container(out, value, indent, depth);
  } else if (value.is_number_float()) {
    out += python_repr(value.get<double>());
  } else {
    out += value.dump(-1, ' ', true, OrderedJson::error_handler_t::replace);
  }
}

}  // namespace

std::string json_fault(std::size_t byte, std::string_view fault) {
  // "[json.exception.parse_error.101] parse error at line 1, column 2: FAULT; last read: 'BYTES'"
  if (const auto tag = fault.find("] "); tag != fault.npos) fault.remove_prefix(tag + 2);
  if (fault.starts_with("parse error at line")) {
    if (const auto colon = fault.find(": "); colon != fault.npos) fault.remove_prefix(colon + 2);
  }
  return fmt::format("invalid JSON at byte {}: {}", byte,
                     printable(fault.substr(0, fault.find("; last read"))));
}

Json parse_json(std::string_view text, const std::string& where) {
  const auto cap_depth = [&where](int depth, Json::parse_event_t, const Json&) {
    if (depth > kMaxDepth) {
      throw FormatError(where, fmt::format("JSON is nested deeper than {} levels", kMaxDepth));
    }
    return true;
  };
  // nlohmann ends the text at a NUL, and skips a byte order mark; JSON has neither.
  if (text.find('\0') != std::string_view::npos) {
    throw FormatError(where, "invalid JSON: it contains a NUL byte");
  }
  try {
    return Json::parse(text.begin(), text.end(), cap_depth);
  } catch (const Json::parse_error& error) {
    if (text.empty()) throw FormatError(where, "invalid JSON: the file is empty");
    throw FormatError(where, json_fault(error.byte, error.what()));
  } catch (const Json::out_of_range&) {
    throw FormatError(where, "JSON number is too large for a double");
  }
}

std::string python_repr(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
  std::array<char, 64> buffer{};
  const auto scientific = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                        std::chars_format::scientific);
  const std::string_view text(buffer.data(),
                              static_cast<std::size_t>(scientific.ptr - buffer.data()));
  const std::size_t e = text.find('e');
  int exponent = 0;
  const char* digits = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(digits, text.data() + text.size(), exponent);
  // Python's repr writes an exponent below 1e-4 and from 1e16 on.
  if (exponent < -4 || exponent >= 16) return std::string(text);
  const auto fixed =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  std::string result(buffer.data(), fixed.ptr);
  if (result.find('.') == std::string::npos) result += ".0";
  return result;
}

std::string dump_python_json(const OrderedJson& value) {
  std::string out;
  dump_to(out, value, 2, 0);
  return out;
}

std::string dump_json_line(const OrderedJson& value) {
  std::string out;
  dump_to(out, value, -1, 0);
  return out;
}

const Json* find_member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(key));
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

void throw_wrong_json(const std::string& where, std::string_view key, std::string_view expected,
                      const Json& got) {
  throw FormatError(where, fmt::format("{}: expected {}, got {}", key, expected,
                                       printable(dump_json_line(got), 60)));
}

std::int64_t get_int(const Json& object, std::string_view key, const std::string& where) {
  const Json* value = find_member(object, key);
  if (value == nullptr) {
    throw FormatError(where, fmt::format("'{}' is missing", key));
  }
  return get_int(object, key, where, 0);
}

std::int64_t get_int(const Json& object, std::string_view key, const std::string& where,
                     std::int64_t fallback) {
  const Json* value = find_member(object, key);
  if (value == nullptr) return fallback;
  constexpr std::int64_t kLargest = 1'000'000'000;  // no count in a model's config comes near
  if (!value->is_number_integer() || value->get<std::int64_t>() < 0 ||
      value->get<std::int64_t>() > kLargest) {
    throw_wrong_json(where, key, "an integer from 0 to 10^9", *value);
  }
  return value->get<std::int64_t>();
}

bool get_bool(const Json& object, std::string_view key, const std::string& where, bool fallback) {
  const Json* value = find_member(object, key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) throw_wrong_json(where, key, "true or false", *value);
  return value->get<bool>();
}

std::string get_string(const Json& object, std::string_view key, const std::string& where,
                       std::string_view fallback) {
  const Json* value = find_member(object, key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) throw_wrong_json(where, key, "a string", *value);
  return value->get<std::string>();
}

Number to_number(const Json& value, std::string_view key, const std::string& where) {
  constexpr double kMost = 9007199254740991.0;  // above it two integers share one double
  if (!value.is_number()) throw_wrong_json(where, key, "a number", value);
  const auto number = value.get<double>();
  const bool integer = value.is_number_integer();
  if (integer && std::abs(number) > kMost) {
    throw_wrong_json(where, key, "a number below 2^53", value);
  }
  return {number, integer};
}

}  // namespace weightlift
