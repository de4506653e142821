#include "weightlift/models/outside.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

/// The part of a lower-case name that a pattern of the table is compared with.
enum class Part : std::uint8_t {
  kKey,    ///< the first part of a name outside the network's dict: a key of the file
  kList,   ///< a key of the file with lists of tensors
  kName,   ///< the whole name, with a dot in front
  kWhole,  ///< the whole name, where it has only one part
};

/// Tensors that only training reads. Some losses are the classifier (ArcFace): `max_rank` excludes
/// the matrices of such layers.
struct TrainingRow {
  Part part;
  const char* pattern;  ///< fnmatch; '*' also matches dots
  std::size_t max_rank;
  std::string_view reason;
};

constexpr std::size_t kAnyRank = 64;

constexpr auto kTrainingRows = std::to_array<TrainingRow>({
    // Keys of torch's, Lightning's and MMEngine's checkpoints.
    {Part::kKey, "*optim*", kAnyRank, "optimizer state"},
    {Part::kKey, "*sched*", kAnyRank, "scheduler state"},
    {Part::kKey, "amp", kAnyRank, "loss scaling"},
    {Part::kKey, "loops", kAnyRank, "training state"},
    {Part::kKey, "callbacks", kAnyRank, "training state"},
    {Part::kKey, "message_hub", kAnyRank, "training state"},
    {Part::kKey, "*rng*", kAnyRank, "random generator state"},
    {Part::kKey, "*hyper_parameters", kAnyRank, "training setting"},
    {Part::kKey, "hparams", kAnyRank, "training setting"},
    {Part::kKey, "*history*", 1, "training figure"},
    {Part::kList, "*ema*", kAnyRank, "weight average"},  // torch_ema's shadow_params
    {Part::kKey, "*metric*", 1, "metric"},
    {Part::kKey, "*criterion*", 1, "loss"},
    {Part::kKey, "*loss*", 1, "loss"},
    {Part::kName, "*.optimizer*.*", kAnyRank, "optimizer state"},
    {Part::kName, "*.exp_avg*", kAnyRank, "optimizer state"},
    {Part::kName, "*.max_exp_avg*", kAnyRank, "optimizer state"},
    {Part::kName, "*.momentum_buffer", kAnyRank, "optimizer state"},
    // Center loss, and DINO's center of the teacher's outputs.
    {Part::kName, "*loss*.center*", kAnyRank, "loss"},
    {Part::kName, "*criterion*.center*", kAnyRank, "loss"},
    {Part::kWhole, "centers", kAnyRank, "loss"},
    {Part::kName, "*.class_weight*", 1, "loss"},
    {Part::kName, "*.pos_weight", 1, "loss"},
    {Part::kName, "*.criterion*.*", 1, "loss"},
    {Part::kName, "*.loss*.*", 1, "loss"},
    {Part::kName, "*loss.*", 1, "loss"},
    // MoCo and its successors.
    {Part::kName, "*.queue", kAnyRank, "queue"},
    {Part::kName, "*.queue[0-9]", kAnyRank, "queue"},
    {Part::kName, "*.queue_ptr", kAnyRank, "queue"},
    {Part::kName, "*_queue", kAnyRank, "queue"},
    {Part::kName, "*.metric.*", 1, "metric"},
    {Part::kName, "*.metrics.*", 1, "metric"},
    {Part::kName, "*_metric.*", 1, "metric"},
    {Part::kName, "*_metrics.*", 1, "metric"},
    {Part::kName, "*.confmat", kAnyRank, "metric"},
    // Figures that training scripts save as tensors: torchvision's best_acc1.
    {Part::kWhole, "best*", 1, "training figure"},
    {Part::kWhole, "top[1-9]*", 1, "training figure"},
    {Part::kWhole, "prec*", 1, "training figure"},
    {Part::kWhole, "map*", 1, "training figure"},
    {Part::kWhole, "f1*", 1, "training figure"},
    {Part::kWhole, "auc*", 1, "training figure"},
    {Part::kWhole, "*score", 1, "training figure"},
    {Part::kWhole, "lr", 1, "training figure"},
    {Part::kWhole, "*time", 1, "training figure"},
    {Part::kWhole, "*acc", 1, "training figure"},
    {Part::kWhole, "*acc[1-9]", 1, "training figure"},
    {Part::kWhole, "*accuracy*", 1, "training figure"},
    {Part::kWhole, "*loss*", 1, "training figure"},
    {Part::kWhole, "epoch", 1, "training figure"},
    {Part::kWhole, "*step", 1, "training figure"},
    // Of any dtype: is_counter() knows single integers only.
    {Part::kName, "*.tp", kAnyRank, "metric"},
    {Part::kName, "*.fp", kAnyRank, "metric"},
    {Part::kName, "*.tn", kAnyRank, "metric"},
    {Part::kName, "*.fn", kAnyRank, "metric"},
    {Part::kName, "*.correct", kAnyRank, "metric"},
    {Part::kName, "*.total", kAnyRank, "metric"},
    {Part::kName, "*count", kAnyRank, "counter"},
    {Part::kName, "*counts", kAnyRank, "counter"},
    // thop adds these to every module.
    {Part::kName, "*.total_ops", 1, "profiler counter"},
    {Part::kName, "*.total_params", 1, "profiler counter"},
});

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool applies(const TrainingRow& row, const std::string& name, bool has_key, bool in_list) {
  const auto fits = [&](const std::string& text) {
    return fnmatch(row.pattern, text.c_str(), 0) == 0;
  };
  switch (row.part) {
    case Part::kKey:
      return has_key && fits(name.substr(0, name.find('.')));
    case Part::kList:
      return in_list && fits(name);
    case Part::kName:
      return fits("." + name);
    case Part::kWhole:
      return name.find('.') == std::string::npos && fits(name);
  }
  return false;
}

/// Words in the names of single integers that a forward pass may read.
constexpr std::array<std::string_view, 8> kRead = {"weight", "bias",  "scale",       "mean",
                                                   "std",    "shift", "temperature", "mask"};

/// Whether it is a counter or a pointer into a queue: one integer. Several integers may select
/// classes or channels.
bool is_counter(const OutsideTensor& tensor) {
  if (!tensor.tensor || tensor.tensor->numel() != 1) return false;
  const std::string_view dtype = torch_name(tensor.tensor->dtype());
  const std::string name = in_lower_case(tensor.name);
  return (dtype.starts_with("int") || dtype.starts_with("uint")) &&
         std::ranges::none_of(
             kRead, [&](std::string_view word) { return name.find(word) != std::string::npos; });
}

std::size_t rank(const OutsideTensor& tensor) {
  return tensor.tensor ? tensor.tensor->shape().size() : 0;
}

std::string without_dots(std::string_view name) {
  std::string text(name);
  std::erase(text, '.');
  return text;
}

/// Averages of tensors of the chosen dict: copies of the same shape with one more part in front of
/// their names. The rest of a name may lack its dots, because LitEma registers buffers, whose names
/// cannot have dots. A part with a tensor that is not a copy is no average: a layer may also be
/// called "ema".
class Averages {
 public:
  Averages(const std::vector<OutsideTensor>& outside, const StateDict& chosen,
           std::string_view prefix) {
    for (const auto& [name, tensor] : chosen) {
      shapes_[without_dots(name)].insert(tensor.shape());
      if (name.starts_with(prefix)) {
        shapes_[without_dots(name.substr(prefix.size()))].insert(tensor.shape());
      }
    }
    for (const OutsideTensor& tensor : outside) {
      const std::string front = front_of(tensor.full_name);
      if (!front.empty() && !is_copy(tensor, front)) others_.insert(front);
    }
  }

  bool contains(const OutsideTensor& tensor) const {
    const std::string front = front_of(tensor.full_name);
    return !front.empty() && !others_.contains(front);
  }

 private:
  /// The name up to the part for "average", with its dot; "" where there is no such part.
  static std::string front_of(const std::string& name) {
    for (std::size_t start = 0, dot = 0; (dot = name.find('.', start)) != std::string::npos;
         start = dot + 1) {
      if (is_average(in_lower_case(name.substr(start, dot - start))))
        return name.substr(0, dot + 1);
    }
    return "";
  }

  static bool is_average(const std::string& part) {
    return std::ranges::any_of(
        std::array{"ema", "ema_*", "*_ema", "averaged*", "shadow*"},
        [&](const char* pattern) { return fnmatch(pattern, part.c_str(), 0) == 0; });
  }

  bool is_copy(const OutsideTensor& tensor, const std::string& front) const {
    const std::string rest = without_dots(tensor.full_name.substr(front.size()));
    const bool setting = rest == "decay" || rest == "num_updates" || rest == "n_averaged";
    if (setting) return rank(tensor) == 0;
    const auto found = shapes_.find(rest);
    return found != shapes_.end() && tensor.tensor &&
           found->second.contains(tensor.tensor->shape());
  }

  std::map<std::string, std::set<Shape>> shapes_;
  std::set<std::string> others_;
};

/// Finds the other network that a tensor belongs to.
class OtherNetworks {
 public:
  OtherNetworks(const std::vector<NamedDict>& dicts, const WeightsChoice& choice)
      : dicts_(dicts), choice_(choice) {
    for (FoundNetwork& network : find_complete_networks(dicts)) {
      const bool chosen = network.dict == choice.dict && network.prefix == choice.prefix;
      if (!chosen) prefixes_[network.dict].emplace(std::move(network.prefix), network.family);
    }
  }

  /// The network as a weights key, "" where the tensor belongs to none.
  std::string owner(const OutsideTensor& tensor) const {
    const auto found = prefixes_.find(tensor.dict);
    if (found == prefixes_.end()) return "";
    // Another dict with a network belongs to that network as a whole.
    std::string prefix = tensor.dict == choice_.dict ? nearest(found->second, tensor.name)
                                                     : found->second.begin()->first;
    if (prefix == kNone) return "";
    const std::string name = spelled(dicts_[tensor.dict], {.prefix = std::move(prefix)});
    return name.empty() ? "(no prefix)" : name;
  }

 private:
  using Prefixes = std::map<std::string, const Family*>;
  static constexpr std::string_view kNone = "\n";  // not a prefix

  /// The longest of the prefixes whose network owns the name, else kNone.
  std::string nearest(const Prefixes& prefixes, const std::string& name) const {
    for (std::size_t end = name.rfind('.');; end = end == 0 ? end : name.rfind('.', end - 1)) {
      const bool bare = end == std::string::npos;
      const std::string prefix = bare ? "" : name.substr(0, end + 1);
      const auto found = prefixes.find(prefix);
      if (found != prefixes.end() && is_owned(prefix, *found->second, name)) return prefix;
      if (bare || end == 0) return std::string(kNone);
    }
  }

  /// Where the prefix also covers the chosen network, only the backbone and its head surely belong
  /// to the other network.
  bool is_owned(const std::string& prefix, const Family& family, std::string_view name) const {
    if (!choice_.prefix.starts_with(prefix)) return true;
    name.remove_prefix(prefix.size());
    return family.is_of_backbone(name) ||
           name.starts_with(fmt::format("{}.", family.head(Form::kTimm)));
  }

  const std::vector<NamedDict>& dicts_;
  const WeightsChoice& choice_;
  std::map<std::size_t, Prefixes> prefixes_;  ///< by dict
};

std::string_view training_reason(const OutsideTensor& tensor, bool has_key) {
  const std::string name = in_lower_case(tensor.full_name);
  const auto* const row = std::ranges::find_if(kTrainingRows, [&](const TrainingRow& candidate) {
    const bool figure = candidate.part != Part::kWhole || candidate.max_rank == kAnyRank ||
                        !tensor.tensor || tensor.tensor->numel() == 1;
    return figure && rank(tensor) <= candidate.max_rank &&
           applies(candidate, name, has_key, tensor.in_list);
  });
  if (row != kTrainingRows.end()) return row->reason;
  return is_counter(tensor) ? "counter" : "";
}

}  // namespace

std::string_view to_string(OutsideKind kind) {
  switch (kind) {
    case OutsideKind::kOtherNetwork:
      return "other network";
    case OutsideKind::kTraining:
      return "training only";
    case OutsideKind::kUnknown:
      return "unknown";
  }
  return "unknown";
}

std::string describe(const OutsideTensor& tensor) {
  return fmt::format("{}{}{}", printable(tensor.full_name), tensor.tensor ? " " : "",
                     tensor.tensor    ? to_string(tensor.tensor->shape())
                     : tensor.in_list ? " (tensors in a list)"
                                      : "");
}

void classify(std::vector<OutsideTensor>& outside, const std::vector<NamedDict>& dicts,
              const WeightsChoice& choice, const StateDict& chosen) {
  const OtherNetworks others(dicts, choice);
  const Averages averages(outside, chosen, choice.prefix);
  for (OutsideTensor& tensor : outside) {
    const bool has_key =
        tensor.in_list || (tensor.dict != choice.dict && !dicts[tensor.dict].path.empty());
    tensor.kind = OutsideKind::kTraining;
    std::string owner = tensor.in_list ? "" : others.owner(tensor);
    if (!owner.empty()) {
      tensor.kind = OutsideKind::kOtherNetwork;
      tensor.reason = std::move(owner);
    } else if (averages.contains(tensor)) {
      tensor.reason = "weight average";
    } else {
      tensor.reason = training_reason(tensor, has_key);
      if (tensor.reason.empty()) tensor.kind = OutsideKind::kUnknown;
    }
  }
}

std::vector<std::string> summarize_networks(const std::vector<OutsideTensor>& outside) {
  std::map<std::string, std::size_t> networks;
  for (const OutsideTensor& tensor : outside) {
    if (tensor.kind == OutsideKind::kOtherNetwork) ++networks[printable(tensor.reason)];
  }
  std::vector<std::string> lines;
  for (const auto& [name, count] : networks) {
    lines.push_back(fmt::format("{} ({} tensors)", name, count));
  }
  return lines;
}

std::vector<IgnoredSummary> summarize(const std::vector<OutsideTensor>& outside) {
  constexpr std::size_t kShown = 12;
  std::vector<std::string> training;
  std::vector<std::string> unknown;
  for (const OutsideTensor& tensor : outside) {
    const std::string name = printable(tensor.full_name);
    if (tensor.kind == OutsideKind::kTraining) {
      training.push_back(fmt::format("{} ({})", name, tensor.reason));
    } else if (tensor.kind == OutsideKind::kUnknown) {
      unknown.push_back(name);
    }
  }
  std::vector<IgnoredSummary> lines;
  const auto add = [&](OutsideKind kind, const std::vector<std::string>& names) {
    if (!names.empty()) lines.push_back({kind, first_of(names, kShown)});
  };
  add(OutsideKind::kOtherNetwork, summarize_networks(outside));
  add(OutsideKind::kTraining, training);
  add(OutsideKind::kUnknown, unknown);
  return lines;
}

}  // namespace weightlift
