#include "weightlift/models/names.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <set>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"
#include "weightlift/error.h"
#include "weightlift/models/families.h"
#include "weightlift/models/name_parts.h"

// Trainers wrap networks in modules, and modules in dicts. No list of their keys and prefixes is
// complete, so weightlift finds a network by its own names: whatever precedes the name of the first
// block's first convolution is the prefix. The tables below only choose between several networks,
// as timm and the projects themselves do, and explain known prefixes.

namespace weightlift {

namespace {

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

/// The prefix of a network of this naming whose anchor the tensor is; nothing where it is none.
std::optional<std::string> prefix_of(std::string_view name, const Dialect& dialect) {
  if (auto prefix = prefix_of(name, dialect.anchor)) return prefix;
  if (dialect.bare_anchor.empty()) return std::nullopt;
  auto prefix = prefix_of(name, dialect.bare_anchor);
  return prefix && prefix->empty() ? prefix : std::nullopt;
}

/// The network whose anchor the tensor is. Where two families have the same anchor, the first one:
/// recognise() decides by the shapes.
std::optional<FoundNetwork> find_by_anchor(std::string_view name) {
  for (const Family* family : families()) {
    for (const Dialect& dialect : family->dialects()) {
      std::optional<std::string> prefix = prefix_of(name, dialect);
      if (prefix) return FoundNetwork{0, *std::move(prefix), family, &dialect};
    }
  }
  return std::nullopt;
}

/// All networks in a dict, found by their anchors.
std::vector<FoundNetwork> find_in_dict(const NamedDict& dict, std::size_t index) {
  std::vector<FoundNetwork> found;
  for (const std::string& name : dict.names) {
    std::optional<FoundNetwork> network = find_by_anchor(name);
    if (!network) continue;
    // With and without wrappers' parts, one anchor may be there twice: split_weights refuses that.
    const bool known = std::ranges::any_of(found, [&](const FoundNetwork& other) {
      return other.prefix == network->prefix && other.dialect == network->dialect;
    });
    network->dict = index;
    if (!known) found.push_back(*std::move(network));
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

/// Drops networks that a project keeps but does not evaluate.
std::vector<FoundNetwork> preferred(std::vector<FoundNetwork> candidates) {
  std::vector<FoundNetwork> kept;
  for (const FoundNetwork& candidate : candidates) {
    const bool left = std::ranges::any_of(kPreferences, [&](const Preference& preference) {
      std::vector<std::string> parts = name_parts(candidate.prefix);
      const auto part = std::ranges::find(parts, preference.left);
      if (part == parts.end()) return false;
      *part = preference.taken;
      return std::ranges::any_of(candidates, [&](const FoundNetwork& other) {
        return other.dict == candidate.dict && name_parts(other.prefix) == parts;
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

WeightsChoice make_choice(const FoundNetwork& candidate) {
  WeightsChoice choice{.dict = candidate.dict,
                       .prefix = candidate.prefix,
                       .family = candidate.family,
                       .dialect = candidate.dialect};
  for (const std::string& part : name_parts(candidate.prefix)) {
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

/// Whether a tensor is a classifier's weight in one of the trees.
bool is_head_weight(std::string_view name) {
  return std::ranges::any_of(families(), [&](const Family* family) {
    return std::ranges::any_of(
        std::array{Form::kTimm, Form::kTransformers, Form::kTorchvision},
        [&](Form tree) { return name.ends_with(fmt::format("{}.weight", family->head(tree))); });
  });
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
                              return is_head_weight(name);
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
    return std::ranges::any_of(network.dialect->needed, [&](std::string_view name) {
      const std::string_view base = network.family->model_type();
      return !own.contains(without_wrappers(fmt::format("{}{}", network.prefix, name))) &&
             !own.contains(without_wrappers(fmt::format("{}{}.{}", network.prefix, base, name)));
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

std::string own_name(const WeightsChoice& choice, std::string_view name) {
  name.remove_prefix(choice.prefix.size());
  if (choice.dialect == nullptr) return std::string(name);
  const std::string bare = without_wrappers(name);
  return choice.dialect->timm_name == nullptr ? bare : choice.dialect->timm_name(bare);
}

std::string_view naming_of(const WeightsChoice& choice) {
  return choice.dialect == nullptr ? "unknown" : choice.dialect->name;
}

std::string timm_name_of_transformers(const Family& family, std::string_view name) {
  const auto dialects = family.dialects();
  const auto found = std::ranges::find(dialects, Form::kTransformers, &Dialect::form);
  return found == dialects.end() ? "" : found->timm_name(name);
}

void recognise(const StateDict& tensors, const Family* stated, WeightsChoice& choice) {
  for (const Family* family : families()) {
    if (stated != nullptr && family != stated) continue;
    for (const Dialect& dialect : family->dialects()) {
      const bool anchored = std::ranges::any_of(tensors, [&](const auto& entry) {
        return prefix_of(entry.first, dialect) == choice.prefix;
      });
      if (!anchored) continue;
      WeightsChoice as{.prefix = choice.prefix, .family = family, .dialect = &dialect};
      if (!family->is_mine(split_weights(tensors, as).network, dialect)) continue;
      choice.family = family;
      choice.dialect = &dialect;
      return;
    }
  }
}

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
