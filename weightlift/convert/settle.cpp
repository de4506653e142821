#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/text.h"
#include "weightlift/convert/source.h"
#include "weightlift/error.h"
#include "weightlift/models/linear_head.h"
#include "weightlift/progress.h"

// Decides what a source's tensors outside its network mean for a conversion.

namespace weightlift {

namespace {

constexpr std::size_t kShown = 8;

std::vector<const OutsideTensor*> open_questions(const Source& source) {
  std::vector<const OutsideTensor*> open;
  for (const OutsideTensor& tensor : source.outside) {
    if (tensor.kind == OutsideKind::kUnknown && tensor.consent == Consent::kNone) {
      open.push_back(&tensor);
    }
  }
  return open;
}

std::string list(const std::vector<const OutsideTensor*>& tensors) {
  std::vector<std::string> texts;
  for (const OutsideTensor* tensor : tensors) texts.push_back(describe(*tensor));
  return first_of(texts, kShown);
}

/// Whether a name of the network also begins with this part.
bool is_shared(const Source& source, const std::string& first) {
  const std::string& prefix = source.choice.prefix;
  if (!prefix.empty()) return prefix.starts_with(first + ".");
  return std::ranges::any_of(
      source.tensors, [&](const auto& entry) { return entry.first.starts_with(first + "."); });
}

/// Patterns for these tensors: one for each first part of a name, none where there are too many.
Hint suggest_ignore(const Source& source, const std::vector<const OutsideTensor*>& tensors) {
  std::vector<std::string> patterns;
  for (const OutsideTensor* tensor : tensors) {
    const std::string& name = tensor->full_name;
    const std::size_t dot = name.find('.');
    const std::string first = name.substr(0, dot);
    const bool whole = dot == std::string::npos || is_shared(source, first);
    std::string pattern = whole ? name : first + ".*";
    replace_all(pattern, "[", "[[]");
    if (std::ranges::find(patterns, pattern) == patterns.end()) patterns.push_back(pattern);
  }
  constexpr std::size_t kMost = 4;
  if (patterns.size() > kMost) return {HintCode::kIgnoreTensors, {}};
  for (std::string& pattern : patterns) pattern = printable(pattern);
  return {HintCode::kIgnoreTensors, std::move(patterns)};
}

/// The weights key of this network; empty where it has none, or where an unknown tensor is inside
/// the network.
Hints suggest_key(const Source& source, const std::vector<const OutsideTensor*>& open) {
  const NamedDict& dict = source.checkpoint.dicts[source.choice.dict];
  const std::string key = spelled(dict, source.choice);
  const bool inside = std::ranges::any_of(open, [&](const OutsideTensor* tensor) {
    return tensor->dict == source.choice.dict && tensor->name.starts_with(source.choice.prefix);
  });
  if (key.empty() || inside) return {};
  return {{HintCode::kChooseWeights, {printable(key)}}};
}

/// Names a matrix with as many inputs as the network has outputs: it most likely runs after it.
std::string describe_layer_after(const Source& source,
                                 const std::vector<const OutsideTensor*>& open) {
  for (const OutsideTensor* tensor : open) {
    const bool matrix = tensor->tensor && tensor->tensor->shape().size() == 2;
    if (source.config.num_labels > 0 && matrix &&
        tensor->tensor->shape()[1] == source.config.num_labels) {
      return fmt::format(" ('{}' has {} inputs, as many as the network's fc has outputs)",
                         printable(tensor->full_name), source.config.num_labels);
    }
  }
  return "";
}

[[noreturn]] void refuse_unknown(const Source& source,
                                 const std::vector<const OutsideTensor*>& open) {
  Hints hints = {suggest_ignore(source, open)};
  for (Hint& hint : suggest_key(source, open)) hints.push_back(std::move(hint));
  hints.push_back({HintCode::kDropHead, {}});
  throw MismatchError(
      shown(source.checkpoint.path),
      fmt::format("unknown tensors outside the network may change its outputs: {}{}", list(open),
                  describe_layer_after(source, open)),
      std::move(hints));
}

/// Whether a layer is one of several in a module, and so not a classifier alone.
bool has_siblings(const LinearHead& head, const std::vector<const OutsideTensor*>& open) {
  const std::size_t dot = head.module.rfind('.');
  if (dot == std::string::npos) return false;
  return std::ranges::any_of(open, [&](const OutsideTensor* tensor) {
    const std::string& name = tensor->full_name;
    return name.starts_with(head.module.substr(0, dot + 1)) && !name.starts_with(head.module + ".");
  });
}

/// "expected one linear layer as the classifier (fc.weight, fc.bias)"
std::string expected_head(const Source& source) {
  return fmt::format("expected one linear layer as the classifier ({}, {})",
                     head_tensor(source, "weight"), head_tensor(source, "bias"));
}

/// Hints to drop the head, or to name one of these layers as the classifier.
Hints suggest_heads(const std::vector<LinearHead>& heads) {
  Hints hints = {{HintCode::kDropHead, {}}};
  for (const LinearHead& head : heads) {
    if (hints.size() > kShown) break;
    hints.push_back({HintCode::kChooseHead, {printable(head.module), head.doubt}});
  }
  return hints;
}

[[noreturn]] void refuse_headless(const Source& source) {
  const bool projection = source.choice.projection;
  const auto open = open_questions(source);
  std::vector<LinearHead> heads;
  for (LinearHead& head :
       find_linear_heads(source.outside, source.choice, source.network->features())) {
    const bool unknown = source.outside[head.weight].kind == OutsideKind::kUnknown;
    const bool projects = projection && head.module.starts_with(source.choice.prefix);
    if (unknown && !projects && !has_siblings(head, open)) heads.push_back(std::move(head));
  }
  throw MismatchError(
      shown(source.checkpoint.path),
      fmt::format("{}, got {}{}", expected_head(source), open.empty() ? "none" : list(open),
                  projection         ? ", a projection head for training"
                  : heads.size() > 1 ? fmt::format(", with {} possible classifiers", heads.size())
                                     : ""),
      suggest_heads(heads));
}

[[noreturn]] void refuse_projection(const Source& source) {
  const std::string& prefix = source.choice.prefix;
  const std::string_view head = source.network->family().head(Form::kTimm);
  throw MismatchError(
      shown(source.checkpoint.path),
      fmt::format("{}, got a projection head for training", expected_head(source)),
      {{HintCode::kDropHead, {}},
       {HintCode::kChooseHead, {fmt::format("{}{}", printable(prefix), head), ""}}});
}

void settle_classifier(const Source& source) {
  const auto open = open_questions(source);
  if (source.kind != SourceKind::kTransformersFolder) {
    const bool headless = !source.tensors.contains(head_tensor(source, "weight"));
    const bool promised = source.timm && source.timm->num_classes == 0 && open.empty();
    if (headless && !promised) refuse_headless(source);
    const bool own = !headless && source.head.empty();
    if (own && source.choice.projection && !source.head_named) refuse_projection(source);
  }
  if (!open.empty()) refuse_unknown(source, open);
}

void note_classifier(Source& source, const std::string& where) {
  if (!source.head.empty()) {
    source.notes.push_back({NoteCode::kHeadRenamed, where, {{"module", printable(source.head)}}});
  }
  if (source.bias_added) source.notes.push_back({NoteCode::kBiasAdded, where});
}

/// Refuses unknown tensors below the network's own names: the network has more than the layers that
/// weightlift found.
void refuse_unknown_layers(const Source& source, const std::string& where) {
  const WeightsChoice& choice = source.choice;
  if (choice.dialect == nullptr) return;
  std::vector<const OutsideTensor*> inside;
  for (const OutsideTensor* tensor : open_questions(source)) {
    const bool prefixed = tensor->dict == choice.dict && tensor->name.starts_with(choice.prefix);
    if (prefixed && choice.family->is_of_backbone(own_name(choice, tensor->name))) {
      inside.push_back(tensor);
    }
  }
  if (inside.empty()) return;
  throw MismatchError(where, fmt::format("the network has tensors that no layer of a {} has: {}",
                                         choice.family->name(), list(inside)));
}

/// A backbone has no classifier: its tensors stay behind.
void drop_classifier(Source& source, const std::string& where) {
  const std::string prefix = fmt::format("{}.", source.network->family().head(tree_of(source)));
  for (const auto& [name, tensor] : source.tensors) {
    if (name.starts_with(prefix)) source.dropped.push_back(name);
  }
  if (source.dropped.empty()) return;
  source.bias_added = false;
  source.notes.push_back({NoteCode::kHeadDropped, where, {{"names", first_of(source.dropped)}}});
}

}  // namespace

void settle_outside(Source& source, Head head) {
  const std::string where = shown(source.checkpoint.path);
  if (head == Head::kClassifier && source.config.head == Head::kClassifier) {
    settle_classifier(source);
    note_classifier(source, where);
  }
  if (head == Head::kNone) refuse_unknown_layers(source, where);
  if (head == Head::kNone && source.config.head == Head::kClassifier)
    drop_classifier(source, where);
  for (const IgnoredSummary& line : summarize(source.outside)) {
    const bool unknown = line.kind == OutsideKind::kUnknown;
    source.notes.push_back({unknown ? NoteCode::kUnknownTensorsIgnored : NoteCode::kTensorsIgnored,
                            where,
                            {{"kind", std::string(to_string(line.kind))}, {"names", line.names}}});
  }
}

}  // namespace weightlift
