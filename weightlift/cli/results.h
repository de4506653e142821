#pragma once

#include <fmt/format.h>

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/cli/terminal.h"

namespace weightlift {

/// Prints results on standard output. Escapes all that printable() escapes, except line ends. Never
/// fails: results that standard output does not take are lost, and finish_results() reports it.
void put_text(std::string_view text);

/// A text in one line, anything else as it is.
template <class Value>
auto on_one_line(const Value& value) {
  if constexpr (std::is_convertible_v<const Value&, std::string_view>) {
    const std::string_view text = value;
    return printable(text, text.size());
  } else {
    return value;
  }
}

/// The same for a format and its values: a text among them cannot begin a line of its own.
template <class... Values>
void put(fmt::format_string<decltype(on_one_line(std::declval<const Values&>()))...> format,
         const Values&... values) {
  put_text(fmt::format(format, on_one_line(values)...));
}

/// The same for a line in a style.
void put_line(std::string_view text, Style style);

/// Writes what is not written yet, before other output or long work.
void flush_results();

/// Names what stays although its result may be lost: "out/resnet-50". Call it before printing that
/// result.
void record_complete(std::string what);

/// Throws ReaderGone where the reader of standard output is gone. For work that makes nothing but
/// results.
void require_reader();

/// Ends the results of the program, and reports those that are lost. Returns the exit code, at
/// least 1 where some are lost.
int finish_results(int code);

}  // namespace weightlift
