#include "weightlift/cli/convert_result.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weightlift/base/message.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/results.h"
#include "weightlift/cli/words.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/report/phrase.h"

namespace weightlift {

namespace {

/// The additional lines of a dry run: files to read, and facts for the card.
void print_claims(const Conversion& result) {
  const Provenance& from = result.provenance;
  put("  reads: {}\n", printable(result.source_file, 400));
  if (!from.license.empty()) {
    put("  license: {}\n", printable(from.license));
  } else {
    put("  license: unknown{}\n",
        from.claimed_license.empty()
            ? ""
            : fmt::format(", the source claims {}", printable(from.claimed_license)));
  }
}

/// The most likely classes of both networks, side by side.
void print_image(const ImageComparison& image) {
  put("  {}: logits {}\n", printable(image.file, 400), image.bit_equal ? "bit-equal" : "differ");
  constexpr std::size_t kMostBytes = 48;
  std::size_t width = 0;
  for (const Prediction& a : image.src) {
    width = std::max(width, printable(a.label, kMostBytes).size());
  }
  for (std::size_t i = 0; i < image.src.size(); ++i) {
    const Prediction& a = image.src[i];
    const Prediction& b = image.dest[i];
    put("    {:.4f} {:<{}}  {:.4f} {}\n", a.score, printable(a.label, kMostBytes), width, b.score,
        printable(b.label, kMostBytes));
  }
}

void print_network(const Conversion& result) {
  const ModelConfig& config = result.content.config;
  put("  network: {}, {} in, {} out, {} parameters, {}\n", result.content.network->describe(),
      config.num_channels,
      config.head == Head::kClassifier ? fmt::format("{} classes", config.num_labels) : "features",
      with_commas(result.parameters), torch_name(config.dtype));
}

/// timm's default tag for a network of this shape, whose image processor is a good guess; "NAME"
/// where timm has none.
std::string likely_name(const Network& network) {
  try {
    if (const auto cfg = find_pretrained(network.timm_config().architecture)) {
      return full_name(*cfg);
    }
  } catch (const Error&) {
    // timm has no network of this shape
  }
  return "NAME";
}

/// The options that chose the network, the folder and the card, so that the command does the same
/// again.
std::string repeated_options(const ConversionRequest& request) {
  std::string text;
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) text += fmt::format(" {} {}", option, shell_quoted(value));
  };
  add("--name", request.name);
  add("--as", request.hints.as.value_or(""));
  add("--config", request.hints.config);
  add("--weights-key", request.hints.weights_key);
  add("--head-key", request.hints.head_key);
  for (const std::string& pattern : request.hints.ignore) add("--ignore", pattern);
  if (request.dtype) add("--dtype", std::string(torch_name(*request.dtype)));
  if (request.weights_format == WeightsFormat::kBin) add("--weights-format", "bin");
  add("--license", request.license);
  add("--base-model", request.base_model);
  for (const std::string& dataset : request.datasets) add("--dataset", dataset);
  if (!request.verify) text += " --no-verify";
  return text;
}

/// Without labels or an image processor, pipeline() does not work.
void print_what_lacks(const ConversionRequest& request, const ConvertFlags& flags,
                      const Conversion& result) {
  const ModelConfig& config = result.content.config;
  const bool classifies = config.head == Head::kClassifier && config.num_labels > 0;
  if (request.to != Form::kTransformers || !classifies || !result.written) return;
  const bool can_have_processor = config.num_channels == 1 || config.num_channels == 3;
  const bool labels = config.id2label.empty();
  const bool processor = !result.content.processor && can_have_processor;
  if (!labels && !processor) return;
  std::string command =
      fmt::format("weightlift convert {} -o {} --force{}", shell_quoted(request.source),
                  shell_quoted(request.output.string()), repeated_options(request));
  if (labels) {
    command += config.num_labels == 1000 ? " --id2label imagenet-1k" : " --id2label labels.txt";
  } else if (!flags.id2label.empty()) {
    command += " --id2label " + shell_quoted(flags.id2label);
  }
  if (processor) {
    command += " --image-processor " + likely_name(*result.content.network);
  } else if (flags.image_processor != "source") {
    command += " --image-processor " + shell_quoted(flags.image_processor);
  }
  put("  incomplete: no {}{}; complete the folder with:\n    {}\n",
      labels ? "labels" : "image processor", labels && processor ? ", no image processor" : "",
      command);
  if (labels && config.num_labels != 1000)
    put("    labels.txt: one label per line, in the order of the classes\n");
}

/// A dry run of a source that is not local.
void print_download(const ConversionRequest& request, const Conversion& result) {
  put("{} -> {}\n  would fetch from {}: {} ({})\n", printable(request.source, 400),
      printable(result.folder.string(), 400), printable(result.repository),
      fmt::format("{}", fmt::join(result.fetch, ", ")), readable_bytes(result.fetch_bytes));
  if (const auto cfg = parse_source_name(request.source).cfg) {
    put("  license: {}\n", cfg->license.empty() ? "unknown" : cfg->license);
  }
  put("  for the full plan, fetch it first: weightlift pull {}\n", printable(result.repository));
}

}  // namespace

void print_result(const ConversionRequest& request, const ConvertFlags& flags,
                  const Conversion& result) {
  if (!result.fetch.empty()) {
    print_download(request, result);
    return;
  }
  const std::string source = printable(request.source, 400);
  if (result.unchanged) {
    put("{}: {} is up to date; nothing to do\n", source, printable(result.folder.string(), 400));
    return;
  }
  if (result.already) {
    put("{}: already has the form of {}; nothing to do\n", source, to_string(request.to));
    return;
  }
  put("{} -> {}\n", source, printable(result.folder.string(), 400));
  print_network(result);
  put("  {}: {} operations with parameters, {} tensors\n", request.dry_run ? "would move" : "moved",
      result.transfer.operations.size(), result.transfer.tensor_count());
  for (const IgnoredSummary& line : summarize(result.outside)) {
    put("  ignored, {}: {}\n", to_string(line.kind), line.names);
  }
  if (result.content.config.head == Head::kClassifier) {
    put("  labels: {}\n", result.labels_from);
  }
  if (request.dry_run) print_claims(result);
  if (result.verification) {
    put_text(describe(*result.verification));
  } else {
    put("  not verified{}\n", request.dry_run ? " (dry run)" : "");
  }
  for (const ImageComparison& image : result.images) print_image(image);
  put("  {} {}\n",
      result.written    ? "wrote"
      : request.dry_run ? "would write"
                        : "NOT written:",
      fmt::join(result.files, ", "));
  print_what_lacks(request, flags, result);
}

}  // namespace weightlift
