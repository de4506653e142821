#include "weightlift/cli/evaluate_result.h"

#include <fmt/format.h>

#include <string>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/results.h"

namespace weightlift {

namespace {

void print_counts(const Evaluation::Counts& counts, const std::string& name) {
  put("{:>9} {:>9} {:>9}  {}\n", with_commas(counts.images), percents(counts.top1, counts.images),
      percents(counts.top5, counts.images), name);
}

}  // namespace

std::string percents(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return "-";
  return fmt::format("{:.2f} %", 100 * (static_cast<double>(part) / static_cast<double>(whole)));
}

void warn_about(const LabelledImages& labelled, const ClassMatch& match, const ModelConfig& config,
                const std::string& where) {
  if (!labelled.empty_folders.empty()) {
    log_warning(fmt::format("{}: skipped {} without images, the first: {}", where,
                            labelled.empty_folders.size() == 1
                                ? "one folder"
                                : fmt::format("{} folders", labelled.empty_folders.size()),
                            shown(labelled.empty_folders.front())));
  }
  if (labelled.skipped > 0) {
    log_warning(fmt::format(
        "{}: skipped {}", where,
        labelled.skipped == 1
            ? "1 entry that is not an image of a class"
            : fmt::format("{} entries that are not images of a class", labelled.skipped)));
  }
  if (match.by == MatchedBy::kOrder) {
    log_warning(
        fmt::format("{}: no name is a label of the network; using the sorted names as classes 0 "
                    "to {}, '{}' as {}",
                    where, labelled.labels.size() - 1, printable(labelled.labels.front()),
                    printable(config.label(0))));
  }
}

void print_outcome(const EvaluationOutcome& outcome, const ModelConfig& config) {
  put("{:>9} {:>9} {:>9}  {}\n", "images", "top-1", "top-5", "class");
  for (const auto& [id, counts] : outcome.evaluation.classes) {
    print_counts(counts, fmt::format("{} {}", id, printable(config.label(id), 60)));
  }
  print_counts(outcome.evaluation.all, "all");
  if (outcome.errors > 0) {
    put("{:>9} failed, not counted\n", with_commas(outcome.errors));
  }
}

}  // namespace weightlift
