#include "weightlift/models/outside.h"

#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "weightlift/base/error.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

/// What a pattern of the table is compared with, in lower case.
enum class Part : std::uint8_t {
  kKey,    ///< the first part of a name in another dict than the network's: a key of the file
  kName,   ///< the whole name, behind a dot
  kWhole,  ///< the whole name, where it has only one part
};

/// What only training reads. Layers that were trained have matrices: `max_rank` keeps them out,
/// since some losses are the classifier (ArcFace).
struct TrainingRow {
  Part part;
  const char* pattern;  ///< fnmatch; '*' stands for dots as well
  std::size_t max_rank;
  std::string_view reason;
};

constexpr std::size_t kAnyRank = 64;

constexpr std::array<TrainingRow, 43> kTrainingRows = {{
    // Keys of torch's, Lightning's and MMEngine's checkpoints.
    {Part::kKey, "*optim*", kAnyRank, "optimizer state"},
    {Part::kKey, "*sched*", kAnyRank, "scheduler state"},
    {Part::kKey, "amp", kAnyRank, "loss scaling"},
    {Part::kKey, "loops", kAnyRank, "state of the training"},
    {Part::kKey, "callbacks", kAnyRank, "state of the training"},
    {Part::kKey, "message_hub", kAnyRank, "state of the training"},
    {Part::kKey, "*rng*", kAnyRank, "state of a random generator"},
    {Part::kKey, "*hyper_parameters", kAnyRank, "setting of the training"},
    {Part::kKey, "hparams", kAnyRank, "setting of the training"},
    {Part::kKey, "args", kAnyRank, "setting of the training"},
    {Part::kKey, "config", kAnyRank, "setting of the training"},
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
    {Part::kWhole, "center", kAnyRank, "loss"},
    {Part::kWhole, "centers", kAnyRank, "loss"},
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
    // What training scripts keep as tensors: torchvision's best_acc1.
    {Part::kWhole, "best_*", 1, "figure of the training"},
    {Part::kWhole, "*acc", 1, "figure of the training"},
    {Part::kWhole, "*acc[1-9]", 1, "figure of the training"},
    {Part::kWhole, "*accuracy*", 1, "figure of the training"},
    {Part::kWhole, "*loss*", 1, "figure of the training"},
    {Part::kWhole, "epoch", 1, "figure of the training"},
    {Part::kWhole, "*step", 1, "figure of the training"},
    // thop's, in every module.
    {Part::kName, "*.total_ops", 1, "counter of a profiler"},
    {Part::kName, "*.total_params", 1, "counter of a profiler"},
}};

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

bool applies(const TrainingRow& row, const std::string& name, bool has_key) {
  const auto fits = [&](const std::string& text) {
    return fnmatch(row.pattern, text.c_str(), 0) == 0;
  };
  switch (row.part) {
    case Part::kKey:
      return has_key && fits(name.substr(0, name.find('.')));
    case Part::kName:
      return fits("." + name);
    case Part::kWhole:
      return name.find('.') == std::string::npos && fits(name);
  }
  return false;
}

/// Counters, confusion matrices, pointers into queues. A layer whose weights are integers is a
/// quantised one.
bool is_integer_state(const OutsideTensor& tensor) {
  if (!tensor.tensor) return false;
  const std::string_view dtype = torch_name(tensor.tensor->dtype());
  const std::string last = tensor.name.substr(tensor.name.rfind('.') + 1);
  const bool integer = dtype.starts_with("int") || dtype.starts_with("uint") || dtype == "bool";
  return integer && last != "weight" && last != "bias";
}

std::size_t rank(const OutsideTensor& tensor) {
  return tensor.tensor ? tensor.tensor->shape().size() : 0;
}

std::string without_dots(std::string_view name) {
  std::string text(name);
  std::erase(text, '.');
  return text;
}

/// Averages of tensors of the same dict, which have one more part in front of their names, with or
/// without dots in the rest (LitEma registers buffers, whose names must not have any).
class Averages {
 public:
  Averages(const NamedDict& dict, std::string_view prefix) {
    for (const std::string& name : dict.names) {
      known_.insert(without_dots(name));
      if (name.starts_with(prefix)) known_.insert(without_dots(name.substr(prefix.size())));
    }
  }

  bool holds(const OutsideTensor& tensor) const {
    const std::string& name = tensor.full_name;
    for (std::size_t start = 0, dot = 0; (dot = name.find('.', start)) != std::string::npos;
         start = dot + 1) {
      if (!is_average(in_lower_case(name.substr(start, dot - start)))) continue;
      const std::string rest = without_dots(name.substr(dot + 1));
      const bool setting = rest == "decay" || rest == "num_updates" || rest == "n_averaged";
      return known_.contains(rest) || (setting && rank(tensor) == 0);
    }
    return false;
  }

 private:
  static bool is_average(const std::string& part) {
    return std::ranges::any_of(
        std::array{"ema", "ema_*", "*_ema", "averaged*", "shadow*"},
        [&](const char* pattern) { return fnmatch(pattern, part.c_str(), 0) == 0; });
  }

  std::set<std::string> known_;
};

/// Which other network each tensor belongs to.
class OtherNetworks {
 public:
  OtherNetworks(const std::vector<NamedDict>& dicts, const WeightsChoice& choice)
      : dicts_(dicts), choice_(choice) {
    for (FoundNetwork& network : find_networks(dicts)) {
      const bool chosen = network.dict == choice.dict && network.prefix == choice.prefix;
      if (!chosen) prefixes_[network.dict].insert(std::move(network.prefix));
    }
  }

  /// The network as users name it, "" where the tensor belongs to none.
  std::string owner(const OutsideTensor& tensor) const {
    const auto found = prefixes_.find(tensor.dict);
    if (found == prefixes_.end()) return "";
    // A dict beside the chosen one that holds a network holds that network's model.
    std::string prefix =
        tensor.dict == choice_.dict ? nearest(found->second, tensor.name) : *found->second.begin();
    if (prefix == kNone) return "";
    const std::string name = spelled(dicts_[tensor.dict], {.prefix = std::move(prefix)});
    return name.empty() ? "the names without prefix" : name;
  }

 private:
  static constexpr std::string_view kNone = "\n";  // what no prefix is

  /// The longest of the prefixes that the name has, and that network's own.
  std::string nearest(const std::set<std::string>& prefixes, const std::string& name) const {
    for (std::size_t end = name.rfind('.');; end = end == 0 ? end : name.rfind('.', end - 1)) {
      const bool bare = end == std::string::npos;
      const std::string prefix = bare ? "" : name.substr(0, end + 1);
      if (prefixes.contains(prefix) && is_owned(prefix, name)) return prefix;
      if (bare || end == 0) return std::string(kNone);
    }
  }

  /// Around the chosen network, only the other one's own layers are its own for certain.
  bool is_owned(const std::string& prefix, std::string_view name) const {
    if (!choice_.prefix.starts_with(prefix)) return true;
    name.remove_prefix(prefix.size());
    return is_of_backbone(name) || name.starts_with("fc.");
  }

  const std::vector<NamedDict>& dicts_;
  const WeightsChoice& choice_;
  std::map<std::size_t, std::set<std::string>> prefixes_;  ///< by dict
};

std::string_view training_reason(const OutsideTensor& tensor, bool has_key) {
  const std::string name = in_lower_case(tensor.full_name);
  const auto* const row = std::ranges::find_if(kTrainingRows, [&](const TrainingRow& candidate) {
    return rank(tensor) <= candidate.max_rank && applies(candidate, name, has_key);
  });
  if (row != kTrainingRows.end()) return row->reason;
  return is_integer_state(tensor) ? "integers" : "";
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
                     tensor.tensor ? to_string(tensor.tensor->shape()) : "");
}

void classify(std::vector<OutsideTensor>& outside, const std::vector<NamedDict>& dicts,
              const WeightsChoice& choice) {
  const OtherNetworks others(dicts, choice);
  const Averages averages(dicts[choice.dict], choice.prefix);
  for (OutsideTensor& tensor : outside) {
    const bool has_key = tensor.dict != choice.dict && !dicts[tensor.dict].path.empty();
    tensor.kind = OutsideKind::kTraining;
    if (std::string owner = others.owner(tensor); !owner.empty()) {
      tensor.kind = OutsideKind::kOtherNetwork;
      tensor.reason = std::move(owner);
    } else if (averages.holds(tensor)) {
      tensor.reason = "average of the weights";
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

std::vector<std::string> summarize(const std::vector<OutsideTensor>& outside) {
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
  std::vector<std::string> lines;
  const auto add = [&](OutsideKind kind, const std::vector<std::string>& names) {
    if (!names.empty()) {
      lines.push_back(fmt::format("{}: {}", to_string(kind), first_of(names, kShown)));
    }
  };
  add(OutsideKind::kOtherNetwork, summarize_networks(outside));
  add(OutsideKind::kTraining, training);
  add(OutsideKind::kUnknown, unknown);
  return lines;
}

}  // namespace weightlift
