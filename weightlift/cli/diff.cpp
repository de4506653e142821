#include "weightlift/convert/diff.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/fetch.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

struct DiffFlags {
  std::string a, b;
  std::vector<std::string> weights_keys;
  bool json = false;
};

std::string name_of(const TensorFacts& facts) { return printable(facts.name); }

std::string spec_of(const TensorFacts& facts) {
  return fmt::format("{} {}", to_string(facts.dtype), to_string(facts.shape));
}

/// "conv1.weight", or both names where they are not the same.
std::string names_of(const TensorDifference& found) {
  const std::string a = name_of(*found.a);
  const std::string b = name_of(*found.b);
  return a == b ? a : fmt::format("{} and {}", a, b);
}

std::string describe(const TensorDifference& found) {
  const auto& values = found.values;
  if (!values) return "values not compared";
  if (values->different_count == 0) {
    return found.kind == DifferenceKind::kDtype ? "the same values"
                                                : "the same values in other bits (-0 or NaN)";
  }
  return fmt::format("max |a - b| {:.3g}, max |a - b| / |b| {:.3g}, {} of {} values",
                     values->max_abs, values->max_rel, with_commas(values->different_count),
                     with_commas(numel(found.a->shape).value_or(0)));
}

std::string line_of(const TensorDifference& found) {
  switch (found.kind) {
    case DifferenceKind::kOnlyInA:
      return fmt::format("only in A: {} {}", name_of(*found.a), spec_of(*found.a));
    case DifferenceKind::kOnlyInB:
      return fmt::format("only in B: {} {}", name_of(*found.b), spec_of(*found.b));
    case DifferenceKind::kShape:
      return fmt::format("{}: {} and {}", names_of(found), spec_of(*found.a), spec_of(*found.b));
    case DifferenceKind::kDtype:
      return fmt::format("{}: {} and {}, {}{}", names_of(found), to_string(found.a->dtype),
                         to_string(found.b->dtype),
                         found.equal_rounded ? "equal after rounding, " : "", describe(found));
    case DifferenceKind::kValues:
      break;
  }
  return fmt::format("{}: {}", names_of(found), describe(found));
}

/// "122 tensors: 120 equal, 1 differs, 1 only in A"
std::string summary_of(const CheckpointDiff& diff) {
  std::string out = fmt::format("{} tensor{}: {} equal", diff.tensors, diff.tensors == 1 ? "" : "s",
                                diff.equal_count());
  const auto add = [&](DifferenceKind kind, const char* one, const char* many) {
    const std::size_t count = diff.count(kind);
    if (count > 0) out += fmt::format(", {} {}", count, count == 1 ? one : many);
  };
  add(DifferenceKind::kValues, "differs", "differ");
  add(DifferenceKind::kShape, "of another shape", "of another shape");
  add(DifferenceKind::kDtype, "of another dtype", "of another dtype");
  const auto rounded = std::ranges::count(diff.differences, true, &TensorDifference::equal_rounded);
  if (rounded > 0) out += fmt::format(" ({} equal after rounding)", rounded);
  add(DifferenceKind::kOnlyInA, "only in A", "only in A");
  add(DifferenceKind::kOnlyInB, "only in B", "only in B");
  return out;
}

void print_text(const CheckpointDiff& diff) {
  constexpr std::size_t kShown = 20;
  fmt::print("{}\n", summary_of(diff));
  const std::size_t all = diff.differences.size();
  const std::size_t shown = is_verbose() ? all : std::min(all, kShown);
  for (std::size_t i = 0; i < shown; ++i) fmt::print("  {}\n", line_of(diff.differences[i]));
  if (shown < all) fmt::print("  and {} more; -v shows all\n", all - shown);
}

/// JSON has no infinities: null.
Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json to_json(const std::optional<TensorFacts>& facts) {
  if (!facts) return nullptr;
  return {{"name", facts->name}, {"dtype", to_string(facts->dtype)}, {"shape", facts->shape}};
}

Json to_json(const TensorDifference& found) {
  Json json = {{"kind", to_string(found.kind)}, {"a", to_json(found.a)}, {"b", to_json(found.b)}};
  if (found.values) {
    json["max_abs"] = finite(found.values->max_abs);
    json["max_rel"] = finite(found.values->max_rel);
    json["different"] = found.values->different_count;
  }
  if (found.kind == DifferenceKind::kDtype) json["equal_after_rounding"] = found.equal_rounded;
  return json;
}

Json to_json(const std::string& given, const DiffSide& side) {
  return {{"source", given},
          {"file", side.checkpoint.path.string()},
          {"format", to_string(side.checkpoint.format)},
          {"tensors", side.tensors.size()},
          {"counters_added", side.counters_added},
          {"not_convertible", side.no_resnet.empty() ? Json() : Json(side.no_resnet)}};
}

void print_json(const DiffFlags& flags, const DiffSide& a, const DiffSide& b,
                const CheckpointDiff& diff) {
  Json json = {{"a", to_json(flags.a, a)},
               {"b", to_json(flags.b, b)},
               {"equal", diff.differences.empty()},
               {"tensors", diff.tensors},
               {"equal_tensors", diff.equal_count()},
               {"differences", Json::array()}};
  for (const TensorDifference& found : diff.differences) {
    json["differences"].push_back(to_json(found));
  }
  fmt::print("{}\n", dump_json_line(json));
}

DiffSide open_side(const std::string& given, const std::string& weights_key) {
  const FetchedSource here = fetch_one(given, Network::kAny);
  DiffSide side = open_diff_side(here.path, {.as = here.as, .weights_key = weights_key});
  for (const std::string& note : side.notes) log_warning(note);
  if (!side.no_resnet.empty()) {
    log_warning(fmt::format("compared by the names in its file: {}", side.no_resnet));
  }
  return side;
}

int run_diff(const DiffFlags& flags) {
  const auto& keys = flags.weights_keys;
  if (keys.size() > 2) {
    throw UsageError(fmt::format(
        "--weights-key: expected it once (A) or twice (A, then B), got {} of them", keys.size()));
  }
  catch_signals();
  const DiffSide a = open_side(flags.a, keys.empty() ? "" : keys.front());
  const DiffSide b = open_side(flags.b, keys.size() < 2 ? "" : keys.back());
  CheckpointDiff diff;
  {
    TerminalProgress progress("");
    diff = diff_checkpoints(a, b, progress);
  }
  if (flags.json) {
    print_json(flags, a, b, diff);
  } else {
    print_text(diff);
  }
  return static_cast<int>(diff.differences.empty() ? ExitCode::kOk : ExitCode::kDifferent);
}

}  // namespace

Action add_diff(CLI::App& app) {
  auto* command = app.add_subcommand(
      "diff", "Compare two checkpoints tensor by tensor, whatever their formats and namings");
  auto flags = std::make_shared<DiffFlags>();
  command->add_option("A", flags->a, "Folder, weights file, name or repository")->required();
  command->add_option("B", flags->b, "The other one")->required();
  command
      ->add_option("--weights-key", flags->weights_keys,
                   "Which network of a file with several, as in convert: given once of A, given "
                   "twice of A and then of B ('' for none)")
      ->allow_extra_args(false);
  command->add_flag("--json", flags->json, "One JSON object on one line");
  return [flags] { return run_diff(*flags); };
}

}  // namespace weightlift
