#include "weightlift/models/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "weightlift/base/error.h"
#include "weightlift/base/hint.h"
#include "weightlift/base/text.h"

// Trainers wrap networks in modules, and modules in dicts. No list of their keys and prefixes is
// complete, so weightlift finds a network by its own names: whatever precedes the name of the first
// block's first convolution is the prefix. The tables below only choose between several networks,
// as timm and the projects themselves do, and explain known prefixes.

namespace weightlift {

namespace {

/// A spelling, and the tensor name that identifies it.
struct Spelling {
  Naming naming;
  std::string_view anchor;
};

constexpr std::array<Spelling, 4> kSpellings = {{
    {Naming::kTimm, "layer1.0.conv1.weight"},
    {Naming::kChildren, "4.0.conv1.weight"},
    {Naming::kTransformers, "resnet.encoder.stages.0.layers.0.layer.0.convolution.weight"},
    {Naming::kTransformers, "encoder.stages.0.layers.0.layer.0.convolution.weight"},
}};

/// A part of a prefix and who adds it. Source: torch, timm, MoCo, MoCo v3, DINO, Lightning's
/// examples.
struct Wrapper {
  std::string_view part;
  std::string_view who;
  bool projection = false;
};

constexpr std::array<Wrapper, 12> kWrappers = {{
    {"module", "DataParallel or an average"},
    {"_orig_mod", "torch.compile"},
    {"model", "Lightning or another wrapper"},
    {"net", "Lightning or another wrapper"},
    {"backbone", "a model with its own head"},
    {"encoder", "a model with its own head"},
    {"encoder_q", "MoCo's query encoder", true},
    {"encoder_k", "MoCo's key encoder", true},
    {"query_encoder", "a query encoder", true},
    {"key_encoder", "a key encoder", true},
    {"base_encoder", "MoCo v3's base encoder", true},
    {"momentum_encoder", "MoCo v3's momentum encoder", true},
}};

/// Parts that torch's wrappers put into names, anywhere: DataParallel, torch.compile, activation
/// checkpointing, FSDP. A part in front of the network is also a prefix.
constexpr std::array<std::string_view, 4> kTransparent = {
    "module", "_orig_mod", "_checkpoint_wrapped_module", "_fsdp_wrapped_module"};

bool is_transparent(std::string_view part) {
  return std::ranges::find(kTransparent, part) != kTransparent.end();
}

/// Two networks in one dict: the project evaluates `taken`.
struct Preference {
  std::string_view taken, left;
};

constexpr std::array<Preference, 2> kPreferences = {
    {{"encoder_q", "encoder_k"}, {"base_encoder", "momentum_encoder"}}};

/// Keys of the network in a checkpoint, in timm's order. Source:
/// timm.models._helpers.load_state_dict.
constexpr std::array<std::string_view, 4> kTimmKeys = {"state_dict_ema", "model_ema", "state_dict",
                                                       "model"};
/// DINO evaluates the teacher.
constexpr Preference kDinoKeys = {"teacher", "student"};

constexpr std::size_t kShown = 8;

/// The last part of a name; removes it and its dot.
std::string_view pop_part(std::string_view& name) {
  const std::size_t dot = name.rfind('.');
  const std::string_view part = dot == std::string_view::npos ? name : name.substr(dot + 1);
  name = name.substr(0, dot == std::string_view::npos ? 0 : dot);
  return part;
}

/// What precedes the anchor at the end of a name, where wrappers' parts may be between the anchor's
/// parts; nothing where the name does not end so.
std::optional<std::string> prefix_of(std::string_view name, std::string_view anchor) {
  while (!anchor.empty()) {
    const std::string_view wanted = pop_part(anchor);
    std::string_view part = pop_part(name);
    while (part != wanted && is_transparent(part)) part = pop_part(name);
    if (part != wanted) return std::nullopt;
    if (name.empty() && !anchor.empty()) return std::nullopt;
  }
  return name.empty() ? "" : std::string(name) + ".";
}

/// All networks in a dict, found by their anchors.
std::vector<FoundNetwork> find_in_dict(const NamedDict& dict, std::size_t index) {
  std::vector<FoundNetwork> found;
  for (const std::string& name : dict.names) {
    for (const Spelling& spelling : kSpellings) {
      std::optional<std::string> before = prefix_of(name, spelling.anchor);
      if (!before) continue;
      std::string& prefix = *before;
      const bool bare =
          spelling.naming == Naming::kTransformers && spelling.anchor.starts_with("encoder.");
      // A bare backbone has no prefix: RegNet has the same names after the prefix `regnet.`.
      if (bare && !prefix.empty()) continue;
      // With and without wrappers' parts, one anchor may be there twice: split_weights refuses
      // that.
      const bool known = std::ranges::any_of(found, [&](const FoundNetwork& other) {
        return other.prefix == prefix && other.naming == spelling.naming;
      });
      if (!known) found.push_back({index, std::move(prefix), spelling.naming});
      break;
    }
  }
  return found;
}

/// A name without wrappers' parts.
std::string without_wrappers(std::string_view name) {
  std::string kept;
  while (!name.empty()) {
    const std::size_t dot = name.find('.');
    const std::string_view part = name.substr(0, dot);
    if (!is_transparent(part)) kept += kept.empty() ? part : fmt::format(".{}", part);
    name.remove_prefix(dot == std::string_view::npos ? name.size() : dot + 1);
  }
  return kept;
}

/// Tensors that every complete network has.
std::array<std::string_view, 3> needed_names(Naming naming) {
  switch (naming) {
    case Naming::kChildren:
      return {"0.weight", "1.running_mean", "5.0.conv1.weight"};
    case Naming::kTransformers:
      return {"embedder.embedder.convolution.weight",
              "embedder.embedder.normalization.running_mean",
              "encoder.stages.1.layers.0.layer.0.convolution.weight"};
    default:
      return {"conv1.weight", "bn1.running_mean", "layer2.0.conv1.weight"};
  }
}

std::vector<std::string> parts_of(std::string_view prefix) {
  std::vector<std::string> parts;
  while (!prefix.empty()) {
    const std::size_t dot = prefix.find('.');
    parts.emplace_back(prefix.substr(0, dot));
    prefix.remove_prefix(dot == std::string_view::npos ? prefix.size() : dot + 1);
  }
  return parts;
}

/// Drops networks that a project keeps but does not evaluate.
std::vector<FoundNetwork> preferred(std::vector<FoundNetwork> candidates) {
  std::vector<FoundNetwork> kept;
  for (const FoundNetwork& candidate : candidates) {
    const bool left = std::ranges::any_of(kPreferences, [&](const Preference& preference) {
      std::vector<std::string> parts = parts_of(candidate.prefix);
      const auto part = std::ranges::find(parts, preference.left);
      if (part == parts.end()) return false;
      *part = preference.taken;
      return std::ranges::any_of(candidates, [&](const FoundNetwork& other) {
        return other.dict == candidate.dict && parts_of(other.prefix) == parts;
      });
    });
    if (!left) kept.push_back(candidate);
  }
  return kept;
}

std::string spelled(const NamedDict& dict, std::string_view prefix) {
  if (!prefix.empty()) prefix.remove_suffix(1);
  const bool both = !dict.path.empty() && !prefix.empty();
  return fmt::format("{}{}{}", dict.path, both ? "." : "", prefix);
}

/// "state_dict.model (122 tensors), ..."
std::string list_networks(const std::vector<NamedDict>& dicts,
                          const std::vector<FoundNetwork>& candidates) {
  std::vector<std::string> texts;
  for (const FoundNetwork& candidate : candidates) {
    const std::string text = spelled(dicts[candidate.dict], candidate.prefix);
    texts.push_back(text.empty() ? "(no prefix)" : printable(text));
  }
  return first_of(texts, kShown);
}

std::string list_dicts_of_tensors(const std::vector<NamedDict>& dicts) {
  std::vector<std::string> texts;
  for (const NamedDict& dict : dicts) {
    if (dict.names.empty()) continue;
    texts.push_back(fmt::format("{} ({} tensors)", dict.path.empty() ? "the top level" : dict.path,
                                dict.names.size()));
  }
  return first_of(texts, kShown);
}

[[noreturn]] void refuse_several(const std::vector<NamedDict>& dicts,
                                 const std::vector<FoundNetwork>& candidates,
                                 const std::string& where) {
  throw MismatchError(where,
                      fmt::format("expected one network, got {}: {}", candidates.size(),
                                  list_networks(dicts, candidates)),
                      {{HintCode::kChooseWeights, {}}});
}

[[noreturn]] void refuse_empty(const std::vector<NamedDict>& dicts, const std::string& path,
                               const std::string& where) {
  const std::string others = list_dicts_of_tensors(dicts);
  throw NotFoundError(
      where,
      fmt::format("no tensors in {}{}",
                  path.empty() ? "the top level" : fmt::format("'{}'", printable(path)),
                  others.empty() ? "" : fmt::format("; found: {}", others)),
      others.empty() ? Hints() : Hints{{HintCode::kChooseWeights, {}}});
}

/// A part of a name as a number, plus one; 0 where it is not a number.
int one_more(std::string_view digits) {
  int number = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  constexpr int kMost = 100'000;
  return whole && number >= 0 && number < kMost ? number + 1 : 0;
}

WeightsChoice make_choice(const FoundNetwork& candidate) {
  WeightsChoice choice{
      .dict = candidate.dict, .prefix = candidate.prefix, .naming = candidate.naming};
  for (const std::string& part : parts_of(candidate.prefix)) {
    const auto* const wrapper = std::ranges::find(kWrappers, part, &Wrapper::part);
    if (wrapper == kWrappers.end()) continue;
    choice.wrappers.push_back(wrapper->who);
    choice.projection = choice.projection || wrapper->projection;
  }
  return choice;
}

std::vector<FoundNetwork> find_all_networks(const std::vector<NamedDict>& dicts) {
  std::vector<FoundNetwork> all;
  for (std::size_t i = 0; i < dicts.size(); ++i) {
    for (FoundNetwork& candidate : preferred(find_in_dict(dicts[i], i))) {
      all.push_back(std::move(candidate));
    }
  }
  return all;
}

std::optional<std::size_t> find_dict(const std::vector<NamedDict>& dicts, std::string_view path) {
  const auto found = std::ranges::find(dicts, path, &NamedDict::path);
  if (found == dicts.end()) return std::nullopt;
  return static_cast<std::size_t>(found - dicts.begin());
}

/// timm's name of a tensor of torchvision's children, or "".
std::string name_of_child(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kChildren = {
      {{"0.", "conv1."},
       {"1.", "bn1."},
       {"4.", "layer1."},
       {"5.", "layer2."},
       {"6.", "layer3."},
       {"7.", "layer4."}}};
  for (const auto& [number, child] : kChildren) {
    if (name.starts_with(number)) return fmt::format("{}{}", child, name.substr(number.size()));
  }
  return "";
}

/// timm's name of a tensor of transformers' ResNet, or "".
std::string name_of_transformers(std::string_view name) {
  if (name.starts_with("classifier.1.")) return fmt::format("fc.{}", name.substr(13));
  if (name.starts_with("resnet.")) name.remove_prefix(7);
  std::vector<std::string> parts = parts_of(name);
  if (parts.size() < 4) return "";
  const std::string last = parts.back();
  parts.pop_back();
  const std::string kind = parts.back();
  parts.pop_back();
  const bool convolution = kind == "convolution";
  if (!convolution && kind != "normalization") return "";
  if (parts == std::vector<std::string>{"embedder", "embedder"}) {
    return fmt::format("{}1.{}", convolution ? "conv" : "bn", last);
  }
  // encoder.stages.S.layers.B, then `shortcut` or `layer.K`
  const bool in_block = parts.size() >= 6 && parts[0] == "encoder" && parts[1] == "stages" &&
                        parts[3] == "layers" && one_more(parts[2]) != 0 && one_more(parts[4]) != 0;
  if (!in_block) return "";
  const std::string block = fmt::format("layer{}.{}.", one_more(parts[2]), parts[4]);
  if (parts.size() == 6 && parts[5] == "shortcut") {
    return fmt::format("{}downsample.{}.{}", block, convolution ? 0 : 1, last);
  }
  if (parts.size() != 7 || parts[5] != "layer" || one_more(parts[6]) == 0) return "";
  return fmt::format("{}{}{}.{}", block, convolution ? "conv" : "bn", one_more(parts[6]), last);
}

std::string timm_name(Naming naming, std::string_view name) {
  std::string renamed = naming == Naming::kChildren       ? name_of_child(name)
                        : naming == Naming::kTransformers ? name_of_transformers(name)
                                                          : "";
  const bool as_it_is = naming == Naming::kTimm || naming == Naming::kUnknown;
  return as_it_is ? std::string(name) : renamed;
}

/// timm's name of a tensor with the choice's prefix, or "". Names of an unknown network are kept.
std::string own_name(const WeightsChoice& choice, std::string_view name) {
  name.remove_prefix(choice.prefix.size());
  if (choice.naming == Naming::kUnknown) return std::string(name);
  return timm_name(choice.naming, without_wrappers(name));
}

WeightsChoice choose_by_key(const std::vector<NamedDict>& dicts, std::string_view key,
                            const std::string& where) {
  const std::vector<FoundNetwork> networks = find_networks(dicts);
  std::vector<FoundNetwork> exact;
  std::vector<FoundNetwork> inside;
  for (const FoundNetwork& candidate : networks) {
    const std::string text = spelled(dicts[candidate.dict], candidate.prefix);
    if (text == key) exact.push_back(candidate);
    if (text.starts_with(std::string(key) + ".")) inside.push_back(candidate);
  }
  const bool named = !exact.empty();
  if (!named) exact = preferred(std::move(inside));
  if (exact.size() == 1) {
    WeightsChoice choice = make_choice(exact.front());
    choice.named = named;
    return choice;
  }
  if (exact.size() > 1) refuse_several(dicts, exact, where);
  const auto dict = find_dict(dicts, key);
  if (dict && !dicts[*dict].names.empty()) return {.dict = *dict};
  throw NotFoundError(where,
                      fmt::format("no network has the key '{}'; found: {}", printable(key),
                                  networks.empty() ? "none" : list_networks(dicts, networks)));
}

/// Chooses by the names alone, for files where timm takes the top level.
WeightsChoice choose_by_names(const std::vector<NamedDict>& dicts, const std::string& where) {
  std::vector<FoundNetwork> networks = find_all_networks(dicts);
  const auto at_level = [&](std::size_t level) {
    std::vector<FoundNetwork> found;
    std::ranges::copy_if(networks, std::back_inserter(found), [&](const FoundNetwork& candidate) {
      return dicts[candidate.dict].level == level;
    });
    return found;
  };
  std::vector<FoundNetwork> top = at_level(0);
  if (top.empty()) {
    top = at_level(1);
    const auto taken = find_dict(dicts, kDinoKeys.taken);
    // A teacher with a classifier is from a distillation, whose result is the student.
    const bool classifies = taken && std::ranges::any_of(dicts[*taken].names, [](const auto& name) {
                              return name.ends_with("fc.weight");
                            });
    if (taken && !classifies) {
      std::erase_if(top, [&](const FoundNetwork& candidate) {
        return dicts[candidate.dict].path == kDinoKeys.left;
      });
    }
  }
  if (top.size() == 1) return make_choice(top.front());
  if (!top.empty()) refuse_several(dicts, top, where);
  const auto root = find_dict(dicts, "");
  if (root && !dicts[*root].names.empty()) return {.dict = *root};
  refuse_empty(dicts, "", where);
}

}  // namespace

std::string_view to_string(Naming naming) {
  switch (naming) {
    case Naming::kUnknown:
      return "unknown";
    case Naming::kTimm:
      return "timm's and torchvision's";
    case Naming::kChildren:
      return "torchvision's children by number";
    case Naming::kTransformers:
      return "transformers'";
  }
  return "unknown";
}

std::vector<FoundNetwork> find_networks(const std::vector<NamedDict>& dicts) {
  std::vector<FoundNetwork> networks;
  for (std::size_t i = 0; i < dicts.size(); ++i) {
    for (FoundNetwork& network : find_in_dict(dicts[i], i)) networks.push_back(std::move(network));
  }
  return networks;
}

std::vector<FoundNetwork> find_complete_networks(const std::vector<NamedDict>& dicts) {
  std::vector<FoundNetwork> networks = find_networks(dicts);
  std::map<std::size_t, std::set<std::string>> names;
  for (const FoundNetwork& network : networks) {
    auto& own = names[network.dict];
    if (!own.empty()) continue;
    for (const std::string& name : dicts[network.dict].names) own.insert(without_wrappers(name));
  }
  std::erase_if(networks, [&](const FoundNetwork& network) {
    const std::set<std::string>& own = names[network.dict];
    return std::ranges::any_of(needed_names(network.naming), [&](std::string_view name) {
      return !own.contains(without_wrappers(fmt::format("{}{}", network.prefix, name))) &&
             !own.contains(without_wrappers(fmt::format("{}resnet.{}", network.prefix, name)));
    });
  });
  return networks;
}

WeightsChoice choose_weights(const std::vector<NamedDict>& dicts, std::string_view weights_key,
                             const std::string& where) {
  if (!weights_key.empty()) return choose_by_key(dicts, weights_key, where);
  for (const std::string_view key : kTimmKeys) {
    const auto dict = find_dict(dicts, key);
    if (!dict) continue;
    const std::vector<FoundNetwork> networks = preferred(find_in_dict(dicts[*dict], *dict));
    if (networks.size() == 1) return make_choice(networks.front());
    if (networks.size() > 1) refuse_several(dicts, networks, where);
    if (dicts[*dict].names.empty()) refuse_empty(dicts, std::string(key), where);
    return {.dict = *dict};
  }
  return choose_by_names(dicts, where);
}

bool is_of_backbone(std::string_view name) {
  constexpr std::string_view kLayer = "layer";
  const bool layer = name.starts_with(kLayer) &&
                     one_more(name.substr(kLayer.size(), name.find('.') - kLayer.size())) > 1;
  return name.starts_with("conv1.") || name.starts_with("bn1.") || layer;
}

bool is_of_transformers(std::string_view name) { return !name_of_transformers(name).empty(); }

SplitWeights split_weights(const StateDict& all, const WeightsChoice& choice) {
  SplitWeights split;
  for (const auto& [name, tensor] : all) {
    const bool named = name.starts_with(choice.prefix);
    std::string own = named ? own_name(choice, name) : "";
    if (own.empty()) {
      split.others.insert(name, tensor);
      continue;
    }
    if (split.network.contains(own)) {
      throw MismatchError(
          fmt::format("tensor '{}'", printable(name)),
          fmt::format("another tensor is also '{}' without the names of wrappers", printable(own)));
    }
    split.network.insert(std::move(own), tensor);
    split.full_names.push_back(name);
  }
  return split;
}

std::string spelled(const NamedDict& dict, const WeightsChoice& choice) {
  return spelled(dict, choice.prefix);
}

}  // namespace weightlift
