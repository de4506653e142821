#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/image_inputs.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/progress.h"
#include "weightlift/cli/results.h"
#include "weightlift/cli/terminal.h"
#include "weightlift/jobs.h"
#include "weightlift/models/registry.h"
#include "weightlift/predict.h"
#include "weightlift/report/image_json.h"

namespace weightlift {

namespace {

struct ClassifyFlags {
  std::string folder;
  std::vector<std::string> images;
  std::size_t top_k = 5;
  bool json = false;
  ClassifyOptions options;
  Subject subject() const { return {"classify", folder}; }
};

void print_rows(const ImageInput& input, const std::vector<Prediction>& predictions) {
  constexpr float kWidth = 20;
  put_line(shown(input.file), Style::kBold);
  bool first = true;
  for (const Prediction& prediction : predictions) {
    const float part = std::clamp(prediction.score, 0.0F, 1.0F);  // a regression's may be anything
    const std::string bar(static_cast<std::size_t>(std::lround(part * kWidth)), '#');
    const std::string row = fmt::format("  {:.4f}  {:<20}  {}", prediction.score, bar,
                                        printable(prediction.label, 200));
    put_line(row, first ? Style::kBold : Style::kPlain);
    first = false;
  }
}

int run_classify(const ClassifyFlags& flags) {
  catch_signals();
  TerminalProgress progress;
  const Classifier classifier = Classifier::open(fetch_model(flags.folder, progress));
  for (const Note& note : classifier.notes()) progress.note(note);
  const std::vector<ImageInput> inputs = find_inputs(flags.images);
  progress.clear();
  ClassifyOptions options = flags.options;
  Notes refused;
  if (inputs.size() > 1) options.threads = threads_logged(inputs.size(), options.threads, refused);
  // On a terminal, the results themselves show the progress.
  StatusLine status(flags.folder);
  status.begin("classify", inputs.size(), false);
  const bool shows_results = isatty(STDOUT_FILENO) == 1;
  int code = 0;
  classifier.classify(inputs, options, [&](std::size_t i, const Classified& result) {
    check_signals();
    const std::vector<Prediction> predictions = classifier.best(result.scores, flags.top_k);
    if (shows_results || result.error || !result.notes.empty()) status.clear();
    Notes notes = result.notes;
    for (Note& note : notes) {
      note.where = shown(inputs[i].file);
      log_note(note);
    }
    if (flags.json) {
      print_json(image_json(flags.subject(), inputs[i].file.string(), result, predictions, notes));
    } else if (!result.error) {
      print_rows(inputs[i], predictions);
    }
    if (result.error) {
      log_error(*result.error);
      code = worse(code, exit_code(*result.error));
    }
    flush_results();
    require_reader();
    if (!shows_results) status.show(i + 1);
  });
  return code;
}

}  // namespace

void add_classify_options(CLI::App& command, ClassifyOptions& options) {
  command.add_option("--threads", options.threads, "Images to compute at a time; 0: one per core")
      ->capture_default_str()
      ->check(CLI::Range(0, 1024));
  add_max_pixels(command, options.limits);
}

Action add_classify(CLI::App& app) {
  auto* command = app.add_subcommand("classify", "Classify images, with scores");
  auto flags = std::make_shared<ClassifyFlags>();
  command
      ->add_option("FOLDER", flags->folder,
                   "Transformers folder or repository, with an image processor")
      ->required();
  command
      ->add_option("IMAGE", flags->images,
                   "Images (JPEG, PNG, WebP, BMP, PPM), folders of them, or - for one on standard "
                   "input")
      ->required();
  command->add_option("--top-k", flags->top_k, "Labels per image, highest scores first")
      ->capture_default_str()
      ->check(CLI::Range(std::size_t{1}, std::size_t{1} << 20U));
  command->add_flag("--json", flags->json, "One JSON object per image");
  add_classify_options(*command, flags->options);
  add_examples(*command,
               {"weightlift classify out/digits examples/digits/images/three.png",
                fmt::format("weightlift classify microsoft/{} images/ --json > predictions.jsonl",
                            kExampleFolder)});
  return [flags] {
    return run_reporting(flags->subject(), flags->json, [&] { return run_classify(*flags); });
  };
}

}  // namespace weightlift
