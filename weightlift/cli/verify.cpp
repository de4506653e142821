#include "weightlift/convert/verify.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "weightlift/base/message.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/results.h"
#include "weightlift/jobs.h"
#include "weightlift/report/conversion_json.h"

namespace weightlift {

namespace {

struct VerifyFlags {
  std::string source, folder, as;
  SourceHints hints;
  VerifyOptions options;
  bool json = false;
  Subject subject() const { return {"verify", source}; }
};

std::string describe(const SettingsComparison& settings) {
  std::string text;
  if (const auto& labels = settings.labels) {
    text += labels->different == 0
                ? fmt::format("  labels: equal ({})\n", with_commas(labels->classes))
                : fmt::format("  labels: {} of {} differ, the first {}: '{}' and '{}'\n",
                              with_commas(labels->different), with_commas(labels->classes),
                              labels->first, printable(labels->src), printable(labels->dest));
  } else {
    text += "  labels: not compared (the source has none)\n";
  }
  if (const auto& differences = settings.processor) {
    const std::string all = fmt::format("{}", fmt::join(*differences, ", "));
    text += all.empty()
                ? "  image processor: equal\n"
                : fmt::format("  image processor: differs: {}\n", printable(all, all.size()));
  } else {
    text += "  image processor: not compared (the source has none)\n";
  }
  return text;
}

void print_verification(const VerifyFlags& flags, const FolderVerification& verification,
                        const Notes& notes) {
  if (flags.json) {
    print_json(verification_json(flags.subject(), flags.folder, verification, notes));
  } else {
    put("{} and {}\n", printable(flags.source), printable(flags.folder));
    put_text(describe(verification.network));
    put_text(describe(verification.settings));
  }
}

int run_verify(const VerifyFlags& flags) {
  catch_signals();
  TerminalProgress progress;
  SourceHints hints = flags.hints;
  if (!flags.as.empty()) hints.as = flags.as;
  const FolderVerification verification =
      verify({flags.source, flags.folder, hints, flags.options}, progress);
  progress.clear();
  print_verification(flags, verification, progress.notes());
  return static_cast<int>(verification.network.verified() ? ExitCode::kOk : ExitCode::kDifferent);
}

}  // namespace

Action add_verify(CLI::App& app) {
  auto* command =
      app.add_subcommand("verify", "Compare a converted folder with its source, bit for bit");
  auto flags = std::make_shared<VerifyFlags>();
  command
      ->add_option("SOURCE", flags->source,
                   "Timm checkpoint: weights file, folder, name or repository")
      ->required();
  command->add_option("FOLDER", flags->folder, "Transformers folder or repository")->required();
  command->add_option(
      "--as", flags->as,
      fmt::format("Timm model that a lone weights file contains ({})", kExampleTag));
  add_network_options(*command, flags->hints);
  add_verify_options(*command, flags->options);
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_examples(*command, {"weightlift verify examples/digits out/digits",
                          fmt::format("weightlift verify model_best.pth.tar me/{} --samples 8",
                                      kExampleFolder)});
  return [flags] {
    return run_reporting(flags->subject(), flags->json, [&] { return run_verify(*flags); });
  };
}

}  // namespace weightlift
