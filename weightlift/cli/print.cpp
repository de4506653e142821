#include "weightlift/cli/print.h"

#include <fmt/format.h>

#include "weightlift/base/message.h"
#include "weightlift/tensor.h"

namespace weightlift {

namespace {

std::string describe(const Difference& difference) {
  return fmt::format("max |a - b| {:.3g}, max |a - b| / |b| {:.3g}, {} values differ",
                     difference.max_abs, difference.max_rel,
                     with_commas(difference.different_count));
}

/// What a change of dtype costs: "at most 0.01, 0.002 on average, the same class on 8 of 8 inputs"
std::string describe_cost(const OutputComparison& output) {
  const std::string classes =
      output.inputs == 0 ? ""
                         : fmt::format(", the same class for {} of {} input{}", output.same_top1,
                                       output.inputs, output.inputs == 1 ? "" : "s");
  return fmt::format("at most {:.3g}, {:.3g} on average{}", output.difference.max_abs,
                     output.mean_abs(), classes);
}

std::string verified_line(const Verification& verification) {
  std::string outputs;
  for (const OutputComparison& output : verification.outputs) {
    outputs += fmt::format(
        ", {} {}", output.name,
        verification.same_dtype
            ? "bit-equal"
            : fmt::format("bit-equal after rounding the weights, which changed them by {}",
                          describe_cost(output)));
  }
  return fmt::format(
      "  verified: {} tensors bit-equal{}, {} operations equal{} ({} input{} {}, seed {})\n",
      verification.tensors, verification.same_dtype ? "" : " after the change of dtype",
      verification.operations, outputs, verification.options.samples,
      verification.options.samples == 1 ? "" : "s", to_string(verification.input_shape),
      verification.options.seed);
}

}  // namespace

std::string with_commas(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string readable_bytes(std::uint64_t bytes) {
  const auto value = static_cast<double>(bytes);
  if (bytes < 1000) return fmt::format("{} B", bytes);
  if (bytes < 1'000'000) return fmt::format("{:.1f} kB", value / 1e3);
  if (bytes < 1'000'000'000) return fmt::format("{:.1f} MB", value / 1e6);
  return fmt::format("{:.2f} GB", value / 1e9);
}

std::string describe(const Verification& verification) {
  if (verification.verified()) return verified_line(verification);
  std::string out = "  DIFFERENT:\n";
  if (!verification.different_tensors.empty()) {
    out += fmt::format("    {} of {} tensors differ, the first: {}\n",
                       verification.different_tensors.size(), verification.tensors,
                       printable(verification.different_tensors.front(), 400));
  }
  if (!verification.graph_differences.empty()) {
    const OperationDifference& first = verification.graph_differences.front();
    out += fmt::format("    {} operations differ, the first at {}:\n      {}\n      {}\n",
                       verification.graph_differences.size(), first.position,
                       printable(first.src, 400), printable(first.dest, 400));
  }
  if (const auto& first = verification.first_difference) {
    out += fmt::format(
        "    first operation whose output differs, at {}:\n      {}\n      {}\n      {}\n",
        first->position, printable(first->src, 400), printable(first->dest, 400),
        first->difference ? describe(*first->difference) : "the shapes differ");
  }
  for (const OutputComparison& output : verification.outputs) {
    const bool costly = !verification.same_dtype && output.bit_equal_rounded && !output.close;
    out += fmt::format("    {}: {}{}\n", output.name,
                       output.bit_equal ? "bit-equal" : describe(output.difference),
                       costly ? "; the change of dtype exceeds --rtol and --atol" : "");
  }
  return out;
}

}  // namespace weightlift
