// Streams that do not take the program's output: no work ends for that, and no result is lost
// without an error.

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>

#include "tests/cli/program.h"
#include "tests/support/hub_server.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::DigitsRoom;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HubServer;
using testing::names_in;
using ::testing::Not;
using testing::Outcome;
using testing::Room;
using testing::write_file;

/// A descriptor of this process, for a child's stream.
class Stream {
 public:
  static Stream to(const char* path) { return Stream(::open(path, O_WRONLY | O_CLOEXEC)); }
  /// A pipe whose reader is gone.
  static Stream without_reader() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    ::close(ends[0]);
    return Stream(ends[1]);
  }
  ~Stream() { ::close(number_); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  int number() const { return number_; }

 private:
  explicit Stream(int number) : number_(number) { EXPECT_GE(number, 0); }
  int number_;
};

/// The command with one of its streams closed: "1" or "2".
std::vector<std::string> with_closed(const std::string& stream,
                                     const std::vector<std::string>& command) {
  std::vector<std::string> all = {"/bin/sh", "-c", "exec \"$@\" " + stream + ">&-", "sh"};
  all.insert(all.end(), command.begin(), command.end());
  return all;
}

Outcome run_on_full_disk(const std::vector<std::string>& arguments) {
  const Stream full = Stream::to("/dev/full");
  return testing::Process(testing::weightlift(arguments), full.number()).wait();
}

/// Every command, with arguments that make it print something.
class OutputTest : public ::testing::Test {
 protected:
  struct Command {
    std::vector<std::string> words;
    int exit_code = 0;
    std::vector<fs::path> makes = {};  ///< must be complete after each run
  };

  OutputTest() {
    digits.save("exam/three/a.png", "three");
    server.add_repo("alice/net", room.source());
    ::setenv("HF_ENDPOINT", server.url().c_str(), 1);
    ::setenv("HF_HOME", (room.dir / "home").c_str(), 1);
    ::setenv("HF_TOKEN", testing::kAliceWrite, 1);
    testing::small_checkpoint().write_folder(room.dir / "in/next");
    testing::small_checkpoint(LayerType::kBasic, 2).write_folder(room.dir / "in/other");
  }
  ~OutputTest() override {
    for (const char* name : {"HF_ENDPOINT", "HF_HOME", "HF_TOKEN"}) ::unsetenv(name);
  }

  std::vector<Command> commands() const {
    const std::string model = digits.dir / "digits", exam = digits.dir / "exam";
    const std::string image = digits.dir / "exam/three/a.png", source = room.source();
    const std::string next = room.dir / "in/next", other = room.dir / "in/other";
    const std::string pixels = room.dir / "pixels.safetensors", rows = room.dir / "rows.csv";
    const std::vector<fs::path> folder = {room.folder()};
    return {
        {{"--help"}},
        {{"--version"}},
        {{"help", "convert"}},
        {{"convert", "--help"}},
        {{"version"}},
        {{"env"}},
        {{"env", "--json"}},
        {{"models"}},
        {{"models", "--json"}},
        {{"inspect", source}},
        {{"inspect", source, "--json"}},
        {{"diff", source, next}},
        {{"diff", source, other, "--json"}, 4},
        {{"verify", source, other}, 4},
        {{"verify", source, next, "--json"}},
        {{"classify", model, image}},
        {{"classify", model, digits.dir / "exam/three", image, "--json"}},
        {{"evaluate", model, exam}},
        {{"evaluate", model, exam, "--json", "--per-image", rows}, 0, {rows}},
        {{"preprocess", model, image, "-o", pixels}, 0, {pixels}},
        {{"convert", source, "-o", room.out(), "--force", "-v"}, 0, folder},
        {{"convert", source, "-o", room.out(), "--force", "--report", "-"}, 0, folder},
        {{"convert", source, "missing", next, "-o", room.out(), "--force", "--json"},
         3,
         {room.folder(), room.dir / "out/next"}},
        {{"convert", source, "-o", room.out(), "--force", "--push-to-hub"}, 0, folder},
        {{"pull", "alice/net", "--local-dir", room.dir / "net"}, 0, {room.dir / "net"}},
        {{"push", source, "alice/pushed", "--dry-run"}},
        {{"push", source, "alice/pushed", "--json"}},
        {{"nosuch", "--json"}, 2},
        {{"inspect", "missing.pth", "--json"}, 3},
    };
  }

  static void remove(const Command& command) {
    for (const fs::path& made : command.makes) fs::remove_all(made);
  }

  /// Checks that the command did its work, and that no signal ended it.
  static void expect_done(const Command& command, const Outcome& outcome, int exit_code) {
    EXPECT_EQ(outcome.signal, 0);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    for (const fs::path& made : command.makes) {
      EXPECT_TRUE(fs::exists(made)) << made;
      if (!fs::is_directory(made)) continue;
      EXPECT_THAT(names_in(made), ::testing::IsSupersetOf({"config.json", "model.safetensors"}));
      for (const std::string& name : names_in(made.parent_path())) {
        EXPECT_THAT(name, Not(HasSubstr("weightlift-")));
      }
    }
  }

  Room room;
  DigitsRoom digits;
  HubServer server;
};

TEST_F(OutputTest, StandardOutputThatTakesNothingIsOneErrorAfterTheWork) {
  const Stream full = Stream::to("/dev/full");
  for (const Command& command : commands()) {
    const std::vector<std::string> program = testing::weightlift(command.words);
    const std::string words = fmt::format("{}", fmt::join(command.words, " "));
    for (const bool closed : {false, true}) {
      SCOPED_TRACE(words + (closed ? " >&-" : " >/dev/full"));
      remove(command);
      const Outcome outcome = closed ? testing::run_program(with_closed("1", program))
                                     : testing::Process(program, full.number()).wait();
      expect_done(command, outcome, std::max(1, command.exit_code));
      EXPECT_THAT(outcome.err, HasSubstr("weightlift: error: standard output: cannot write: "));
    }
  }
}

TEST_F(OutputTest, StandardErrorThatTakesNothingChangesNothing) {
  const Stream full = Stream::to("/dev/full");
  const Stream lost = Stream::without_reader();
  for (const Command& command : commands()) {
    const std::vector<std::string> program = testing::weightlift(command.words);
    const std::string words = fmt::format("{}", fmt::join(command.words, " "));
    for (const Stream* stream : {&full, &lost, static_cast<const Stream*>(nullptr)}) {
      SCOPED_TRACE(words + (stream == &full   ? " 2>/dev/full"
                            : stream == &lost ? " 2>lost"
                                              : " 2>&-"));
      remove(command);
      const Outcome outcome = stream == nullptr
                                  ? testing::run_program(with_closed("2", program))
                                  : testing::Process(program, -1, stream->number()).wait();
      expect_done(command, outcome, command.exit_code);
      EXPECT_NE(outcome.out, "");
    }
  }
}

TEST_F(OutputTest, ALostReaderEndsWith141AfterTheWork) {
  const Stream lost = Stream::without_reader();
  for (const sighandler_t action : {SIG_DFL, SIG_IGN}) {
    const sighandler_t before = std::signal(SIGPIPE, action);
    for (const Command& command : commands()) {
      SCOPED_TRACE(fmt::format("{}", fmt::join(command.words, " ")));
      remove(command);
      const Outcome outcome =
          testing::Process(testing::weightlift(command.words), lost.number()).wait();
      expect_done(command, outcome, 141);
      EXPECT_THAT(outcome.err, Not(HasSubstr("cannot write")));
    }
    std::signal(SIGPIPE, before);
  }
}

TEST(ResultTest, NamesWhatIsCompleteWhereItsResultIsLost) {
  const Room room;
  testing::small_checkpoint().write_folder(room.dir / "in/next");
  for (const char* option : {"--force", "--json"}) {
    fs::remove_all(room.out());
    EXPECT_EQ(
        run_on_full_disk({"convert", room.source(), "-o", room.out(), "-q", option}).err,
        fmt::format("weightlift: error: standard output: cannot write: No space left on device; "
                    "{} is complete; the result could not be printed\n",
                    room.folder().string()));
  }
  const Outcome two = run_on_full_disk(
      {"convert", room.source(), room.dir / "in/next", "-o", room.out(), "-q", "--force"});
  EXPECT_EQ(two.exit_code, 1);
  EXPECT_EQ(
      two.err,
      fmt::format("weightlift: error: standard output: cannot write: No space left on device; "
                  "{}, {} are complete; the results could not be printed\n",
                  room.folder().string(), (room.dir / "out/next").string()));
  EXPECT_THAT(names_in(room.out()), ElementsAre("next", "small"));
}

TEST(ResultTest, AFullDiskDoesNotEndAListOfImages) {
  const DigitsRoom room;
  const std::string image = room.save("a.png", "one");
  write_file(room.dir / "b.png", "no image");
  const Outcome outcome =
      run_on_full_disk({"classify", room.dir / "digits", image, room.dir / "b.png"});
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("b.png: "), HasSubstr("cannot write")));
}

TEST(ResultTest, AReaderThatIsGoneEndsAListOfImages) {
  const DigitsRoom room;
  const std::string image = room.save("a.png", "one");
  write_file(room.dir / "b.png", "no image");
  const Stream lost = Stream::without_reader();
  const Outcome outcome =
      testing::Process(
          testing::weightlift({"classify", room.dir / "digits", image, room.dir / "b.png", "-q"}),
          lost.number())
          .wait();
  EXPECT_EQ(outcome.exit_code, 141);
  EXPECT_EQ(outcome.err, "");
}

// Some callers make their end of a pipe non-blocking: a full one is no error.
TEST(ResultTest, WaitsForAPipeThatDoesNotBlock) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
  ASSERT_EQ(::fcntl(ends[0], F_SETFL, 0), 0);
  ASSERT_GT(::fcntl(ends[1], F_SETPIPE_SZ, 4096), 0);
  testing::Process program(testing::weightlift({"models", "--json"}), ends[1]);
  ::close(ends[1]);
  std::string text;
  std::array<char, 1024> piece{};
  for (ssize_t got = 0; (got = ::read(ends[0], piece.data(), piece.size())) > 0;) {
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(ends[0]);
  EXPECT_EQ(program.wait().exit_code, 0);
  EXPECT_EQ(text, testing::run_weightlift({"models", "--json"}).out);
}

}  // namespace
}  // namespace weightlift
