#include "weightlift/predict/evaluate.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/evaluate_result.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/image_inputs.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/per_image.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/results.h"
#include "weightlift/jobs.h"
#include "weightlift/predict.h"
#include "weightlift/predict/class_match.h"
#include "weightlift/predict/labelled_images.h"
#include "weightlift/report/evaluation_json.h"

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
  Subject subject() const { return {"evaluate", folder}; }
};

/// An evaluation with its exit code.
struct Evaluated {
  EvaluationOutcome outcome;
  int code = 0;
};

/// `rows`: of the images, unless it is null.
Evaluated evaluate_shown(const Classifier& classifier, const LabelledImages& labelled,
                         const ClassMatch& match, const EvaluateFlags& flags,
                         PerImageWriter* rows) {
  StatusLine status(shown(flags.images));
  status.begin("evaluate", labelled.images.size(), false);
  int code = 0;
  std::uint64_t count = 0;
  const auto show = [&](const ImageJudgement& image, const EvaluationOutcome& so_far) {
    check_signals();
    if (image.error) {
      status.clear();
      log_error(*image.error);
      code = worse(code, exit_code(*image.error));
    }
    if (rows != nullptr) rows->add(image);
    const Evaluation::Counts& all = so_far.evaluation.all;
    status.show(++count, "top-1 " + percents(all.top1, all.images));
  };
  EvaluationOutcome outcome = evaluate(classifier, labelled, match, flags.options, show);
  return {std::move(outcome), code};
}

/// The same, with a file of rows where one is requested: it appears complete or not at all.
Evaluated evaluate_and_write(const Classifier& classifier, const LabelledImages& labelled,
                             const ClassMatch& match, const EvaluateFlags& flags) {
  if (flags.per_image.empty()) return evaluate_shown(classifier, labelled, match, flags, nullptr);
  Evaluated evaluated;
  write_atomically(flags.per_image, [&](const fs::path& beside) {
    PerImageWriter rows(beside, flags.per_image);
    evaluated = evaluate_shown(classifier, labelled, match, flags, &rows);
    rows.finish();
  });
  return evaluated;
}

int run_evaluate(const EvaluateFlags& flags) {
  catch_signals();
  TerminalProgress progress;
  const Classifier classifier = Classifier::open(fetch_model(flags.folder, progress));
  for (const Note& note : classifier.notes()) progress.note(note);
  progress.clear();
  const LabelledImages labelled = load_labelled_images(flags.images);
  if (!flags.per_image.empty()) require_per_image_file(flags.per_image, flags.images, labelled);
  const ClassMatch match = match_classes(labelled.labels, classifier.config(), shown(flags.images));
  warn_about(labelled, match, classifier.config(), shown(flags.images));
  Notes notes = progress.notes();
  EvaluateFlags possible = flags;
  possible.options.threads = threads_logged(labelled.images.size(), flags.options.threads, notes);
  const auto [outcome, code] = evaluate_and_write(classifier, labelled, match, possible);
  if (!flags.per_image.empty()) record_complete(shown(flags.per_image));
  if (flags.json) {
    Json json =
        outcome_json(flags.subject(), outcome, labelled.skipped, match.by, classifier.config());
    if (!flags.per_image.empty()) json["per_image"] = flags.per_image.string();
    json["notes"] = to_json(notes);
    print_json(json);
  } else {
    print_outcome(outcome, classifier.config());
  }
  return code;
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
  return [flags] {
    return run_reporting(flags->subject(), flags->json, [&] { return run_evaluate(*flags); });
  };
}

}  // namespace weightlift
