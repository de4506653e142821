#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <string>
#include <vector>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/nearest.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/progress.h"

namespace weightlift {
namespace {

/// A flag that no command has, with the nearest spelling of those that it has.
std::string describe_unknown(const CLI::App& app, const std::vector<std::string>& extras) {
  const CLI::App* command = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
  const std::string word = extras.front().substr(0, extras.front().find('='));
  std::vector<std::string> known;
  if (word.starts_with('-')) {
    for (const auto* part : {command, &app}) {
      for (const CLI::Option* option : part->get_options()) {
        for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
      }
    }
  } else {
    for (const CLI::App* part : app.get_subcommands({})) known.push_back(part->get_name());
  }
  const std::vector<std::string> near = nearest(word, known, 1);
  return fmt::format("{}: expected {}, got one that is not known{}", printable(word),
                     word.starts_with('-') ? "a flag" : "a command",
                     near.empty() ? fmt::format("; see weightlift {}{}--help",
                                                command == &app ? "" : command->get_name(),
                                                command == &app ? "" : " ")
                                  : fmt::format("; did you mean {}?", near.front()));
}

int parse(CLI::App& app, int argc, char** argv) {
  constexpr int kUsage = static_cast<int>(ExitCode::kUsage);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ExtrasError&) {
    log_error(describe_unknown(app, app.remaining(true)));
    return kUsage;
  } catch (const CLI::ParseError& error) {
    // CLI11 reports a missing argument before a flag it does not know; the flag is the cause.
    const std::vector<std::string> extras = app.remaining(true);
    log_error(extras.empty() ? fmt::format("{}; see weightlift --help", error.what())
                             : describe_unknown(app, extras));
    return kUsage;
  }
  return -1;
}

int run(int argc, char** argv) {
  CLI::App app("Convert timm's ResNet checkpoints into transformers folders, verified.",
               "weightlift");
  app.set_version_flag("--version", "weightlift " WEIGHTLIFT_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  bool quiet = false;
  bool verbose = false;
  app.add_flag("-q,--quiet", quiet, "Errors only on stderr");
  app.add_flag("-v,--verbose", verbose, "Print each pair of operations");
  const std::vector<std::pair<std::string, Action>> actions = {{"convert", add_convert(app)},
                                                               {"verify", add_verify(app)},
                                                               {"inspect", add_inspect(app)},
                                                               {"models", add_models(app)}};
  const int done = parse(app, argc, argv);
  if (done >= 0) return done;
  set_log_level(quiet ? LogLevel::kQuiet : verbose ? LogLevel::kVerbose : LogLevel::kNormal);
  guard_mapped_files();
  catch_signals();
  for (const auto& [name, action] : actions) {
    if (app.got_subcommand(name)) return action();
  }
  return static_cast<int>(ExitCode::kUsage);
}

}  // namespace
}  // namespace weightlift

int main(int argc, char** argv) {
  try {
    return weightlift::run(argc, argv);
  } catch (const weightlift::Error& error) {
    weightlift::log_error(error.what());
    return weightlift::exit_code(error);
  } catch (const std::exception& error) {
    weightlift::log_error(fmt::format("internal error, please report it: {}", error.what()));
    return weightlift::exit_code(error);
  }
}
