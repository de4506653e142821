#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <exception>
#include <string>
#include <system_error>
#include <vector>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/nearest.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"

namespace weightlift {
namespace {

const CLI::App& chosen_command(const CLI::App& app) {
  return app.get_subcommands().empty() ? app : *app.get_subcommands().front();
}

/// "; see weightlift convert --help"
std::string help_advice(const CLI::App& app) {
  const CLI::App& command = chosen_command(app);
  return &command == &app ? "; see weightlift --help"
                          : fmt::format("; see weightlift {} --help", command.get_name());
}

/// A word that nothing was made of: an unknown flag or command, with the nearest spelling, or an
/// argument too many.
std::string describe_unknown(const CLI::App& app, const std::vector<std::string>& extras) {
  const CLI::App* command = &chosen_command(app);
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
  const std::string help = help_advice(app);
  const std::string advice = near.empty() ? help : fmt::format("; did you mean {}?", near.front());
  if (word.starts_with('-')) {
    return fmt::format("{}: expected a flag, got one that is not known{}", printable(word), advice);
  }
  if (command != &app) {
    return fmt::format("{}: expected no further argument, got one too many{}", printable(word),
                       help);
  }
  return fmt::format("{}: expected a command, got one that is not known{}", printable(word),
                     advice);
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
    log_error(extras.empty() ? error.what() + help_advice(app) : describe_unknown(app, extras));
    return kUsage;
  }
  return -1;
}

int run(int argc, char** argv) {
  CLI::App app("Convert timm's ResNet checkpoints into transformers folders, verified.",
               "weightlift");
  app.formatter(help_formatter());  // before the commands, which take it over
  app.set_version_flag("--version", "weightlift " WEIGHTLIFT_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  bool quiet = false;
  bool verbose = false;
  app.add_flag("-q,--quiet", quiet, "Errors only on stderr");
  app.add_flag("-v,--verbose", verbose, "Print each pair of operations, each difference");
  const std::vector<std::pair<std::string, Action>> actions = {
      {"convert", add_convert(app)},   {"verify", add_verify(app)},
      {"diff", add_diff(app)},         {"inspect", add_inspect(app)},
      {"models", add_models(app)},     {"preprocess", add_preprocess(app)},
      {"classify", add_classify(app)}, {"evaluate", add_evaluate(app)},
      {"pull", add_pull(app)},         {"push", add_push(app)}};
  const int done = parse(app, argc, argv);
  if (done >= 0) return done;
  set_log_level(quiet ? LogLevel::kQuiet : verbose ? LogLevel::kVerbose : LogLevel::kNormal);
  guard_mapped_files();
  std::signal(SIGXFSZ, SIG_IGN);  // a file beyond the limit is an error of write(2), which is said
  const auto chosen = std::ranges::find_if(
      actions, [&](const auto& action) { return app.got_subcommand(action.first); });
  const int code = chosen->second();
  flush_results();
  return code;
}

}  // namespace
}  // namespace weightlift

int main(int argc, char** argv) {
  try {
    weightlift::hold_standard_descriptors();
    return weightlift::run(argc, argv);
  } catch (const weightlift::Error& error) {
    weightlift::log_error(error.what());
    return weightlift::exit_code(error);
  } catch (const std::system_error& error) {
    weightlift::log_error(error.what());
    return static_cast<int>(weightlift::ExitCode::kBadInput);
  } catch (const std::exception& error) {
    weightlift::log_error(fmt::format("internal error, please report it: {}", error.what()));
    return weightlift::exit_code(error);
  }
}
