#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdlib>

#include "weightlift/base/message.h"
#include "weightlift/cli/commands.h"
#include "weightlift/conversion.h"

namespace weightlift {

namespace {

/// A number that can be a tolerance: NaN would let everything pass.
std::string check_tolerance(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  const bool good = !text.empty() && *end == '\0' && std::isfinite(value) && value >= 0;
  return good ? "" : fmt::format("expected a number >= 0, got '{}'", printable(text));
}

}  // namespace

void add_weights_key(CLI::App& command, std::string& weights_key) {
  command
      .add_option("--weights-key", weights_key,
                  "Network to use from a file with several: its keys and prefix, joined by dots "
                  "(state_dict.module.encoder_k)")
      ->group("Source");
}

void add_network_options(CLI::App& command, SourceHints& hints) {
  command
      .add_option("--config", hints.config,
                  "config.json, of transformers or timm, for weights that have none")
      ->type_name("FILE")
      ->group("Source");
  add_weights_key(command, hints.weights_key);
  command
      .add_option("--head-key", hints.head_key,
                  "Module to use as the classifier, where it is not fc (head.fc)")
      ->group("Source");
  command
      .add_option(
          "--ignore", hints.ignore,
          "Ignore tensors that match a glob, where they do not change the outputs; inspect prints "
          "their names (repeatable)")
      ->allow_extra_args(false)
      ->group("Source");
}

void add_verify_options(CLI::App& command, VerifyOptions& options) {
  const auto group = [](CLI::Option* option) { return option->group("Verification"); };
  group(command.add_option("--samples", options.samples, "Random inputs to compare outputs on"))
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  group(command.add_option("--seed", options.seed, "Seed of the random inputs"))
      ->capture_default_str();
  group(command.add_option("--rtol", options.rtol,
                           "Relative tolerance for outputs across dtypes, as torch.allclose"))
      ->check(check_tolerance);
  group(command.add_option("--atol", options.atol, "Absolute tolerance for outputs across dtypes"))
      ->check(check_tolerance);
  group(command.add_option("--threads", options.threads, "Threads; 0: all cores"))
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
}

}  // namespace weightlift
