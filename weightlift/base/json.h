#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "weightlift/number.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Parses untrusted JSON text (UTF-8, one document, no comments). Throws FormatError "where: ..."
/// on a syntax error, or beyond 64 levels: no file that is read here is deeper. A duplicate key
/// keeps its last value, as in Python. Objects are read into sorted maps: keeping the order would
/// make a file of many keys cost the square of their number.
nlohmann::json parse_json(std::string_view text, const std::string& where);

/// "invalid JSON at byte 2: syntax error while parsing value - invalid literal": nlohmann's text of
/// a parse error, without the bytes that it read. Through a link, those may be a secret of the
/// user.
std::string json_fault(std::size_t byte, std::string_view fault);

/// Text as Python's json.dumps(value, indent=2) writes it: non-ASCII escaped, floats as repr()
/// writes them, keys in their order. No final newline.
std::string dump_python_json(const nlohmann::ordered_json& value);

/// The same on one line, as json.dumps(value) writes it.
std::string dump_json_line(const nlohmann::ordered_json& value);

/// repr() of a Python float: the shortest decimal that gives the same double back, "1.0" for 1.
std::string python_repr(double value);

/// The member of an object, nullptr where there is none or it is null.
const nlohmann::json* find_member(const nlohmann::json& object, std::string_view key);

/// Member `key` as the type in the function's name. Throws FormatError "where: key: expected ...,
/// got ..." where it has another type, and where it is missing and there is no fallback.
std::int64_t get_int(const nlohmann::json& object, std::string_view key, const std::string& where);
std::int64_t get_int(const nlohmann::json& object, std::string_view key, const std::string& where,
                     std::int64_t fallback);
bool get_bool(const nlohmann::json& object, std::string_view key, const std::string& where,
              bool fallback);
std::string get_string(const nlohmann::json& object, std::string_view key, const std::string& where,
                       std::string_view fallback);

/// `value` as a number; an integer stays one. Throws FormatError unless a double holds it exactly
/// (integers below 2^53).
Number to_number(const nlohmann::json& value, std::string_view key, const std::string& where);

/// Throws the FormatError "where: key: expected X, got Y", with Y the value as JSON, shortened.
[[noreturn]] void throw_wrong_json(const std::string& where, std::string_view key,
                                   std::string_view expected, const nlohmann::json& got);

}  // namespace weightlift
