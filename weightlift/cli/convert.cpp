#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "weightlift/cli/commands.h"
#include "weightlift/cli/convert_flags.h"
#include "weightlift/cli/convert_output.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/signals.h"
#include "weightlift/job/conversions.h"

namespace weightlift {

namespace {

int run_convert(ConvertFlags flags) {
  const std::vector<ConversionRequest> requests = read_words(flags);
  catch_signals();
  require_report_place(flags.report, requests);
  TerminalProgress shared;
  ConvertOutput output(flags, requests);
  convert_all(requests, shared, output);
  return output.finish();
}

}  // namespace

Action add_convert(CLI::App& app) {
  auto* command = app.add_subcommand(
      "convert", "Convert timm checkpoints into transformers folders, and verify them");
  auto flags = std::make_shared<ConvertFlags>();
  add_convert_options(*command, *flags);
  return [flags] {
    // A failure before the first source concerns all of them; one source is named.
    const std::string source = flags->sources.size() == 1 ? flags->sources.front() : "";
    return run_reporting({"convert", source}, flags->json, [&] { return run_convert(*flags); });
  };
}

}  // namespace weightlift
