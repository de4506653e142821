#include "weightlift/export/model_card.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "weightlift/base/message.h"
#include "weightlift/export/card_code.h"
#include "weightlift/export/card_notes.h"
#include "weightlift/export/yaml.h"
#include "weightlift/models/families.h"
#include "weightlift/progress.h"
#include "weightlift/tensor.h"

namespace weightlift {

std::string quoted(const std::string& text) {
  return nlohmann::json(printable(text, text.size())).dump();
}

std::string prose(const std::string& text) {
  constexpr std::size_t kLongest = 400;
  std::string safe;
  for (const char c : printable(text, kLongest)) {
    if (std::string_view("<>`[]*\\").find(c) != std::string_view::npos) safe += '\\';
    safe += c;
  }
  return safe;
}

namespace {

/// Untrusted text as code in a sentence of Markdown.
std::string code(const std::string& text) {
  std::string clean = printable(text);
  std::erase(clean, '`');
  return "`" + clean + "`";
}

void add_front_matter(std::string& out, const CardFacts& facts) {
  const Provenance& from = facts.provenance;
  out += fmt::format("---\nlibrary_name: {}\n", to_string(facts.folder.form));
  out += facts.folder.config.head == Head::kClassifier ? "pipeline_tag: image-classification\n"
                                                       : "pipeline_tag: image-feature-extraction\n";
  if (from.license == kSeerLicense) {
    out += fmt::format("license: other\nlicense_name: {}\nlicense_link: {}\n", kSeerLicense,
                       kSeerTerms);
  } else if (!from.license.empty()) {
    out += fmt::format("license: {}\n", yaml_quoted(from.license));
  }
  if (!from.base_model.empty())
    out += fmt::format("base_model: {}\n", yaml_quoted(from.base_model));
  if (!from.datasets.empty()) {
    out += "datasets:\n";
    for (const std::string& dataset : from.datasets)
      out += fmt::format("- {}\n", yaml_quoted(dataset));
  }
  out += fmt::format("tags:\n- {}\n- timm\n- vision\n---\n\n",
                     facts.folder.network->family().model_type());
}

std::string tag_line(const Provenance& from) {
  const std::string tag = code(from.tag);
  if (!from.known_by.empty()) {
    return fmt::format("- weights: timm's {}, known {}\n", code(from.architecture + "." + from.tag),
                       from.known_by);
  }
  if (from.named_by_user) {
    return fmt::format("- weights: tag {}, stated by the user and not checked\n", tag);
  }
  return fmt::format(
      "- the source's config claims the tag {}, which proves nothing: timm writes its default tag "
      "into every model that it builds\n",
      tag);
}

/// "- license: X" where it is a fact, else the claim.
std::string fact_line(std::string_view what, const Provenance& from, const std::string& fact,
                      const std::string& claim) {
  if (!fact.empty()) return fmt::format("- {}: {}\n", what, code(fact));
  if (claim.empty()) return fmt::format("- {}: unknown\n", what);
  return fmt::format(
      "- {}: unknown; {} {}\n", what,
      from.named_by_user ? "for this tag, timm's registry states" : "the source's config claims",
      code(claim));
}

void add_provenance(std::string& out, const CardFacts& facts) {
  const Provenance& from = facts.provenance;
  out += "## Where it comes from\n\n";
  out += fmt::format("- source: {}, file {}, sha256 `{}`\n",
                     from.commit.empty() ? code(from.source_name)
                                         : fmt::format("repository {} of the Hub at commit {}",
                                                       code(from.source_name), code(from.commit)),
                     code(from.source_file), from.source_sha256);
  if (!from.architecture.empty()) {
    out += fmt::format("- architecture: timm's {}\n", code(from.architecture));
  } else if (from.form == Form::kTransformers) {
    out += "- architecture: from the source's config.json\n";
  } else {
    out += fmt::format(
        "- architecture: a standard timm {} with ReLU, assumed because there is no config\n",
        facts.folder.network->family().name());
  }
  if (!from.tag.empty()) out += tag_line(from);
  out += fact_line("license", from, from.license, from.claimed_license);
  if (!from.origin_url.empty() || !from.claimed_origin_url.empty()) {
    out += fact_line("origin", from, from.origin_url, from.claimed_origin_url);
  }
  if (!from.known_by.empty() && !from.paper_ids.empty()) {
    out += fmt::format("- papers: {}\n", code(fmt::format("{}", fmt::join(from.paper_ids, ", "))));
  }
  for (const std::string& line : facts.ignored) {
    out += fmt::format("- ignored tensors of the checkpoint: {}\n", prose(line));
  }
  out += "\n";
}

void add_verification(std::string& out, const CardFacts& facts) {
  const VerifiedFacts& proof = facts.verified;
  out += "## What was verified\n\n";
  if (!proof.verified) {
    out += "**Nothing: this conversion was not verified.**\n\n";
    return;
  }
  const bool same_dtype = facts.source_dtype == facts.folder.config.dtype;
  out += fmt::format(
      "- {} tensors of the written file are bit-equal to the source's{}\n", proof.tensors,
      same_dtype ? ""
                 : fmt::format(" after conversion from {} to {}", torch_name(facts.source_dtype),
                               torch_name(facts.folder.config.dtype)));
  out += fmt::format(
      "- both networks run the same {} operations, with equal kinds, strides, padding, activations "
      "and eps\n",
      proof.operations);
  out += fmt::format(
      "- {} of the folder, read back from disk, equal those of the source{} bit for bit on {} "
      "standard normal input{} of {} (seed {})\n",
      proof.outputs,
      same_dtype
          ? ""
          : fmt::format(", with its weights rounded to {},", torch_name(facts.folder.config.dtype)),
      proof.samples, proof.samples == 1 ? "" : "s", to_string(proof.input_shape), proof.seed);
  if (!same_dtype) {
    out += fmt::format("- the rounding changed {} by at most {:.3g}, on average by {:.3g}\n",
                       proof.outputs, proof.max_abs, proof.mean_abs);
  }
  out += "\n";
}

void add_processor(std::string& out, const CardFacts& facts) {
  out += "## Images and labels\n\n";
  if (facts.folder.processor) {
    const char* place = facts.folder.form == Form::kTransformers ? "`preprocessor_config.json`"
                        : facts.folder.form == Form::kTimm       ? "`pretrained_cfg`"
                                                                 : "images";
    const ImageProcessor& processor = *facts.folder.processor;
    const ImageProcessor::CenterCrop size = image_size(processor);
    const std::string how = processor.type == ProcessorClass::kBit
                                ? fmt::format("center crop, short side {}", processor.shortest_edge)
                                : fmt::format("crop_pct {}", processor.crop_pct.value);
    out += fmt::format("- {}: {}x{} pixels, {}, resample {}\n", place, size.width, size.height, how,
                       processor.resample);
  }
  for (const Note& note : facts.notes) {
    const std::string sentence = card_sentence(note);
    if (!sentence.empty()) out += fmt::format("- {}\n", prose(sentence));
  }
  if (facts.folder.config.head == Head::kClassifier) {
    out += fmt::format("- labels: {}\n", prose(facts.labels_from));
  }
  out += "\n";
}

}  // namespace

std::string make_model_card(const CardFacts& facts) {
  const ModelConfig& config = facts.folder.config;
  std::string out;
  add_front_matter(out, facts);
  out += title_line(facts.name) + "\n";
  out += fmt::format(
      "A {} for {}, converted from a {} checkpoint by weightlift: {}, {} input channel{}, {}, {} "
      "parameters, {}.\n\n",
      facts.folder.network->family().name(), to_string(facts.folder.form),
      facts.provenance.form == Form::kTransformers ? "transformers" : "timm",
      facts.folder.network->describe(), config.num_channels, config.num_channels == 1 ? "" : "s",
      config.head == Head::kClassifier ? fmt::format("{} classes", config.num_labels)
                                       : "no classifier",
      facts.parameters, torch_name(config.dtype));
  add_provenance(out, facts);
  add_verification(out, facts);
  add_processor(out, facts);
  out += loading_section(facts);
  return out;
}

}  // namespace weightlift
