#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weightlift {

/// Whether a stream (STDOUT_FILENO, STDERR_FILENO) is a terminal that understands escape sequences:
/// TERM=dumb does not.
bool is_terminal(int stream);

/// Whether text on the stream has colors: NO_COLOR disables them, FORCE_COLOR enables them, else
/// only a terminal has them.
bool has_color(int stream);

/// Whether bars and counters may be drawn on standard error: a terminal, not quiet, and
/// HF_HUB_DISABLE_PROGRESS_BARS is not set.
bool draws_progress();

/// The current number of columns of standard error's terminal, 80 where it is unknown.
std::size_t terminal_width();

enum class Style { kPlain, kBold, kRed, kYellow, kDim };

/// The text in a style where the stream has colors, else unchanged.
std::string styled(std::string_view text, Style style, int stream);

/// At most `columns` characters of the text, "..." in the place of its middle. Counts code points.
std::string shortened(std::string_view text, std::size_t columns);

/// Code points of the text.
std::size_t columns_of(std::string_view text);

/// Writes all bytes to standard error or drops them: a lost terminal must not end the program.
void write_stderr(std::string_view text) noexcept;

}  // namespace weightlift
