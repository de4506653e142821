#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weightlift/base/error.h"
#include "weightlift/base/text.h"
#include "weightlift/convert/source.h"
#include "weightlift/models/linear_head.h"

// What a source's tensors outside of its network mean for a conversion.

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

/// Whether a tensor of the network has this first part in its name as well.
bool is_shared(const Source& source, const std::string& first) {
  const std::string& prefix = source.choice.prefix;
  if (!prefix.empty()) return prefix.starts_with(first + ".");
  return std::ranges::any_of(
      source.tensors, [&](const auto& entry) { return entry.first.starts_with(first + "."); });
}

/// Patterns that match these tensors, as a user would type them: one for each first part of a name.
std::string suggest_ignore(const Source& source, const std::vector<const OutsideTensor*>& tensors) {
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
  if (patterns.size() > kMost) return "--ignore GLOB";
  for (std::string& pattern : patterns) pattern = fmt::format("--ignore '{}'", printable(pattern));
  return fmt::format("{}", fmt::join(patterns, " "));
}

/// A key that names this network alone, where one can: all that is open lies outside of it.
std::string suggest_key(const Source& source, const std::vector<const OutsideTensor*>& open) {
  const NamedDict& dict = source.checkpoint.dicts[source.choice.dict];
  const std::string key = spelled(dict, source.choice);
  const bool inside = std::ranges::any_of(open, [&](const OutsideTensor* tensor) {
    return tensor->dict == source.choice.dict && tensor->name.starts_with(source.choice.prefix);
  });
  return key.empty() || inside ? "" : fmt::format(", --weights-key {}", printable(key));
}

/// A matrix that takes as many values as the network gives: it most likely runs behind it.
std::string tell_width(const Source& source, const std::vector<const OutsideTensor*>& open) {
  for (const OutsideTensor* tensor : open) {
    const bool matrix = tensor->tensor && tensor->tensor->shape().size() == 2;
    if (source.config.num_labels > 0 && matrix &&
        tensor->tensor->shape()[1] == source.config.num_labels) {
      return fmt::format(" ('{}' takes {} values, as many as the network's fc returns)",
                         printable(tensor->full_name), source.config.num_labels);
    }
  }
  return "";
}

[[noreturn]] void refuse_unknown(const Source& source,
                                 const std::vector<const OutsideTensor*>& open) {
  throw MismatchError(fmt::format(
      "{}: unknown tensors outside the network: {}; they may run before, inside or after it{}; "
      "where they do not change the outputs, use {}{}; --head none converts the backbone without "
      "its classifier",
      source.checkpoint.path.string(), list(open), tell_width(source, open),
      suggest_ignore(source, open), suggest_key(source, open)));
}

/// Whether a layer is one of several in a Sequential or another module: alone it is no classifier.
bool has_siblings(const LinearHead& head, const std::vector<const OutsideTensor*>& open) {
  const std::size_t dot = head.module.rfind('.');
  if (dot == std::string::npos) return false;
  return std::ranges::any_of(open, [&](const OutsideTensor* tensor) {
    const std::string& name = tensor->full_name;
    return name.starts_with(head.module.substr(0, dot + 1)) && !name.starts_with(head.module + ".");
  });
}

/// What --head-key may name.
std::string suggest_heads(const std::vector<LinearHead>& heads) {
  std::vector<std::string> texts;
  for (const LinearHead& head : heads) {
    texts.push_back(fmt::format("--head-key {}{}", printable(head.module),
                                head.doubt.empty() ? "" : fmt::format(" ({})", head.doubt)));
  }
  return texts.empty() ? "" : fmt::format("; if a plain classifier: {}", first_of(texts, kShown));
}

[[noreturn]] void refuse_headless(const Source& source) {
  const bool projection = source.choice.projection;
  const auto open = open_questions(source);
  std::vector<LinearHead> heads;
  for (LinearHead& head :
       find_linear_heads(source.outside, source.choice, source.config.hidden_sizes.back())) {
    const bool unknown = source.outside[head.weight].kind == OutsideKind::kUnknown;
    const bool projects = projection && head.module.starts_with(source.choice.prefix);
    if (unknown && !projects && !has_siblings(head, open)) heads.push_back(std::move(head));
  }
  throw MismatchError(fmt::format(
      "{}: head: expected one linear layer (fc.weight, fc.bias), got {}{}; --head none converts "
      "the backbone without it{}",
      source.checkpoint.path.string(), open.empty() ? "none" : list(open),
      projection         ? ", a projection for training and no classifier"
      : heads.size() > 1 ? fmt::format(", with {} possible classifiers", heads.size())
                         : "",
      suggest_heads(heads)));
}

[[noreturn]] void refuse_projection(const Source& source) {
  const std::string& prefix = source.choice.prefix;
  throw MismatchError(fmt::format(
      "{}: head: expected one linear layer (fc.weight, fc.bias), got a projection for training and "
      "no classifier; --head none converts the backbone without it; if a plain classifier: "
      "--head-key {}fc",
      source.checkpoint.path.string(), printable(prefix)));
}

void settle_classifier(const Source& source) {
  const auto open = open_questions(source);
  if (source.kind != SourceKind::kTransformersFolder) {
    const bool headless = !source.tensors.contains("fc.weight");
    const bool promised = source.timm && source.timm->num_classes == 0 && open.empty();
    if (headless && !promised) refuse_headless(source);
    const bool own = !headless && source.head.empty();
    if (own && source.choice.projection && !source.head_named) refuse_projection(source);
  }
  if (!open.empty()) refuse_unknown(source, open);
}

void note_classifier(Source& source, const std::string& where) {
  if (!source.head.empty()) {
    source.notes.push_back(fmt::format(
        "{}: using '{}' as the classifier, assuming average pooling and a plain Linear layer",
        where, printable(source.head)));
  }
  if (source.bias_added) source.notes.push_back(fmt::format("{}: {}", where, kBiasNote));
}

}  // namespace

void settle_outside(Source& source, Head head) {
  const std::string where = shown(source.checkpoint.path);
  if (head == Head::kKeep && source.config.head == Head::kKeep) {
    settle_classifier(source);
    note_classifier(source, where);
  }
  for (const std::string& line : summarize(source.outside)) {
    source.notes.push_back(fmt::format("{}: ignored, {}", where, line));
  }
}

}  // namespace weightlift
