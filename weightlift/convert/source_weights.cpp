#include "weightlift/convert/source_weights.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>
#include <map>
#include <set>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/text.h"
#include "weightlift/models/families.h"
#include "weightlift/models/linear_head.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

constexpr std::string_view kWeight = ".weight";

/// Adds notes where the choice is not obvious: another dict, prefix or naming, ignored values.
void note_choice(Source& source) {
  const WeightsChoice& choice = source.choice;
  const std::string where = shown(source.checkpoint.path);
  const std::string& path = source.checkpoint.dicts[choice.dict].path;
  constexpr std::size_t kShown = 12;
  const bool renamed = choice.dialect != nullptr && choice.dialect->timm_name != nullptr;
  NoteParameters facts;
  const auto add = [&facts](const char* name, std::string value) {
    if (!value.empty()) facts.emplace_back(name, std::move(value));
  };
  add("dict", printable(path));
  add("prefix", printable(choice.prefix));
  add("wrappers", fmt::format("{}", fmt::join(choice.wrappers, ", ")));
  if (renamed && source.kind != SourceKind::kTransformersFolder) {
    add("naming", std::string(naming_of(choice)));
  }
  add("ignored", first_of(source.ignored, kShown));
  if (!facts.empty()) source.notes.push_back({NoteCode::kWeightsChosen, where, std::move(facts)});
  if (!source.checkpoint.globals.empty()) {
    source.notes.push_back({NoteCode::kPythonObjectsIgnored,
                            where,
                            {{"names", first_of(source.checkpoint.globals, kShown)}}});
  }
}

/// A name of the chosen dict after the dict's path, which users may also write.
std::string after_path(const Source& source, const std::string& name) {
  const std::string& path = source.checkpoint.dicts[source.choice.dict].path;
  return path.empty() ? name : path + "." + name;
}

/// Tensors of the file's other dicts.
void add_other_dicts(Source& source) {
  const std::vector<NamedDict>& dicts = source.checkpoint.dicts;
  std::set<std::size_t> with_network;
  for (const FoundNetwork& network : find_complete_networks(dicts)) {
    with_network.insert(network.dict);
  }
  for (std::size_t i = 0; i < dicts.size(); ++i) {
    if (i == source.choice.dict || dicts[i].names.empty()) continue;
    StateDict tensors;
    try {
      if (!with_network.contains(i)) tensors = list_tensors(source.checkpoint, i);
    } catch (const Error&) {
      // The names suffice: an unreadable tensor is never the classifier.
    }
    for (const std::string& name : dicts[i].names) {
      const std::string& path = dicts[i].path;
      const Tensor* tensor = tensors.find(name);
      source.outside.push_back({i, name, path.empty() ? name : path + "." + name,
                                tensor == nullptr ? std::nullopt : std::optional(*tensor)});
    }
  }
}

/// Tensors in lists have no names: their key represents them.
void add_lists(Source& source) {
  for (const std::string& key : source.checkpoint.keys_of_lists) {
    source.outside.push_back(
        {.dict = 0, .name = key, .full_name = key, .tensor = {}, .in_list = true});
  }
}

/// Splits the tensors with the prefix into the network's and others. `split.others`: the dict's
/// tensors without the prefix.
void separate(Source& source, const SplitWeights& split, const std::string& head_key) {
  const bool hf = source.kind == SourceKind::kTransformersFolder;
  const Family& family = source.network->family();
  const auto network = source.network->make(tree_of(source), source.config);
  const std::string head = fmt::format("{}.", family.head(Form::kTimm));
  std::set<std::string> slots;
  for (const Module::Slot& slot : network->slots()) slots.insert(slot.name);
  const auto is_other_head = [&](const std::string& own, const std::string& full) {
    if (head_key.empty() || !own.starts_with(head)) return false;
    const std::string module = full.substr(0, full.rfind('.'));
    return head_key != module && head_key != after_path(source, module);
  };
  std::size_t i = 0;
  for (const auto& [name, tensor] : split.network) {
    const std::string& full = split.full_names[i++];
    // Blocks beyond those of the config belong to the network: loading reports them.
    const bool own =
        slots.contains(name) || (hf && !timm_name_of_transformers(family, name).empty());
    if (own && !is_other_head(name, full)) {
      source.tensors.insert(name, tensor);
    } else {
      source.outside.push_back({source.choice.dict, full, full, tensor});
    }
  }
  for (const auto& [name, tensor] : split.others) {
    source.outside.push_back({source.choice.dict, name, name, tensor});
  }
}

/// The tensor with its data, which tensors of other dicts do not have yet.
Tensor load(const Source& source, const OutsideTensor& tensor) {
  if (tensor.dict == source.choice.dict) return *tensor.tensor;
  return load_dict(source.checkpoint, tensor.dict).tensors.at(tensor.name);
}

/// Makes a layer outside the network its classifier.
void adopt_head(Source& source, const LinearHead& head) {
  for (const std::size_t i : {head.weight, head.bias.value_or(head.weight)}) {
    if (source.outside[i].consent == Consent::kPattern) {
      throw UsageError("ignore", fmt::format("a pattern matches '{}', a tensor of the classifier",
                                             printable(source.outside[i].full_name)));
    }
  }
  const Tensor weight = load(source, source.outside[head.weight]);
  source.tensors.insert(head_tensor(source, "weight"), weight);
  if (head.bias) {
    source.tensors.insert(head_tensor(source, "bias"), load(source, source.outside[*head.bias]));
  }
  source.config.num_labels = weight.shape().front();
  source.head = head.module;
  std::size_t i = 0;
  std::erase_if(source.outside, [&](const OutsideTensor&) {
    const std::size_t at = i++;
    return at == head.weight || at == head.bias;
  });
}

std::vector<std::string> modules_of(const std::vector<LinearHead>& heads) {
  std::vector<std::string> modules;
  for (const LinearHead& head : heads) modules.push_back(printable(head.module));
  return modules;
}

/// Takes the layer that the user named.
void take_named_head(Source& source, const std::string& key) {
  const auto heads = find_linear_heads(source.outside, source.choice, source.network->features());
  const auto found = std::ranges::find_if(heads, [&](const LinearHead& head) {
    return head.module == key || after_path(source, head.module) == key;
  });
  if (found == heads.end()) {
    throw NotFoundError(
        shown(source.checkpoint.path),
        fmt::format("'{}' is not a linear layer on the network's {} features; found: {}",
                    printable(key), source.network->features(),
                    heads.empty() ? "none" : first_of(modules_of(heads))));
  }
  source.head_named = true;
  adopt_head(source, *found);
}

/// Takes the only layer outside the network that can be its classifier, where no other unknown
/// tensor may run.
void take_only_head(Source& source) {
  const auto heads = find_linear_heads(source.outside, source.choice, source.network->features());
  std::vector<const LinearHead*> unknown;
  for (const LinearHead& head : heads) {
    const OutsideTensor& weight = source.outside[head.weight];
    const bool open = weight.kind == OutsideKind::kUnknown && weight.consent != Consent::kPattern;
    if (open) unknown.push_back(&head);
  }
  if (unknown.size() != 1 || !unknown.front()->doubt.empty()) return;
  const LinearHead& head = *unknown.front();
  for (std::size_t i = 0; i < source.outside.size(); ++i) {
    const OutsideTensor& other = source.outside[i];
    const bool blocks = other.kind == OutsideKind::kUnknown && other.consent != Consent::kPattern;
    if (blocks && i != head.weight && i != head.bias) return;
  }
  adopt_head(source, head);
}

/// Adds a missing bias as zeros, which give the same bits.
void complete_bias(Source& source) {
  const std::string bias = head_tensor(source, "bias");
  const Tensor* weight = source.tensors.find(head_tensor(source, "weight"));
  if (weight == nullptr || weight->shape().size() != 2 || source.tensors.contains(bias)) {
    return;
  }
  const std::int64_t classes = weight->shape().front();
  const auto zeros = std::make_shared<const std::vector<std::byte>>(
      static_cast<std::size_t>(classes) * item_bytes(weight->dtype()));
  source.tensors.insert(bias, Tensor::view(weight->dtype(), {classes}, *zeros, zeros));
  source.bias_added = true;
}

void take_head(Source& source, const std::string& head_key) {
  if (source.tensors.contains(head_tensor(source, "weight"))) {
    source.head_named = !head_key.empty();
  } else {
    source.config.num_labels = 0;
    if (head_key.empty()) {
      take_only_head(source);
    } else {
      take_named_head(source, head_key);
    }
  }
  complete_bias(source);
}

/// Settles the dtype of weights of several dtypes, and adds a note.
void settle_dtype(Source& source) {
  std::vector<DType> dtypes;
  for (const auto& [name, tensor] : source.tensors) {
    if (is_floating(tensor.dtype())) dtypes.push_back(tensor.dtype());
  }
  // A transformers folder states its dtype.
  if (source.kind != SourceKind::kTransformersFolder) source.config.dtype = common_dtype(dtypes);
  std::map<std::string, std::size_t> counts;
  for (const DType dtype : dtypes) ++counts[std::string(torch_name(dtype))];
  if (counts.size() < 2) return;
  source.mixed_dtypes = true;
  std::vector<std::string> texts;
  for (const auto& [name, count] : counts) texts.push_back(fmt::format("{} ({})", name, count));
  source.notes.push_back({NoteCode::kDtypesMixed,
                          shown(source.checkpoint.path),
                          {{"dtypes", fmt::format("{}", fmt::join(texts, ", "))},
                           {"dtype", std::string(torch_name(source.config.dtype))}}});
}

bool matches(const Source& source, const std::string& pattern, const std::string& full_name,
             bool chosen_dict) {
  const auto fits = [&](const std::string& name) {
    return fnmatch(pattern.c_str(), name.c_str(), FNM_NOESCAPE) == 0;
  };
  return fits(full_name) || (chosen_dict && fits(after_path(source, full_name)));
}

/// Marks the tensors that, by the user's statement, do not change the outputs.
void apply_ignore(Source& source, const std::vector<std::string>& patterns,
                  const SplitWeights& split) {
  std::set<std::string_view> outside;
  for (const OutsideTensor& tensor : source.outside) {
    if (tensor.dict == source.choice.dict) outside.insert(tensor.name);
  }
  for (const std::string& pattern : patterns) {
    for (const std::string& name : split.full_names) {
      if (!outside.contains(name) && matches(source, pattern, name, true)) {
        throw UsageError("ignore", fmt::format("'{}' matches '{}', a tensor of the network",
                                               printable(pattern), printable(name)));
      }
    }
    std::size_t count = 0;
    for (OutsideTensor& tensor : source.outside) {
      if (!matches(source, pattern, tensor.full_name, tensor.dict == source.choice.dict)) continue;
      ++count;
      if (tensor.kind == OutsideKind::kUnknown) tensor.consent = Consent::kPattern;
    }
    if (count == 0) {
      throw UsageError("ignore", fmt::format("'{}' matches no tensor of {}", printable(pattern),
                                             shown(source.checkpoint.path)));
    }
  }
}

/// Marks unknown tensors outside the network: a key for exactly one network allows to ignore them.
void apply_weights_key(Source& source) {
  if (!source.choice.named) return;
  for (OutsideTensor& tensor : source.outside) {
    const bool inside =
        tensor.dict == source.choice.dict && tensor.name.starts_with(source.choice.prefix);
    if (tensor.kind == OutsideKind::kUnknown && tensor.consent == Consent::kNone && !inside) {
      tensor.consent = Consent::kWeightsKey;
    }
  }
}

/// The family that a config states, null where there is none.
const Family* stated_family(const Source& source) {
  if (source.network) return &source.network->family();
  if (source.stated) return &source.stated->network->family();
  return source.timm ? family_of(source.timm->architecture) : nullptr;
}

/// Refuses weights of another family than the folder's config states.
void require_stated_family(const Source& source) {
  const Family* found = source.choice.family;
  const Family& stated = source.network->family();
  if (found == nullptr || found == &stated) return;
  throw MismatchError(shown(source.checkpoint.path),
                      fmt::format("{} states a {}, but the tensors are those of a {}", kConfigFile,
                                  stated.name(), found->name()));
}

/// Reads the network from its tensors. Names that no family knows are a network that weightlift
/// does not support: the family that the config states, else the first, says why.
void infer(Source& source, const StateDict& tensors, const SourceHints& hints) {
  const Family* family = source.choice.family;
  if (family == nullptr) family = stated_family(source);
  if (family == nullptr) family = families().front();
  Model model = family->from_tensors(tensors, shown(source.checkpoint.path));
  if (source.stated) take_statements(*source.stated, model, shown(hints.config));
  source.network = std::move(model.network);
  source.config = std::move(model.config);
}

}  // namespace

void read_weights(Source& source, const SourceHints& hints) {
  const Checkpoint& checkpoint = source.checkpoint;
  std::string head_key = hints.head_key;
  if (head_key.ends_with(kWeight)) head_key.resize(head_key.size() - kWeight.size());
  const std::string where = shown(checkpoint.path);
  const bool hf = source.kind == SourceKind::kTransformersFolder;
  source.notes.insert(source.notes.end(), checkpoint.notes.begin(), checkpoint.notes.end());
  if (find_networks(checkpoint.dicts).empty()) require_layer_tensors(checkpoint);
  source.choice = choose_weights(checkpoint.dicts, hints.weights_key, where);
  LoadedDict loaded = load_dict(checkpoint, source.choice.dict);
  source.ignored = std::move(loaded.ignored);
  recognise(loaded.tensors, stated_family(source), source.choice);
  if (hf) require_stated_family(source);
  WeightsChoice as_they_are = source.choice;
  if (hf) as_they_are.dialect = nullptr;
  const SplitWeights split = split_weights(loaded.tensors, as_they_are);
  note_choice(source);
  if (!hf) infer(source, split.network, hints);
  separate(source, split, head_key);
  add_other_dicts(source);
  add_lists(source);
  classify(source.outside, checkpoint.dicts, source.choice, loaded.tensors);
  apply_ignore(source, hints.ignore, split);
  if (hf && !head_key.empty()) {
    throw UsageError("head_key", "expected a timm checkpoint, got a transformers folder");
  }
  if (!hf) take_head(source, head_key);
  settle_dtype(source);
  apply_weights_key(source);
}

}  // namespace weightlift
