#include "weightlift/predict/class_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "weightlift/base/message.h"
#include "weightlift/models/id2label.h"
#include "weightlift/models/imagenet_labels.h"
#include "weightlift/predict/ascii.h"

namespace weightlift {

namespace {

/// Returns the text in the form in which names of folders are compared: in lower case, with ' ' for
/// '_' and '-'.
std::string folded(const std::string& text) {
  std::string result = ascii_lower(text);
  std::ranges::replace_if(
      result, [](char c) { return c == '_' || c == '-'; }, ' ');
  return result;
}

/// Class ids by the text of their label.
class IdsByLabel {
 public:
  explicit IdsByLabel(const ModelConfig& config) {
    for (std::int64_t id = 0; id < config.num_labels; ++id) {
      const std::string label = config.label(id);
      exact_[label].push_back(id);
      folded_[folded(label)].push_back(id);
      if (const std::size_t end = label.find(", "); end != std::string::npos) {
        synonyms_[folded(label.substr(0, end))].push_back(id);
      }
    }
  }

  /// Returns the ids of the label that equals this text, or else equals it when folded, or else
  /// whose words before the first comma do. Null for none.
  const std::vector<std::int64_t>* find(const std::string& text) const {
    if (const auto found = exact_.find(text); found != exact_.end()) return &found->second;
    for (const auto* ids : {&folded_, &synonyms_}) {
      if (const auto found = ids->find(folded(text)); found != ids->end()) return &found->second;
    }
    return nullptr;
  }

 private:
  std::map<std::string, std::vector<std::int64_t>> exact_, folded_, synonyms_;
};

/// What to do about a name that is no label.
Hints rename_hints(const std::string& label, const std::string& where) {
  constexpr std::array<std::string_view, 5> kSplits = {"train", "val", "valid", "validation",
                                                       "test"};
  if (std::ranges::find(kSplits, ascii_lower(label)) != kSplits.end()) {
    return advice(fmt::format("choose a folder inside it, such as {}/{}", where, label));
  }
  return advice("rename it, or name all classes by id");
}

std::vector<std::int64_t> by_label(const std::vector<std::string>& labels, const IdsByLabel& ids,
                                   const ModelConfig& config, const std::string& where) {
  std::vector<std::int64_t> classes;
  for (const std::string& label : labels) {
    const std::vector<std::int64_t>* found = ids.find(label);
    if (found == nullptr) {
      throw MismatchError(where,
                          fmt::format("'{}' is not a label of the network, such as '{}'",
                                      printable(label), printable(config.label(0))),
                          rename_hints(label, where));
    }
    if (found->size() > 1) {
      throw MismatchError(where,
                          fmt::format("'{}' is the label of several classes, such as {} and {}",
                                      printable(label), found->at(0), found->at(1)),
                          advice("name all classes by id"));
    }
    classes.push_back(found->front());
  }
  return classes;
}

std::vector<std::int64_t> by_id(const std::vector<std::string>& labels, std::int64_t num_labels,
                                const std::string& where) {
  std::vector<std::int64_t> classes;
  for (const std::string& label : labels) {
    const std::optional<std::int64_t> id = parse_class_id(label);
    if (!id || *id >= num_labels) {
      throw MismatchError(where, fmt::format("expected class ids from 0 to {}, got '{}'",
                                             num_labels - 1, printable(label)));
    }
    classes.push_back(*id);
  }
  return classes;
}

bool has_imagenet_labels(const ModelConfig& config) {
  const auto known = imagenet_1k_labels();
  if (config.num_labels != static_cast<std::int64_t>(known.size())) return false;
  for (std::size_t id = 0; id < known.size(); ++id) {
    if (config.label(static_cast<std::int64_t>(id)) != known[id]) return false;
  }
  return true;
}

std::optional<std::int64_t> find_synset(const std::string& label) {
  const auto synsets = imagenet_1k_synsets();
  const auto found = std::ranges::lower_bound(synsets, label);
  if (found == synsets.end() || *found != label) return {};
  return found - synsets.begin();
}

std::vector<std::int64_t> by_synset(const std::vector<std::string>& labels,
                                    const std::string& where) {
  std::vector<std::int64_t> classes;
  for (const std::string& label : labels) {
    const std::optional<std::int64_t> id = find_synset(label);
    if (!id) {
      throw MismatchError(
          where, fmt::format("'{}' is not a WordNet id of ImageNet-1k, but other labels are",
                             printable(label)));
    }
    classes.push_back(*id);
  }
  return classes;
}

}  // namespace

ClassMatch match_classes(const std::vector<std::string>& labels, const ModelConfig& config,
                         const std::string& where) {
  const IdsByLabel ids(config);
  const auto is_label = [&](const std::string& label) { return ids.find(label) != nullptr; };
  const bool some_labels = std::ranges::any_of(labels, is_label);
  const auto is_id = [](const std::string& label) { return parse_class_id(label).has_value(); };
  if (!some_labels && std::ranges::all_of(labels, is_id)) {
    return {MatchedBy::kId, by_id(labels, config.num_labels, where)};
  }
  const auto is_synset = [](const std::string& label) { return find_synset(label).has_value(); };
  if (!some_labels && std::ranges::any_of(labels, is_synset) && has_imagenet_labels(config)) {
    return {MatchedBy::kSynset, by_synset(labels, where)};
  }
  if (some_labels || config.has_labels()) {
    return {MatchedBy::kLabel, by_label(labels, ids, config, where)};
  }
  if (labels.size() != static_cast<std::size_t>(config.num_labels)) {
    throw MismatchError(
        where,
        fmt::format("the network has {} classes without labels: expected as many names, got {}",
                    config.num_labels, labels.size()),
        advice("name all classes by id"));
  }
  ClassMatch match{MatchedBy::kOrder, {}};
  for (std::int64_t id = 0; id < config.num_labels; ++id) match.classes.push_back(id);
  return match;
}

}  // namespace weightlift
