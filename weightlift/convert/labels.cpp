#include "weightlift/convert/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/base/posix.h"
#include "weightlift/convert/label_file.h"
#include "weightlift/error.h"
#include "weightlift/models/imagenet_labels.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

constexpr std::size_t kMaxLabelFileBytes = std::size_t{16} << 20;

std::vector<std::string> imagenet_labels() {
  const auto labels = imagenet_1k_labels();
  return {labels.begin(), labels.end()};
}

/// How weightlift read a file, with two labels for the user to check.
Note describe(const LabelFile& file, const std::string& name) {
  return {NoteCode::kLabelsRead,
          name,
          {{"form", std::string(file.form)},
           {"first", printable(file.labels.front())},
           {"last", printable(file.labels.back())}}};
}

void require_count(const LabelFile& file, const std::string& where, std::int64_t classes) {
  if (std::cmp_equal(file.labels.size(), classes)) return;
  throw MismatchError(
      where, fmt::format("expected {} labels, one per class, got {}{}", classes, file.labels.size(),
                         file.form.empty() ? "" : fmt::format(" ({})", file.form)));
}

std::vector<std::string> preset_labels(const Preset& preset, std::int64_t classes, Labels& result) {
  if (preset.name != kImagenetLabels) {
    throw UsageError("id2label", fmt::format("unknown labels '{}'", printable(preset.name)),
                     did_you_mean({kImagenetLabels}));
  }
  result.from = "ImageNet-1k, chosen by the user";
  LabelFile file{imagenet_labels(), ""};
  require_count(file, preset.name, classes);
  return std::move(file.labels);
}

std::vector<std::string> file_labels(const File& given, std::int64_t classes, Labels& result) {
  const std::string name = given.name.empty() ? shown(given.path) : printable(given.name, 400);
  result.from =
      fmt::format("from {}, chosen by the user", given.name.empty() ? "a file" : given.name);
  LabelFile file = parse_label_file(read_text_file(given.path, kMaxLabelFileBytes), name);
  if (!file.labels.empty()) result.reading.push_back(describe(file, name));
  require_count(file, name, classes);
  return std::move(file.labels);
}

/// The labels that the user chose.
std::vector<std::string> given_labels(const LabelsFrom& from, std::int64_t classes,
                                      Labels& result) {
  if (const auto* preset = std::get_if<Preset>(&from)) {
    return preset_labels(*preset, classes, result);
  }
  if (const auto* file = std::get_if<File>(&from)) return file_labels(*file, classes, result);
  throw UsageError("id2label", fmt::format("not fetched: {}",
                                           printable(std::get<Repository>(from).address, 400)));
}

bool claims_imagenet(const Source& source) {
  if (!source.timm || source.config.num_labels != 1000) return false;
  return source.timm->pretrained_cfg.tag.ends_with("in1k");
}

void note_duplicates(const std::vector<std::string>& labels, Notes& notes) {
  std::set<std::string> seen;
  std::set<std::string> twice;
  for (const std::string& label : labels) {
    if (!seen.insert(label).second) twice.insert(label);
  }
  constexpr std::size_t kNamed = 3;
  std::size_t count = 0;
  for (const std::string& label : twice) {
    if (++count > kNamed) break;
    notes.push_back({NoteCode::kLabelDuplicated, "", {{"label", printable(label)}}});
  }
  if (twice.size() > kNamed) {
    notes.push_back(
        {NoteCode::kMoreLabelsDuplicated, "", {{"count", std::to_string(twice.size() - kNamed)}}});
  }
}

/// Takes the class names that a trainer wrote, where they fit the network.
bool take_class_names(const Source& source, std::vector<std::string>& labels, Notes& notes) {
  const std::vector<std::string>& names = source.checkpoint.class_names;
  const bool fits = std::cmp_equal(names.size(), source.config.num_labels);
  const bool clean =
      std::ranges::all_of(names, [](const std::string& name) { return is_printable(name); });
  if (fits && clean) {
    labels = names;
    return true;
  }
  if (source.config.num_labels > 0) {
    const std::string where = shown(source.checkpoint.path);
    notes.push_back(fits ? Note{NoteCode::kClassNamesInvalid, where}
                         : Note{NoteCode::kClassNamesMismatch,
                                where,
                                {{"names", std::to_string(names.size())},
                                 {"classes", std::to_string(source.config.num_labels)}}});
  }
  return false;
}

}  // namespace

Labels choose_labels(const Source& source, const LabelsFrom& id2label) {
  Labels result;
  std::vector<std::string> labels;
  if (!std::holds_alternative<FromSource>(id2label)) {
    labels = given_labels(id2label, source.config.num_labels, result);
  } else if (source.config.has_labels()) {
    return {source.config.id2label, "from the source", {}, {}};
  } else if (source.timm && !source.timm->labels.empty()) {
    labels = source.timm->labels;
    result.from = "from the source";
  } else if (!source.checkpoint.class_names.empty() &&
             take_class_names(source, labels, result.notes)) {
    result.from = "from the source";
  } else if (claims_imagenet(source)) {
    labels = imagenet_labels();
    result.from = fmt::format("ImageNet-1k, assumed from 1000 classes and the tag {}",
                              printable(source.timm->pretrained_cfg.tag));
  } else {
    result.from = "unknown (LABEL_0, LABEL_1, ...)";
    if (source.config.num_labels == 0) {
      result.notes.push_back({NoteCode::kNoClassifier, "", {}, {{HintCode::kDropHead, {}}}});
    }
    if (source.config.num_labels > 0) {
      const bool imagenet = source.config.num_labels == 1000;
      result.notes.push_back({NoteCode::kLabelsUnknown,
                              "",
                              {{"classes", std::to_string(source.config.num_labels)}},
                              {{HintCode::kGiveLabels, {imagenet ? "imagenet-1k" : ""}}}});
    }
  }
  note_duplicates(labels, result.notes);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    result.id2label.emplace_back(static_cast<std::int64_t>(i), std::move(labels[i]));
  }
  return result;
}

}  // namespace weightlift
