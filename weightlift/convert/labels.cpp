#include "weightlift/convert/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/models/imagenet_labels.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxLabelFileBytes = std::size_t{16} << 20;

std::vector<std::string> imagenet_labels() {
  const auto labels = imagenet_1k_labels();
  return {labels.begin(), labels.end()};
}

std::vector<std::string> from_json(const Json& json, const std::string& where) {
  std::map<std::int64_t, std::string> by_id;
  for (const auto& [key, label] : json.items()) {  // an array's keys are its indices
    std::int64_t id = -1;
    const auto parsed = std::from_chars(key.data(), key.data() + key.size(), id);
    if (parsed.ptr != key.data() + key.size() || std::to_string(id) != key || !label.is_string()) {
      throw FormatError(
          fmt::format("{}: expected class ids from 0 and strings as labels, got {}: {}", where,
                      printable(key), printable(label.dump(-1, ' ', true), 40)));
    }
    by_id[id] = label.get<std::string>();
  }
  std::vector<std::string> labels;
  for (auto& [id, label] : by_id) {
    if (id != static_cast<std::int64_t>(labels.size())) {
      throw FormatError(fmt::format("{}: expected class ids without gaps, got {} after {} labels",
                                    where, id, labels.size()));
    }
    labels.push_back(std::move(label));
  }
  return labels;
}

std::vector<std::string> from_lines(const std::string& text) {
  std::vector<std::string> labels;
  std::size_t begin = 0;
  while (begin < text.size()) {
    std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) end = text.size();
    std::string line = text.substr(begin, end - begin);
    if (line.ends_with('\r')) line.pop_back();
    labels.push_back(std::move(line));
    begin = end + 1;
  }
  return labels;
}

std::vector<std::string> read_labels(const std::string& id2label) {
  if (id2label == "imagenet-1k") return imagenet_labels();
  const std::string text = read_text_file(id2label, kMaxLabelFileBytes);
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first != std::string::npos && (text[first] == '{' || text[first] == '[')) {
    return from_json(parse_json(text, id2label), id2label);
  }
  // A label that JSON could not carry would only fail later, and without the file's name.
  std::vector<std::string> labels = from_lines(text);
  for (const std::string& label : labels) {
    if (printable(label, label.size()) != label) {
      throw FormatError(
          fmt::format("{}: expected UTF-8 labels without control characters, got '{}'", id2label,
                      printable(label)));
    }
  }
  return labels;
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

}  // namespace

Labels choose_labels(const Source& source, const std::string& id2label, const std::string& from) {
  Labels result;
  std::vector<std::string> labels;
  if (!id2label.empty()) {
    labels = read_labels(id2label);
    result.from = id2label == "imagenet-1k"
                      ? "ImageNet-1k's, as asked for"
                      : fmt::format("from {}, as asked for", from.empty() ? "a file" : from);
    if (static_cast<std::int64_t>(labels.size()) != source.config.num_labels) {
      throw MismatchError(fmt::format("--id2label {}: expected {} labels, one per class, got {}",
                                      id2label, source.config.num_labels, labels.size()));
    }
  } else if (has_labels(source.config)) {
    return {source.config.id2label, "the source's own", {}};
  } else if (source.timm && !source.timm->labels.empty()) {
    labels = source.timm->labels;
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
