#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>

#include "weightlift/base/error.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/fetch.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"
#include "weightlift/convert/convert.h"

namespace weightlift {

namespace {

struct VerifyFlags {
  std::string source, folder, as;
  SourceHints hints;
  VerifyOptions options;
  bool json = false;
};

std::string describe(const SettingsComparison& settings) {
  std::string text;
  if (const auto& labels = settings.labels) {
    text += labels->different == 0
                ? fmt::format("  labels: equal ({})\n", with_commas(labels->classes))
                : fmt::format("  labels: {} of {} differ, the first {}: '{}' and '{}'\n",
                              with_commas(labels->different), with_commas(labels->classes),
                              labels->first, printable(labels->src), printable(labels->dest));
  }
  if (const auto& differences = settings.processor) {
    text += differences->empty()
                ? "  image processor: equal\n"
                : fmt::format("  image processor: differs: {}\n", fmt::join(*differences, ", "));
  }
  return text;
}

int run_verify(const VerifyFlags& flags) {
  catch_signals();
  FolderVerification verification;
  {
    const FetchedSource folder = fetch_one(flags.folder, Network::kPlain);
    const FetchedSource source = fetch_one(flags.source, Network::kPlain);
    SourceHints hints = flags.hints;
    hints.as = flags.as.empty() ? source.as : flags.as;
    TerminalProgress progress("");
    verification = verify_folder(source.path, hints, folder.path, flags.options, progress);
  }
  if (flags.json) {
    fmt::print("{}\n", to_result_json(verification));
  } else {
    fmt::print("{} and {}\n{}{}", printable(flags.source), printable(flags.folder),
               describe(verification.network), describe(verification.settings));
  }
  return static_cast<int>(verification.network.verified() ? ExitCode::kOk : ExitCode::kDifferent);
}

}  // namespace

namespace {

/// A number that can be a tolerance: NaN would let everything pass.
std::string check_tolerance(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const bool good = !text.empty() && *end == '\0' && std::isfinite(value) && value >= 0;
  return good ? "" : fmt::format("expected a number from 0 on, got '{}'", printable(text));
}

}  // namespace

void add_weights_key(CLI::App& command, std::string& weights_key) {
  command.add_option("--weights-key", weights_key,
                     "Which network of a file with several: the keys and prefix that lead to it, "
                     "joined by dots (state_dict.module.encoder_k)");
}

void add_network_options(CLI::App& command, SourceHints& hints) {
  add_weights_key(command, hints.weights_key);
  command.add_option("--head-key", hints.head_key,
                     "Module that is the classifier, where it is not fc (head.fc)");
  command
      .add_option(
          "--ignore", hints.ignore,
          "Glob of tensors that do not change the outputs, by the names that inspect prints "
          "(repeatable)")
      ->allow_extra_args(false);
}

void add_verify_options(CLI::App& command, VerifyOptions& options) {
  command.add_option("--samples", options.samples, "Random inputs to compare outputs on")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command.add_option("--seed", options.seed, "Seed of the random inputs")->capture_default_str();
  command
      .add_option("--rtol", options.rtol,
                  "What a change of dtype may cost the outputs, relative (torch.allclose)")
      ->check(check_tolerance);
  command.add_option("--atol", options.atol, "The same, absolute")->check(check_tolerance);
  command.add_option("--threads", options.threads, "Threads; 0: all cores")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
}

Action add_verify(CLI::App& app) {
  auto* command = app.add_subcommand("verify", "Hold a converted folder against its source");
  auto flags = std::make_shared<VerifyFlags>();
  command->add_option("SOURCE", flags->source, "Folder, weights file, name or repository of timm")
      ->required();
  command->add_option("FOLDER", flags->folder, "Folder or repository of transformers")->required();
  command->add_option("--as", flags->as, "What a lone weights file is (resnet50.tv_in1k)");
  add_network_options(*command, flags->hints);
  add_verify_options(*command, flags->options);
  command->add_flag("--json", flags->json, "One JSON object on one line");
  return [flags] { return run_verify(*flags); };
}

}  // namespace weightlift
