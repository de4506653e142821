#include "tests/cli/program.h"

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <sstream>

namespace weightlift::testing {

std::vector<std::string> weightlift(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), WEIGHTLIFT_PROGRAM);
  return arguments;
}

Outcome run_weightlift(const std::vector<std::string>& arguments) {
  return run_program(weightlift(arguments));
}

Outcome run_with_terminal(const std::vector<std::string>& command) {
  int master = -1;
  int slave = -1;
  EXPECT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  Outcome outcome = Process(command, -1, slave).wait();
  ::close(slave);
  std::array<char, 4096> piece{};
  for (ssize_t got = 0; (got = ::read(master, piece.data(), piece.size())) > 0;) {
    outcome.err.append(piece.data(), static_cast<std::size_t>(got));
  }
  ::close(master);
  return outcome;
}

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    values.push_back(nlohmann::json::parse(line, nullptr, false));
    EXPECT_FALSE(values.back().is_discarded()) << line;
  }
  return values;
}

std::vector<std::string> all_commands() {
  std::istringstream lines(run_weightlift({"--help"}).out);
  std::vector<std::string> commands;
  bool listed = false;
  for (std::string line; std::getline(lines, line);) {
    if (listed && line.starts_with("  ") && line[2] != ' ') {
      commands.push_back(line.substr(2, line.find(' ', 2) - 2));
    }
    listed = listed || line == "Subcommands:" || line == "SUBCOMMANDS:";  // by CLI11's version
  }
  return commands;
}

std::string help_of(const std::string& command) {
  const Outcome help = run_weightlift({command, "--help"});
  EXPECT_EQ(help.exit_code, 0) << command;
  EXPECT_EQ(help.err, "") << command;
  return help.out;
}

std::vector<std::string> options_in(const std::string& help) {
  std::istringstream lines(help);
  std::vector<std::string> options;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("  -")) continue;
    std::istringstream names(line.substr(2, line.find(' ', 2) - 2));
    for (std::string name; std::getline(names, name, ',');) options.push_back(name);
  }
  return options;
}

int count_errors(const std::string& err) {
  int count = 0;
  std::istringstream lines(err);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("weightlift: error: ")) ++count;
  }
  return count;
}

DigitsRoom::DigitsRoom() {
  run_weightlift(
      {"convert", WEIGHTLIFT_SOURCE_DIR "/examples/digits", "-o", dir.path(), "--no-verify"});
}

Outcome DigitsRoom::run(const std::string& command,
                        const std::vector<std::string>& arguments) const {
  std::vector<std::string> all = {command, dir / "digits"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_weightlift(all);
}

std::string DigitsRoom::save(const std::string& name, const std::string& digit) const {
  write_file(dir / name,
             read_file(WEIGHTLIFT_SOURCE_DIR "/examples/digits/images/" + digit + ".png"));
  return dir / name;
}

}  // namespace weightlift::testing
