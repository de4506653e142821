#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/error.h"
#include "weightlift/base/json.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"
#include "weightlift/predict/class_match.h"
#include "weightlift/predict/classifier.h"
#include "weightlift/predict/evaluation.h"
#include "weightlift/predict/labelled_pictures.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct EvaluateFlags {
  fs::path folder;
  fs::path pictures;
  bool json = false;
  ClassifyOptions options;
};

/// What was found, and how many pictures could not be read.
struct Outcome {
  Evaluation evaluation;
  std::int64_t errors = 0;
};

/// None of no pictures.
std::optional<double> share(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return {};
  return static_cast<double>(part) / static_cast<double>(whole);
}

Json share_json(std::int64_t part, std::int64_t whole) {
  const std::optional<double> of_whole = share(part, whole);
  return of_whole ? Json(*of_whole) : Json(nullptr);
}

std::string percents(std::int64_t part, std::int64_t whole) {
  const std::optional<double> of_whole = share(part, whole);
  return of_whole ? fmt::format("{:.2f} %", 100 * *of_whole) : "-";
}

std::string_view word_for(MatchedBy by) {
  switch (by) {
    case MatchedBy::kLabel:
      return "label";
    case MatchedBy::kId:
      return "id";
    case MatchedBy::kSynset:
      return "synset";
    case MatchedBy::kOrder:
      return "order";
  }
  return {};
}

/// How many pictures are done, on a terminal alone.
class PictureProgress {
 public:
  explicit PictureProgress(std::size_t total)
      : total_(total), terminal_(!is_quiet() && isatty(STDERR_FILENO) == 1) {}
  ~PictureProgress() { clear(); }
  PictureProgress(const PictureProgress&) = delete;
  PictureProgress& operator=(const PictureProgress&) = delete;

  void show(std::size_t done) {
    constexpr std::chrono::milliseconds kPause{100};
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - shown_at_ < kPause) return;
    shown_at_ = now;
    fmt::print(stderr, "\r\033[K{} of {} pictures", done, total_);
    std::fflush(stderr);
  }
  void clear() const {
    if (terminal_) fmt::print(stderr, "\r\033[K");
  }

 private:
  std::size_t total_;
  bool terminal_;
  std::chrono::steady_clock::time_point shown_at_;
};

Outcome evaluate(const Classifier& classifier, const LabelledPictures& labelled,
                 const ClassMatch& match, const ClassifyOptions& options) {
  Outcome outcome;
  PictureProgress progress(labelled.pictures.size());
  classifier.classify(labelled.pictures, options, [&](std::size_t i, const Classified& result) {
    check_signals();
    const std::int64_t shown_class = match.classes[labelled.label_of[i]];
    if (!result.error.empty()) {
      progress.clear();
      log_error(result.error);
      ++outcome.errors;
      outcome.evaluation.classes.try_emplace(shown_class);  // its row says that nothing counts
    } else {
      add_scores(outcome.evaluation, shown_class, result.scores);
    }
    progress.show(i + 1);
  });
  return outcome;
}

Json to_json(const Outcome& outcome, std::size_t passed_over, const ClassMatch& match,
             const ResNetConfig& config) {
  const Evaluation::Counts& all = outcome.evaluation.all;
  Json classes = Json::array();
  for (const auto& [id, counts] : outcome.evaluation.classes) {
    classes.push_back({{"id", id},
                       {"label", config.label(id)},
                       {"pictures", counts.pictures},
                       {"top1", share_json(counts.top1, counts.pictures)},
                       {"top5", share_json(counts.top5, counts.pictures)}});
  }
  return {{"pictures", all.pictures},
          {"errors", outcome.errors},
          {"passed_over", passed_over},
          {"top1", share_json(all.top1, all.pictures)},
          {"top5", share_json(all.top5, all.pictures)},
          {"matched_by", word_for(match.by)},
          {"classes", std::move(classes)}};
}

void print_counts(const Evaluation::Counts& counts, const std::string& name) {
  fmt::print("{:>9} {:>9} {:>9}  {}\n", with_commas(counts.pictures),
             percents(counts.top1, counts.pictures), percents(counts.top5, counts.pictures), name);
}

void print_table(const Outcome& outcome, const ResNetConfig& config) {
  fmt::print("{:>9} {:>9} {:>9}  {}\n", "pictures", "top-1", "top-5", "class");
  for (const auto& [id, counts] : outcome.evaluation.classes) {
    print_counts(counts, fmt::format("{} {}", id, printable(config.label(id), 60)));
  }
  print_counts(outcome.evaluation.all, "all");
  if (outcome.errors > 0) {
    fmt::print("{:>9} could not be classified and do not count\n", with_commas(outcome.errors));
  }
}

int run_evaluate(const EvaluateFlags& flags) {
  catch_signals();
  const Classifier classifier = Classifier::open(flags.folder);
  for (const std::string& note : classifier.notes()) log_warning(note);
  const LabelledPictures labelled = load_labelled_pictures(flags.pictures);
  if (!labelled.empty_folders.empty()) {
    log_warning(fmt::format("{}: {} without pictures passed over, the first: {}",
                            shown(flags.pictures),
                            labelled.empty_folders.size() == 1
                                ? "one folder"
                                : fmt::format("{} folders", labelled.empty_folders.size()),
                            shown(labelled.empty_folders.front())));
  }
  const ClassMatch match =
      match_classes(labelled.labels, classifier.config(), shown(flags.pictures));
  if (labelled.passed_over > 0) {
    log_warning(fmt::format("{}: {} passed over that are no pictures of a class",
                            shown(flags.pictures), labelled.passed_over));
  }
  if (match.by == MatchedBy::kOrder) {
    log_warning(
        fmt::format("{}: none of the names is a label of the network: taken for its classes "
                    "0 to {} in their sorted order, '{}' for {}",
                    shown(flags.pictures), labelled.labels.size() - 1,
                    printable(labelled.labels.front()), printable(classifier.config().label(0))));
  }
  const Outcome outcome = evaluate(classifier, labelled, match, flags.options);
  if (flags.json) {
    fmt::print("{}\n",
               dump_json_line(to_json(outcome, labelled.passed_over, match, classifier.config())));
  } else {
    print_table(outcome, classifier.config());
  }
  return outcome.errors == 0 ? 0 : static_cast<int>(ExitCode::kBadInput);
}

}  // namespace

Action add_evaluate(CLI::App& app) {
  auto* command =
      app.add_subcommand("evaluate", "Say how often a network is right about labelled pictures");
  auto flags = std::make_shared<EvaluateFlags>();
  command->add_option("FOLDER", flags->folder, "Folder of transformers with an image processor")
      ->required();
  command
      ->add_option("PICTURES", flags->pictures,
                   "A folder of folders named by class, or a CSV file of file,label")
      ->required();
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_classify_options(*command, flags->options);
  return [flags] { return run_evaluate(*flags); };
}

}  // namespace weightlift
