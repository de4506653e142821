#include "weightlift/cli/program.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <exception>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/command_tree.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/results.h"
#include "weightlift/cli/signals.h"
#include "weightlift/cli/terminal.h"
#include "weightlift/cli/words.h"
#include "weightlift/version.h"

namespace weightlift {
namespace {

const CLI::App& chosen_command(const CLI::App& app) {
  return app.get_subcommands().empty() ? app : *app.get_subcommands().front();
}

Hints see_help(const CLI::App& app) {
  const CLI::App& command = chosen_command(app);
  return advice(&command == &app ? "see weightlift --help"
                                 : fmt::format("see weightlift {} --help", command.get_name()));
}

UsageError unknown_option(const CLI::App& app, const std::string& word) {
  std::vector<std::string> known;
  for (const auto* part : {&chosen_command(app), &app}) {
    for (const CLI::Option* option : part->get_options()) {
      for (const std::string& name : option->get_lnames()) known.push_back(name);
    }
  }
  // Compared without dashes: "--labels" and "--help" have only those in common.
  std::vector<std::string> near =
      nearest(word.substr(std::min(word.find_first_not_of('-'), word.size())), known, 1);
  for (std::string& name : near) name.insert(0, "--");
  Hints hints = did_you_mean(near);
  if (hints.empty()) hints = see_help(app);
  return {"", fmt::format("unknown option '{}'", printable(word)), std::move(hints)};
}

/// An unknown option or command, with the nearest spelling, or an unexpected argument.
UsageError describe_unknown(const CLI::App& app, const std::vector<std::string>& extras) {
  const std::string word = extras.front().substr(0, extras.front().find('='));
  if (word.starts_with('-')) return unknown_option(app, word);
  if (&chosen_command(app) == &app) return unknown_command(app, word);
  return {"", fmt::format("unexpected argument '{}'", printable(word)), see_help(app)};
}

/// For before the parser runs, and where it fails.
bool wants_json(std::span<char*> arguments) {
  return std::ranges::any_of(arguments,
                             [](const char* word) { return std::string_view(word) == "--json"; });
}

int report_usage(const UsageError& error, const CLI::App& app, bool json) {
  log_error(error);
  const CLI::App& command = chosen_command(app);
  const std::string type = &command == &app ? "weightlift" : command.get_name();
  if (json) print_json(failure_json({type}, error));
  return static_cast<int>(ExitCode::kUsage);
}

/// The exit code where the parser ends the program, -1 where the command must run.
int parse(CLI::App& app, std::span<char*> arguments) {
  const bool json = wants_json(arguments);
  try {
    app.parse(static_cast<int>(arguments.size()), arguments.data());
  } catch (const CLI::CallForHelp&) {
    put_text(app.help());
    return 0;
  } catch (const CLI::CallForVersion& version) {
    put("{}\n", version.what());
    return 0;
  } catch (const CLI::ExtrasError&) {
    return report_usage(describe_unknown(app, app.remaining(true)), app, json);
  } catch (const CLI::ParseError& error) {
    // CLI11 reports a missing argument before an unknown option; the option is the cause.
    const std::vector<std::string> extras = app.remaining(true);
    const UsageError plain("", printable(error.what(), 400), see_help(app));
    return report_usage(extras.empty() ? plain : describe_unknown(app, extras), app, json);
  }
  return -1;
}

/// `weightlift help [COMMAND]`
Action add_help(CLI::App& app) {
  auto* command = app.add_subcommand("help", "Show the help of a command");
  auto topic = std::make_shared<std::string>();
  command->add_option("COMMAND", *topic, "Command to explain");
  add_examples(*command, {"weightlift help", "weightlift help convert"});
  return [topic, &app] {
    return run_reporting({"help"}, false, [&] {
      if (topic->empty()) {
        // app.help() returns the help of the chosen command.
        const auto formatter = app.get_formatter();
        put_text(formatter->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal));
        return 0;
      }
      put_text(find_command(app, *topic).help(app.get_name()));
      return 0;
    });
  };
}

Action add_version(CLI::App& app) {
  auto* command = app.add_subcommand("version", "Show the version");
  add_examples(*command, {"weightlift version"});
  return [] {
    put("weightlift {}\n", version());
    return 0;
  };
}

int run(std::span<char*> arguments) {
  CLI::App app("Convert timm checkpoints into transformers models, verified bit for bit.",
               "weightlift");
  app.formatter(help_formatter());  // before the commands, which inherit it
  app.set_version_flag("--version", fmt::format("weightlift {}", version()));
  app.require_subcommand(1);
  app.fallthrough();
  bool quiet = false;
  bool verbose = false;
  std::string log_file;
  app.add_flag("-q,--quiet", quiet, "Print only errors on stderr");
  app.add_flag("-v,--verbose", verbose, "Print each pair of operations and each difference");
  app.add_option("--log-file", log_file, "Append messages to a file, with time and level")
      ->type_name("FILE");
  const std::vector<std::pair<std::string, Action>> actions = {{"convert", add_convert(app)},
                                                               {"batch", add_batch(app)},
                                                               {"verify", add_verify(app)},
                                                               {"diff", add_diff(app)},
                                                               {"inspect", add_inspect(app)},
                                                               {"models", add_models(app)},
                                                               {"preprocess", add_preprocess(app)},
                                                               {"classify", add_classify(app)},
                                                               {"evaluate", add_evaluate(app)},
                                                               {"pull", add_pull(app)},
                                                               {"push", add_push(app)},
                                                               {"env", add_env(app)},
                                                               {"completion", add_completion(app)},
                                                               {"man", add_man(app)},
                                                               {"version", add_version(app)},
                                                               {"help", add_help(app)}};
  const int done = parse(app, arguments);
  if (done >= 0) return done;
  set_log_level(quiet ? LogLevel::kQuiet : verbose ? LogLevel::kVerbose : LogLevel::kNormal);
  const Subject subject = {chosen_command(app).get_name()};
  const int opened = run_reporting(subject, wants_json(arguments), [&] {
    if (!log_file.empty()) open_log_file(log_file);
    return 0;
  });
  if (opened != 0) return opened;
  guard_mapped_files();
  const auto chosen = std::ranges::find_if(
      actions, [&](const auto& action) { return app.got_subcommand(action.first); });
  return chosen->second();
}

}  // namespace

int run_program(std::span<char*> arguments) noexcept {
  try {
    hold_standard_descriptors();
    ignore_output_signals();
    set_words(program_words());
    return finish_results(run(arguments));
  } catch (const std::exception& error) {
    // What run_reporting does not report: failures before a command's work, and of its reports.
    try {
      log_error(*to_error(error));
      return finish_results(exit_code(error));
    } catch (const std::exception&) {  // no memory for a message
      write_stderr("weightlift: error: out of memory\n");
      return static_cast<int>(ExitCode::kNoMemory);
    }
  }
}

}  // namespace weightlift
