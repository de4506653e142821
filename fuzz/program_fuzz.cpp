// The whole program on any files: inspect and convert end with a documented exit code other than
// that of a fault of weightlift, print JSON, and leave a complete folder or nothing. An input is
// files, each as a line with its name, then its bytes; a single file is the source itself.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/round_trip.h"
#include "weightlift/base/file.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/program.h"

namespace {

using namespace weightlift;
using fuzzing::require;
namespace fs = std::filesystem;

constexpr std::string_view kBetween = "\n--file--\n";
constexpr std::array<std::string_view, 8> kNames = {
    "config.json",   "model.safetensors", "pytorch_model.bin", "model.safetensors.index.json",
    "a.safetensors", "b.safetensors",     "model.pth",         "preprocessor_config.json"};

/// Standard output becomes memory, so that a run can be read.
int take_output() {
  const int memory = ::memfd_create("weightlift-fuzz", MFD_CLOEXEC);
  require(memory >= 0 && ::dup2(memory, STDOUT_FILENO) == STDOUT_FILENO);
  return memory;
}

std::string read_output(int memory) {
  std::string text(static_cast<std::size_t>(::lseek(memory, 0, SEEK_END)), '\0');
  require(::pread(memory, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
  require(::ftruncate(memory, 0) == 0 && ::lseek(memory, 0, SEEK_SET) == 0);
  return text;
}

/// Runs a command with --json. Returns its exit code.
ExitCode run(std::vector<std::string> arguments) {
  static const int output = take_output();
  arguments.insert(arguments.begin(), "weightlift");
  arguments.insert(arguments.end(), {"--json", "--quiet"});
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  const auto code = static_cast<ExitCode>(run_program(words));
  constexpr std::array kExpected = {ExitCode::kOk, ExitCode::kUsage, ExitCode::kBadInput,
                                    ExitCode::kDifferent, ExitCode::kNoMemory};
  require(std::ranges::find(kExpected, code) != kExpected.end());
  const std::string text = read_output(output);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    require(end != std::string::npos && nlohmann::json::accept(text.substr(at, end - at)));
    at = end + 1;
  }
  return code;
}

/// Returns the source: the folder, or its only file.
fs::path write_source(std::string_view text, const fs::path& folder) {
  fs::create_directory(folder);
  fs::path last;
  int count = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(kBetween), text.size());
    const std::string_view file = text.substr(0, end);
    const std::size_t line = std::min(file.find('\n'), file.size());
    const std::string_view name = file.substr(0, line);
    if (std::ranges::find(kNames, name) != kNames.end()) {
      last = folder / name;
      write_atomically(last, file.substr(std::min(line + 1, file.size())));
      ++count;
    }
    text.remove_prefix(std::min(end + kBetween.size(), text.size()));
  }
  return count == 1 ? last : folder;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fs::path folder = fuzzing::make_folder();
  const fs::path source =
      write_source({reinterpret_cast<const char*>(data), size}, folder / "model");
  run({"inspect", source});
  const bool converted = run({"convert", source, "-o", folder / "out", "--name", "m", "--threads",
                              "1"}) == ExitCode::kOk;
  require(fs::exists(folder / "out") == converted);
  if (converted) {
    require(std::distance(fs::directory_iterator(folder / "out"), {}) == 1);
    require(run({"inspect", folder / "out/m"}) == ExitCode::kOk);
  }
  fs::remove_all(folder);
  return 0;
}
