#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

struct CsvRecord {
  std::size_t line = 0;  ///< where it begins, from 1
  std::vector<std::string> fields;
};

/// Reads RFC 4180: fields between commas, in quotes where they contain commas, quotes ("" for one)
/// or line ends; lines end in CR LF or LF. Ignores empty lines and a byte order mark. Throws
/// FormatError "where: line N: ..." for a quote that is not closed or is closed within a field, and
/// for NUL, which only other encodings than UTF-8 contain.
std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& where);

/// The text as a field of RFC 4180: in quotes where it contains a comma, a quote or a line end.
std::string csv_field(std::string_view text);

}  // namespace weightlift
