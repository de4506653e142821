#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::Room;

/// The program on a terminal of its own.
class OnTerminal {
 public:
  OnTerminal(const std::vector<std::string>& arguments, unsigned short columns,
             const std::vector<std::string>& environment = {}, bool ignores_hangup = false) {
    winsize size{};
    size.ws_col = columns;
    size.ws_row = 24;
    std::vector<std::string> words = {"/usr/bin/env", "-u", "NO_COLOR", "TERM=xterm"};
    words.insert(words.end(), environment.begin(), environment.end());
    for (const std::string& word : testing::weightlift(arguments)) words.push_back(word);
    std::vector<char*> pointers;
    for (std::string& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    process_ = ::forkpty(&terminal_, nullptr, nullptr, &size);
    if (process_ == 0) {
      if (ignores_hangup) ::signal(SIGHUP, SIG_IGN);
      ::execv(pointers[0], pointers.data());
      ::_exit(127);
    }
  }
  ~OnTerminal() { hang_up(); }
  OnTerminal(const OnTerminal&) = delete;
  OnTerminal& operator=(const OnTerminal&) = delete;

  /// All that the program writes, or as much as has `until` in it.
  std::string read(const std::string& until = "") {
    std::string text;
    std::array<char, 4096> piece{};
    while (until.empty() || text.find(until) == std::string::npos) {
      const ssize_t got = ::read(terminal_, piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;  // EIO: the program has ended
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
    return text;
  }
  void hang_up() {
    if (terminal_ >= 0) ::close(terminal_);
    terminal_ = -1;
  }
  /// Waits for the end: the exit code, 128 + the signal's number of a killed program.
  int wait() {
    int status = 0;
    ::waitpid(process_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  int terminal_ = -1;
  pid_t process_ = -1;
};

/// The lines that were drawn over each other, without escape sequences.
std::vector<std::string> drawn_lines(const std::string& text) {
  constexpr std::string_view kStart = "\r\033[K";
  std::vector<std::string> lines;
  for (std::size_t at = text.find(kStart); at != std::string::npos;) {
    const std::size_t begin = at + kStart.size();
    const std::size_t end = text.find_first_of("\r\n\033", begin);
    // A line that ends is a message or a result; the terminal makes "\r\n" of its end.
    const bool ends = end != std::string::npos && text.compare(end, 2, "\r\n") == 0;
    if (end != begin && !ends) lines.push_back(text.substr(begin, end - begin));
    at = text.find(kStart, begin);
  }
  return lines;
}

class TerminalTest : public ::testing::Test {
 protected:
  TerminalTest() {
    testing::small_checkpoint().write_folder(room_.dir / kLong);
    testing::small_checkpoint().write_folder(room_.dir / "short");
  }
  static constexpr const char* kLong =
      "a-checkpoint-whose-name-is-longer-than-a-narrow-terminal-is-wide-by-many-columns";
  std::vector<std::string> convert_two() const {
    return {"convert", room_.dir / "short", room_.dir / kLong, "-o", room_.out()};
  }
  Room room_;
};

TEST_F(TerminalTest, ProgressFitsTheTerminal) {
  for (const unsigned short columns : std::array<unsigned short, 3>{20, 60, 200}) {
    std::vector<std::string> arguments = convert_two();
    arguments.emplace_back("--force");
    OnTerminal program(arguments, columns);
    const std::string text = program.read();
    EXPECT_EQ(program.wait(), 0) << text;
    const std::vector<std::string> lines = drawn_lines(text);
    ASSERT_FALSE(lines.empty()) << text;
    for (const std::string& line : lines) EXPECT_LT(line.size(), columns) << line;
    if (columns == 200) {
      EXPECT_THAT(lines, ::testing::Contains(::testing::StartsWith("[2/2] "))) << text;
    }
    EXPECT_THAT(text, HasSubstr("2 converted, 0 failed in "));
  }
}

TEST_F(TerminalTest, BarsCanBeDisabled) {
  OnTerminal program(convert_two(), 80, {"HF_HUB_DISABLE_PROGRESS_BARS=1"});
  const std::string text = program.read();
  EXPECT_EQ(program.wait(), 0) << text;
  EXPECT_TRUE(drawn_lines(text).empty()) << text;
}

TEST_F(TerminalTest, DumbTerminalsGetPlainText) {
  OnTerminal program({"convert", "nosuch.pth", "-o", room_.out()}, 80, {"TERM=dumb"});
  EXPECT_THAT(program.read(), Not(HasSubstr("\033")));
  EXPECT_EQ(program.wait(), 3);
}

TEST_F(TerminalTest, ErrorsAreRed) {
  OnTerminal program({"convert", "nosuch.pth", "-o", room_.out()}, 80);
  EXPECT_THAT(program.read(), HasSubstr("\033[1;31merror:\033[0m"));
  EXPECT_EQ(program.wait(), 3);
}

TEST_F(TerminalTest, HangUpIsExit129) {
  std::vector<std::string> arguments = convert_two();
  arguments.insert(arguments.end(), {"--samples", "1000"});
  OnTerminal program(arguments, 80);
  program.read("verify");
  program.hang_up();
  EXPECT_EQ(program.wait(), 129);
  EXPECT_FALSE(std::filesystem::exists(room_.dir / "out/short"));
}

TEST_F(TerminalTest, ALostTerminalIsNoReasonToEndWhereHangUpIsIgnored) {
  std::vector<std::string> arguments = convert_two();
  arguments.insert(arguments.end(), {"--samples", "2", "--json"});
  OnTerminal program(arguments, 80, {}, true);
  program.read("verify");
  program.hang_up();
  // Standard output was also the terminal: the results are lost, the folders are not.
  EXPECT_EQ(program.wait(), 1);
  EXPECT_TRUE(std::filesystem::exists(room_.dir / "out/short/config.json"));
  EXPECT_TRUE(std::filesystem::exists(room_.dir / "out" / kLong / "config.json"));
}

TEST_F(TerminalTest, ProgressShowsNoEscapeSequencesOfNames) {
  const std::string hostile = "a\x1b[31mb";
  testing::small_checkpoint().write_folder(room_.dir / hostile);
  OnTerminal program({"convert", room_.dir / hostile, room_.dir / "short", "-o", room_.out()}, 200);
  const std::string text = program.read();
  EXPECT_EQ(program.wait(), 0);
  EXPECT_THAT(text, HasSubstr("a\\x1b[31mb"));
  EXPECT_THAT(text, Not(HasSubstr(hostile)));
}

}  // namespace
}  // namespace weightlift
