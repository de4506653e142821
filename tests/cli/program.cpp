#include "tests/cli/program.h"

#include <gtest/gtest.h>

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

std::vector<nlohmann::json> json_lines(const std::string& text) {
  std::vector<nlohmann::json> values;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    values.push_back(nlohmann::json::parse(line, nullptr, false));
    EXPECT_FALSE(values.back().is_discarded()) << line;
  }
  return values;
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
