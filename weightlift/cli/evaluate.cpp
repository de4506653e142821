#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/fetch.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/image_inputs.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/per_image.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/results.h"
#include "weightlift/predict/class_match.h"
#include "weightlift/predict/classifier.h"
#include "weightlift/predict/evaluation.h"
#include "weightlift/predict/labelled_images.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct EvaluateFlags {
  std::string folder;
  fs::path images;
  fs::path per_image;  ///< empty: no such file
  bool json = false;
  ClassifyOptions options;
  Subject subject() const { return {"evaluate", folder, json}; }
};

/// The accuracy, and the number of images that could not be read.
struct Outcome {
  Evaluation evaluation;
  std::int64_t errors = 0;
  int code = 0;
};

/// None of no images.
std::optional<double> share(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return {};
  return static_cast<double>(part) / static_cast<double>(whole);
}

/// Absent where there are no images.
void add_shares(Json& json, const Evaluation::Counts& counts) {
  json["images"] = counts.images;
  if (const auto top1 = share(counts.top1, counts.images)) json["top1"] = *top1;
  if (const auto top5 = share(counts.top5, counts.images)) json["top5"] = *top5;
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

/// `rows`: of the images, unless it is null.
Outcome evaluate(const Classifier& classifier, const LabelledImages& labelled,
                 const ClassMatch& match, const EvaluateFlags& flags, PerImageWriter* rows) {
  const ModelConfig& config = classifier.config();
  Outcome outcome;
  StatusLine status(shown(flags.images));
  status.begin("evaluate", labelled.images.size(), false);
  classifier.classify(labelled.images, flags.options, [&](std::size_t i, const Classified& result) {
    check_signals();
    const std::int64_t shown_class = match.classes[labelled.label_of[i]];
    PerImageRow row{labelled.images[i].file, shown_class, config.label(shown_class)};
    if (result.error) {
      status.clear();
      log_error(*result.error);
      ++outcome.errors;
      outcome.code = worse(outcome.code, exit_code(*result.error));
      outcome.evaluation.classes.try_emplace(shown_class);  // its row shows that nothing counts
    } else {
      row.judgement = judge(result.scores, shown_class);
      row.predicted_label = config.label(row.judgement->predicted);
      add(outcome.evaluation, shown_class, *row.judgement);
    }
    row.error = result.error;
    if (rows != nullptr) rows->add(row);
    const Evaluation::Counts& all = outcome.evaluation.all;
    status.show(i + 1, "top-1 " + percents(all.top1, all.images));
  });
  return outcome;
}

/// The same, with a file of rows where one is requested: it appears complete or not at all.
Outcome evaluate_and_write(const Classifier& classifier, const LabelledImages& labelled,
                           const ClassMatch& match, const EvaluateFlags& flags) {
  if (flags.per_image.empty()) return evaluate(classifier, labelled, match, flags, nullptr);
  Outcome outcome;
  write_atomically(flags.per_image, [&](const fs::path& beside) {
    PerImageWriter rows(beside, flags.per_image);
    outcome = evaluate(classifier, labelled, match, flags, &rows);
    rows.finish();
  });
  return outcome;
}

Json confusion_json(const Evaluation& evaluation, const ModelConfig& config) {
  Json list = Json::array();
  for (const auto& [pair, count] : evaluation.confusion) {
    list.push_back({{"id", pair.first},
                    {"label", config.label(pair.first)},
                    {"predicted_id", pair.second},
                    {"predicted_label", config.label(pair.second)},
                    {"count", count}});
  }
  return list;
}

Json outcome_json(const Subject& subject, const Outcome& outcome, std::size_t skipped,
                  const ClassMatch& match, const ModelConfig& config) {
  Json json = begin_json(subject, outcome.errors == 0 ? "ok" : "failed");
  if (outcome.errors > 0) {
    const std::int64_t all = outcome.evaluation.all.images + outcome.errors;
    json["error"] = to_json(
        FormatError(subject.source, fmt::format("{} of {} images failed", outcome.errors, all)));
  }
  add_shares(json, outcome.evaluation.all);
  json["errors"] = outcome.errors;
  json["skipped"] = skipped;
  json["matched_by"] = word_for(match.by);
  json["classes"] = Json::array();
  for (const auto& [id, counts] : outcome.evaluation.classes) {
    Json row = {{"id", id}, {"label", config.label(id)}};
    add_shares(row, counts);
    json["classes"].push_back(std::move(row));
  }
  json["confusion"] = confusion_json(outcome.evaluation, config);
  return json;
}

void print_counts(const Evaluation::Counts& counts, const std::string& name) {
  put("{:>9} {:>9} {:>9}  {}\n", with_commas(counts.images), percents(counts.top1, counts.images),
      percents(counts.top5, counts.images), name);
}

void print_table(const Outcome& outcome, const ModelConfig& config) {
  put("{:>9} {:>9} {:>9}  {}\n", "images", "top-1", "top-5", "class");
  for (const auto& [id, counts] : outcome.evaluation.classes) {
    print_counts(counts, fmt::format("{} {}", id, printable(config.label(id), 60)));
  }
  print_counts(outcome.evaluation.all, "all");
  if (outcome.errors > 0) {
    put("{:>9} failed, not counted\n", with_commas(outcome.errors));
  }
}

int run_evaluate(const EvaluateFlags& flags) {
  catch_signals();
  TerminalProgress progress;
  const Classifier classifier = Classifier::open(fetch_model(flags.folder, progress));
  for (const Note& note : classifier.notes()) progress.note(note);
  progress.clear();
  const LabelledImages labelled = load_labelled_images(flags.images);
  if (!flags.per_image.empty()) require_per_image_file(flags.per_image, flags.images, labelled);
  if (!labelled.empty_folders.empty()) {
    log_warning(fmt::format("{}: skipped {} without images, the first: {}", shown(flags.images),
                            labelled.empty_folders.size() == 1
                                ? "one folder"
                                : fmt::format("{} folders", labelled.empty_folders.size()),
                            shown(labelled.empty_folders.front())));
  }
  const ClassMatch match = match_classes(labelled.labels, classifier.config(), shown(flags.images));
  if (labelled.skipped > 0) {
    log_warning(fmt::format(
        "{}: skipped {}", shown(flags.images),
        labelled.skipped == 1
            ? "1 entry that is not an image of a class"
            : fmt::format("{} entries that are not images of a class", labelled.skipped)));
  }
  if (match.by == MatchedBy::kOrder) {
    log_warning(
        fmt::format("{}: no name is a label of the network; using the sorted names as classes 0 "
                    "to {}, '{}' as {}",
                    shown(flags.images), labelled.labels.size() - 1,
                    printable(labelled.labels.front()), printable(classifier.config().label(0))));
  }
  Notes notes = progress.notes();
  EvaluateFlags possible = flags;
  possible.options.threads = threads_for(labelled.images.size(), flags.options.threads, notes);
  const Outcome outcome = evaluate_and_write(classifier, labelled, match, possible);
  if (!flags.per_image.empty()) record_complete(shown(flags.per_image));
  if (flags.json) {
    Json json =
        outcome_json(flags.subject(), outcome, labelled.skipped, match, classifier.config());
    if (!flags.per_image.empty()) json["per_image"] = flags.per_image.string();
    json["notes"] = to_json(notes);
    print_json(json);
  } else {
    print_table(outcome, classifier.config());
  }
  return outcome.code;
}

}  // namespace

Action add_evaluate(CLI::App& app) {
  auto* command =
      app.add_subcommand("evaluate", "Measure top-1 and top-5 accuracy on labelled images");
  auto flags = std::make_shared<EvaluateFlags>();
  command
      ->add_option("FOLDER", flags->folder,
                   "Transformers folder or repository, with an image processor")
      ->required();
  command
      ->add_option("IMAGES", flags->images,
                   "Folder with one folder per class, whose images may be in folders of their "
                   "own; or a CSV file (file,label)")
      ->required();
  command
      ->add_option("--per-image", flags->per_image,
                   "Also write the result of each image: a .csv or a .jsonl file")
      ->type_name("FILE");
  command->add_flag("--json", flags->json, "One JSON object on one line");
  add_classify_options(*command, flags->options);
  add_examples(*command, {"weightlift evaluate out/digits labelled/",
                          "weightlift evaluate out/digits labels.csv --json",
                          "weightlift evaluate out/digits labelled/ --per-image results.csv"});
  return [flags] { return run_reporting(flags->subject(), [&] { return run_evaluate(*flags); }); };
}

}  // namespace weightlift
