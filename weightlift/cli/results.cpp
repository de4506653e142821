#include "weightlift/cli/results.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/log.h"
#include "weightlift/error.h"

namespace weightlift {

namespace {

constexpr std::size_t kFlushBytes = std::size_t{1} << 16;

struct ResultStream {
  std::string waiting;
  int error = 0;                      ///< errno of the first failed write; the rest is dropped
  std::vector<std::string> complete;  ///< what stays, since the last successful write
};

ResultStream& result_stream() {
  static ResultStream stream;
  return stream;
}

/// errno of a failed write, 0 for success.
int write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno == EAGAIN) {  // the caller's end of a pipe does not block
      pollfd output{STDOUT_FILENO, POLLOUT, 0};
      ::poll(&output, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

/// A terminal shows each line at once, in order with the messages.
void write_soon(std::string_view text) {
  ResultStream& stream = result_stream();
  if (stream.error != 0) return;
  stream.waiting += text;
  if (stream.waiting.size() >= kFlushBytes || ::isatty(STDOUT_FILENO) == 1) flush_results();
}

/// "out/a is complete; the result could not be printed"
Hints describe_complete(const std::vector<std::string>& names) {
  if (names.empty()) return {};
  const bool one = names.size() == 1;
  return advice(fmt::format("{} {} complete; the result{} could not be printed", first_of(names),
                            one ? "is" : "are", one ? "" : "s"));
}

}  // namespace

void put_text(std::string_view text) {
  std::string escaped;
  for (std::size_t end = 0; (end = text.find('\n')) != text.npos; text.remove_prefix(end + 1)) {
    escaped += printable(text.substr(0, end), end) + "\n";
  }
  write_soon(escaped + printable(text, text.size()));
}

void put_line(std::string_view text, Style style) {
  write_soon(styled(printable(text, text.size()), style, STDOUT_FILENO) + "\n");
}

void flush_results() {
  ResultStream& stream = result_stream();
  if (stream.waiting.empty()) return;
  if (stream.error == 0) stream.error = write_all(stream.waiting);
  stream.waiting.clear();
  if (stream.error == 0) stream.complete.clear();
}

void record_complete(std::string what) {
  flush_results();
  result_stream().complete.push_back(std::move(what));
}

void require_reader() {
  if (result_stream().error == EPIPE) throw ReaderGone("standard output", "the reader is gone");
}

int finish_results(int code) {
  flush_results();
  const ResultStream& stream = result_stream();
  if (stream.error == 0) return code;
  // Such a reader, like head, has all that it wants.
  if (stream.error == EPIPE) return worse(code, static_cast<int>(ExitCode::kReaderGone));
  log_error(IoError("standard output",
                    fmt::format("cannot write: {}", std::generic_category().message(stream.error)),
                    describe_complete(stream.complete)));
  return worse(code, static_cast<int>(ExitCode::kInternal));
}

}  // namespace weightlift
