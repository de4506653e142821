#include "weightlift/cli/convert_flags.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <span>

#include "weightlift/base/message.h"
#include "weightlift/cli/commands.h"
#include "weightlift/cli/help.h"
#include "weightlift/cli/publish_flags.h"
#include "weightlift/models/families.h"
#include "weightlift/models/registry.h"

namespace weightlift {

namespace {

std::vector<std::string> words_of(std::span<const char* const> choices) {
  return {choices.begin(), choices.end()};
}

void add_source_options(CLI::App& command, ConvertFlags& flags) {
  command.add_option("SOURCE", flags.sources,
                     fmt::format("Timm checkpoints: weights files, folders, names ({}) or "
                                 "repositories (OWNER/NAME[@REVISION]); default: {}",
                                 kExampleTag, fmt::join(default_names(), ", ")));
  const auto group = [](CLI::Option* option) { return option->group("Source"); };
  group(command.add_flag(
      "--all", flags.all,
      fmt::format("Convert {} (the default without SOURCE)", fmt::join(default_names(), ", "))));
  group(
      command.add_option("--model_name", flags.model_name, "The old script's spelling of SOURCE"));
}

void add_as_options(CLI::App& command, ConvertFlags& flags) {
  command
      .add_option("--as", flags.as,
                  fmt::format("Timm model that a lone weights file contains ({})", kExampleTag))
      ->group("Source");
  add_network_options(command, flags.request.hints);
}

/// Options of the place, which `batch` has in its own way.
void add_place_options(CLI::App& command, ConvertFlags& flags) {
  ConversionRequest& request = flags.request;
  const auto group = [](CLI::Option* option) { return option->group("Output"); };
  group(command.add_option("-o,--output,--pytorch_dump_folder_path", request.output,
                           "Parent folder, created if missing"))
      ->type_name("DIR")
      ->required();
  group(command.add_option("--name", request.name, "Folder name, for one SOURCE"));
  group(command.add_flag("--if-changed", request.if_changed,
                         "Skip a source whose folder is whole and up to date; else replace it"));
  group(command.add_flag("--fsync", request.fsync, "Wait until everything is on the disk"));
}

void add_output_options(CLI::App& command, ConvertFlags& flags) {
  ConversionRequest& request = flags.request;
  const auto group = [](CLI::Option* option) { return option->group("Output"); };
  group(command.add_flag("--force", request.force, "Replace an existing folder, in one step"));
  group(command.add_flag("--checksum", request.checksum,
                         "Compare the bytes of a source with its record, not size and time"));
  group(command.add_option("--to", flags.to, "Format of the new folder"))
      ->capture_default_str()
      ->check(CLI::IsMember(words_of(kForms)));
  group(command.add_option("--weights-format", flags.weights_format,
                           "Format of the weights file; bin is torch's (default: safetensors, for "
                           "torchvision bin)"))
      ->check(CLI::IsMember(words_of(kWeightsFormats)));
  group(command.add_option("--dtype", flags.dtype, "Output dtype; counters stay int64"))
      ->capture_default_str()
      ->check(CLI::IsMember(words_of(kOutputDtypes)));
  group(command.add_option("--head", flags.head,
                           "Classifier: keep it, or none for a backbone (AutoModel)"))
      ->capture_default_str()
      ->check(CLI::IsMember(words_of(kHeads)));
  group(command.add_flag("--dry-run", request.dry_run, "Show what would be done; write nothing"));
}

void add_content_options(CLI::App& command, ConvertFlags& flags) {
  ConversionRequest& request = flags.request;
  const auto group = [](CLI::Option* option) { return option->group("Labels, images and card"); };
  group(command.add_option("--id2label", flags.id2label,
                           "Labels: imagenet-1k, a file (JSON object, JSON array, or one label per "
                           "line), or hf://datasets/OWNER/NAME/FILE"))
      ->type_name("FILE");
  group(command.add_option(
            "--image-processor", flags.image_processor,
            fmt::format("Image processor: source, source-test, convnext-base-224-22k-1k, a timm "
                        "name ({}), a preprocessor_config.json, a folder, or a repository",
                        kExampleTag)))
      ->type_name("WHICH")
      ->capture_default_str();
  group(command.add_option("--license", request.license, "License for the model card"));
  group(command.add_option("--base-model", request.base_model, "base_model for the model card"));
  group(
      command.add_option("--dataset", request.datasets, "Dataset for the model card (repeatable)"))
      ->allow_extra_args(false);
}

void add_check_options(CLI::App& command, ConvertFlags& flags) {
  ConversionRequest& request = flags.request;
  const auto group = [](CLI::Option* option) { return option->group("Verification"); };
  group(command.add_option("--image", request.images,
                           "Also compare both networks on this image (repeatable)"))
      ->type_name("FILE")
      ->allow_extra_args(false);
  group(
      command.add_flag("--no-verify", flags.no_verify, "Do not verify; the model card states it"));
  add_verify_options(command, request.verify_options);
}

void add_result_options(CLI::App& command, ConvertFlags& flags) {
  const auto group = [](CLI::Option* option) { return option->group("Results"); };
  group(command.add_flag("--json", flags.json, "One JSON object per SOURCE, on one line"));
  group(command.add_option("--report", flags.report,
                           "Write a JSON array with every operation to a file; - is stdout"))
      ->type_name("FILE");
}

void refuse_contradictions(const ConvertFlags& flags) {
  for (const std::string& source : flags.sources) {
    // The old script took its value as a word of its own, which would be a SOURCE here.
    if (flags.push && (source == "True" || source == "False")) {
      throw UsageError(fmt::format("--push_to_hub {}", source), "the value needs an '='",
                       advice(fmt::format("write --push_to_hub={}", source)));
    }
  }
  const std::size_t count = flags.sources.size();
  if (!flags.request.name.empty() && count > 1) {
    throw UsageError("--name", fmt::format("expected one SOURCE, got {}", count));
  }
  if (!flags.publish.repo_id.empty() && count > 1) {
    throw UsageError("--repo-id", fmt::format("expected one SOURCE, got {}", count));
  }
  if (flags.report == "-" && flags.json) {
    throw UsageError("--report -", "cannot be combined with --json; both write to stdout");
  }
}

}  // namespace

void add_item_options(CLI::App& command, ConvertFlags& flags) {
  add_as_options(command, flags);
  add_output_options(command, flags);
  add_content_options(command, flags);
  add_check_options(command, flags);
  command
      .add_flag("--push-to-hub,--push_to_hub", flags.push,
                "Publish each verified model in one commit")
      ->group("Publishing");
  add_publish_flags(command, flags.publish);
}

void refuse_item_contradictions(const ConvertFlags& flags) {
  if (flags.push && flags.to == "torchvision") {
    throw UsageError("--push-to-hub",
                     "cannot be combined with --to torchvision, which writes only a state dict");
  }
  if (!flags.request.hints.head_key.empty() && flags.head == "none") {
    throw UsageError("--head-key", "cannot be combined with --head none");
  }
  if (flags.no_verify && !flags.request.images.empty()) {
    throw UsageError("--image", "cannot be combined with --no-verify");
  }
  if (flags.request.checksum && !flags.request.if_changed) {
    throw UsageError("--checksum", "needs --if-changed");
  }
  if (!flags.push && flags.publish != PublishOptions()) {
    throw UsageError("--repo-id, --private and other publishing options need --push-to-hub");
  }
  if (flags.push && flags.no_verify) {
    throw UsageError("--push-to-hub", "publishes only verified models; omit --no-verify");
  }
  // An unset variable of a script would mean the current folder.
  if (flags.request.output.empty()) {
    throw UsageError("--output", "expected a folder, got an empty text");
  }
}

void add_convert_options(CLI::App& command, ConvertFlags& flags) {
  add_source_options(command, flags);
  add_place_options(command, flags);
  add_item_options(command, flags);
  add_result_options(command, flags);
  add_examples(command, {fmt::format("weightlift convert {} -o out", kExampleTag),
                         "weightlift convert examples/digits/model.safetensors -o out --id2label "
                         "examples/digits/labels.txt --image-processor examples/digits",
                         fmt::format("weightlift convert {} -o out --push-to-hub --repo-id me/{}",
                                     kExampleName, kExampleFolder)});
}

std::vector<ConversionRequest> read_words(ConvertFlags& flags) {
  if (!flags.model_name.empty()) flags.sources.push_back(flags.model_name);
  if (flags.all && !flags.sources.empty()) {
    throw UsageError("--all", "cannot be combined with SOURCE");
  }
  if (flags.sources.empty()) flags.sources.assign(default_names().begin(), default_names().end());
  refuse_contradictions(flags);
  refuse_item_contradictions(flags);
  const ConversionRequest request = to_request(flags);
  std::vector<ConversionRequest> requests(flags.sources.size(), request);
  for (std::size_t i = 0; i < requests.size(); ++i) requests[i].source = flags.sources[i];
  return requests;
}

}  // namespace weightlift
