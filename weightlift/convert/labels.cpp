#include "weightlift/convert/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/posix.h"
#include "weightlift/convert/label_file.h"
#include "weightlift/models/imagenet_labels.h"

namespace weightlift {

namespace {

constexpr std::size_t kMaxLabelFileBytes = std::size_t{16} << 20;

std::vector<std::string> imagenet_labels() {
  const auto labels = imagenet_1k_labels();
  return {labels.begin(), labels.end()};
}

/// How a file was read, and what shows the user whether that is right.
std::string describe(const LabelFile& file, const std::string& name) {
  return fmt::format("{}: labels: {}; first '{}', last '{}'", name, file.form,
                     printable(file.labels.front()), printable(file.labels.back()));
}

/// The labels that the user names: ImageNet's or those of a file.
std::vector<std::string> given_labels(const std::string& id2label, const std::string& from,
                                      std::int64_t classes, Labels& result) {
  LabelFile file{imagenet_labels(), ""};
  if (id2label == "imagenet-1k") {
    result.from = "ImageNet-1k's, as asked for";
  } else {
    result.from = fmt::format("from {}, as asked for", from.empty() ? "a file" : from);
    const std::string name = from.empty() ? shown(id2label) : printable(from, 400);
    file = parse_label_file(read_text_file(id2label, kMaxLabelFileBytes), name);
    if (!file.labels.empty()) result.reading = describe(file, name);
  }
  if (static_cast<std::int64_t>(file.labels.size()) != classes) {
    throw MismatchError(fmt::format("--id2label {}: expected {} labels, one per class, got {}{}",
                                    printable(id2label, 400), classes, file.labels.size(),
                                    file.form.empty() ? "" : fmt::format(" ({})", file.form)));
  }
  return std::move(file.labels);
}

bool claims_imagenet(const Source& source) {
  if (!source.timm || source.config.num_labels != 1000) return false;
  return source.timm->pretrained_cfg.tag.ends_with("in1k");
}

void note_duplicates(const std::vector<std::string>& labels, std::vector<std::string>& notes) {
  std::set<std::string> seen;
  std::set<std::string> twice;
  for (const std::string& label : labels) {
    if (!seen.insert(label).second) twice.insert(label);
  }
  constexpr std::size_t kNamed = 3;
  std::size_t count = 0;
  for (const std::string& label : twice) {
    if (++count > kNamed) break;
    notes.push_back(
        fmt::format("label '{}' stands for two classes: label2id keeps the last, as in "
                    "transformers",
                    printable(label)));
  }
  if (twice.size() > kNamed) {
    notes.push_back(fmt::format("so do {} more labels", twice.size() - kNamed));
  }
}

/// transformers writes LABEL_0, LABEL_1, ... where nobody named the classes.
bool has_labels(const ResNetConfig& config) {
  return std::ranges::any_of(config.id2label, [](const auto& entry) {
    return entry.second != fmt::format("LABEL_{}", entry.first);
  });
}

/// What a trainer wrote of its classes, where it fits the network.
bool take_class_names(const Source& source, std::vector<std::string>& labels,
                      std::vector<std::string>& notes) {
  const std::vector<std::string>& names = source.checkpoint.class_names;
  const bool fits = std::cmp_equal(names.size(), source.config.num_labels);
  const bool clean = std::ranges::all_of(
      names, [](const std::string& name) { return printable(name, name.size()) == name; });
  if (fits && clean) {
    labels = names;
    return true;
  }
  if (source.config.num_labels > 0) {
    notes.push_back(fits ? "ignored the checkpoint's class names: expected UTF-8 without control "
                           "characters"
                         : fmt::format("ignored the checkpoint's {} class names: the network has "
                                       "{} classes",
                                       names.size(), source.config.num_labels));
  }
  return false;
}

}  // namespace

Labels choose_labels(const Source& source, const std::string& id2label, const std::string& from) {
  Labels result;
  std::vector<std::string> labels;
  if (!id2label.empty()) {
    labels = given_labels(id2label, from, source.config.num_labels, result);
  } else if (has_labels(source.config)) {
    return {source.config.id2label, "the source's own", {}, {}};
  } else if (source.timm && !source.timm->labels.empty()) {
    labels = source.timm->labels;
    result.from = "the source's own";
  } else if (!source.checkpoint.class_names.empty() &&
             take_class_names(source, labels, result.notes)) {
    result.from = "the source's own";
  } else if (claims_imagenet(source)) {
    labels = imagenet_labels();
    result.from = fmt::format("ImageNet-1k's, assumed for 1000 classes and the tag {}",
                              printable(source.timm->pretrained_cfg.tag));
  } else {
    result.from = "none known (LABEL_0, LABEL_1, ...)";
    if (source.config.num_labels == 0) {
      result.notes.emplace_back(
          "no classifier in the source: a pipeline cannot use it; --head none makes it a backbone");
    }
    if (source.config.num_labels == 1000) {
      result.notes.emplace_back("1000 classes without labels; --id2label imagenet-1k names them");
    }
  }
  note_duplicates(labels, result.notes);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    result.id2label.emplace_back(static_cast<std::int64_t>(i), std::move(labels[i]));
  }
  return result;
}

}  // namespace weightlift
