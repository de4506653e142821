#include "weightlift/cli/diff_result.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/results.h"
#include "weightlift/nn/layers.h"

namespace weightlift {

namespace {

std::string name_of(const TensorFacts& facts) { return printable(facts.name); }

std::string spec_of(const TensorFacts& facts) {
  return fmt::format("{} {}", to_string(facts.dtype), to_string(facts.shape));
}

/// "conv1.weight", or both names where they differ.
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
                                                : "equal values with different bits (-0 or NaN)";
  }
  return fmt::format("max |a - b| {:.3g}, max |a - b| / |b| {:.3g}, {} of {} values",
                     values->max_abs, values->max_rel, with_commas(values->different_count),
                     with_commas(numel(found.a->shape)));
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

/// Training counts batches; no output depends on it.
bool is_counter(const TensorDifference& found) {
  const TensorFacts& facts = found.a ? *found.a : *found.b;
  return is_batch_norm_counter(facts.name);
}

/// What the differences mean, in one line.
std::string conclusion_of(const CheckpointDiff& diff) {
  const auto counters =
      static_cast<std::size_t>(std::ranges::count_if(diff.differences, is_counter));
  const std::size_t weights = diff.differences.size() - counters;
  if (diff.differences.empty()) return "equal: every tensor has the same bits";
  if (weights == 0) return "the weights are equal; only counters (num_batches_tracked) differ";
  return fmt::format("different: {} weight{}, {} counter{}", weights, weights == 1 ? "" : "s",
                     counters, counters == 1 ? "" : "s");
}

}  // namespace

void print_diff(const CheckpointDiff& diff) {
  constexpr std::size_t kShown = 20;
  put("{}\n", summary_of(diff));
  std::vector<const TensorDifference*> ordered;
  for (const TensorDifference& found : diff.differences) ordered.push_back(&found);
  // Not of std::ranges, whose subrange clang 14 (clang-tidy) cannot read in GCC 12's headers.
  std::stable_partition(ordered.begin(), ordered.end(),
                        [](const TensorDifference* found) { return !is_counter(*found); });
  const std::size_t shown = is_verbose() ? ordered.size() : std::min(ordered.size(), kShown);
  for (std::size_t i = 0; i < shown; ++i) put("  {}\n", line_of(*ordered[i]));
  if (shown < ordered.size()) {
    put("  and {} more; -v shows all\n", ordered.size() - shown);
  }
  put("{}\n", conclusion_of(diff));
}

}  // namespace weightlift
