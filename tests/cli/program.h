#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "tests/support/folder.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"

namespace weightlift::testing {

/// The built program with these arguments, as a command to run.
std::vector<std::string> weightlift(std::vector<std::string> arguments);

/// Runs the program to its end.
Outcome run_weightlift(const std::vector<std::string>& arguments);

/// Runs a command whose standard error is a terminal; `err` is its text, with "\r\n" as line ends.
Outcome run_with_terminal(const std::vector<std::string>& command);

/// Each line of the text as JSON; a line that is not JSON fails the test.
std::vector<nlohmann::json> json_lines(const std::string& text);

/// All commands, as `weightlift --help` lists them.
std::vector<std::string> all_commands();

/// The text of `weightlift COMMAND --help`.
std::string help_of(const std::string& command);

/// The options in a help text: "-o", "--output".
std::vector<std::string> options_in(const std::string& help);

/// The number of error lines among the program's messages.
int count_errors(const std::string& err);

/// A directory with a small timm checkpoint in "in/small" and room for results in "out".
struct Room {
  Room() { small_checkpoint().write_folder(dir / "in/small"); }
  std::string source() const { return dir / "in/small"; }
  std::string out() const { return dir / "out"; }
  std::filesystem::path folder() const { return dir / "out/small"; }
  TempDir dir;
};

/// The converted network of examples/digits, and images of digits under any name.
struct DigitsRoom {
  DigitsRoom();
  /// Runs `weightlift COMMAND <the network's folder> ARGUMENTS`.
  Outcome run(const std::string& command, const std::vector<std::string>& arguments) const;
  /// Copies the image of a digit ("nine") to that name. Returns its path.
  std::string save(const std::string& name, const std::string& digit) const;
  TempDir dir;
};

}  // namespace weightlift::testing
