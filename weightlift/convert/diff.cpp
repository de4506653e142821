#include "weightlift/convert/diff.h"

#include <algorithm>
#include <limits>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/tensor/compare.h"
#include "weightlift/transfer/transfer.h"

namespace weightlift {

namespace {

using Names = std::map<std::string, std::string>;

/// timm's name for each tensor of transformers' network: both run the same operations in the same
/// order. Throws MismatchError where they do not, UnsupportedError where timm has no such network.
Names pair_by_execution(const Source& source) {
  const auto network = make_network(source, source.config.head);
  const auto twin = source.network->make(Form::kTimm, source.config);
  Names names;
  for (const auto& operation : ModuleTransfer{*network, *twin}(input_shape(source)).operations) {
    names.insert(operation.tensors.begin(), operation.tensors.end());
  }
  return names;
}

Names rename(const Source& source) {
  Names names;
  for (const auto& [own, tensor] : source.tensors) {
    names.emplace(own, timm_name_of_transformers(source.network->family(), own));
  }
  return names;
}

Names timm_names(const Source& source) {
  try {
    return pair_by_execution(source);
  } catch (const MismatchError&) {
    return rename(source);
  } catch (const UnsupportedError&) {
    return rename(source);
  }
}

bool is_taken(const DiffSide& side, const OutsideTensor& tensor) {
  return side.tensors.contains(tensor.full_name);
}

/// Takes what open_source found, with timm's names.
void take_source(Source source, DiffSide& side) {
  if (source.kind == SourceKind::kTransformersFolder) {
    const Names names = timm_names(source);
    for (const auto& [own, tensor] : source.tensors) {
      const std::string& name = names.at(own);
      if (name != own) side.own_names.emplace(name, own);
      side.tensors.insert(name, tensor);
    }
  } else {
    for (const auto& [name, tensor] : source.tensors) {
      if (!source.bias_added || name != head_tensor(source, "bias"))
        side.tensors.insert(name, tensor);
    }
    if (!source.head.empty()) {
      for (const char* last : {"weight", "bias"}) {
        side.own_names.emplace(head_tensor(source, last), join_path(source.head, last));
      }
    }
  }
  // A tensor that may run with the network is a difference where the other side lacks it.
  for (const OutsideTensor& tensor : source.outside) {
    if (tensor.kind == OutsideKind::kUnknown && tensor.tensor && !is_taken(side, tensor)) {
      side.tensors.insert(tensor.full_name, *tensor.tensor);
    }
  }
  side.counters_added = source.counters_added;
  side.notes = std::move(source.notes);
  // Tensors are compared without an architecture.
  std::erase_if(side.notes, [](const Note& note) { return note.code == NoteCode::kNoConfig; });
  side.checkpoint = std::move(source.checkpoint);
}

void take_file(const std::string& given, const std::string& weights_key, DiffSide& side) {
  side.checkpoint = open_checkpoint(find_source_weights(given));
  const std::string where = shown(side.checkpoint.path);
  const WeightsChoice choice = choose_weights(side.checkpoint.dicts, weights_key, where);
  LoadedDict loaded = load_dict(side.checkpoint, choice.dict);
  side.tensors = split_weights(loaded.tensors, choice).network;
  side.notes = side.checkpoint.notes;
}

TensorFacts facts_of(const DiffSide& side, const StateDict::value_type& entry) {
  const auto& [name, tensor] = entry;
  const auto own = side.own_names.find(name);
  return {own == side.own_names.end() ? name : own->second, tensor.dtype(), tensor.shape()};
}

/// Whether the tensor of the wider dtype, rounded to the other dtype, has the other's bits.
bool is_equal_rounded(const Tensor& a, const Tensor& b) {
  if (!is_floating(a.dtype()) || !is_floating(b.dtype())) return false;
  const bool wider = item_bytes(a.dtype()) > item_bytes(b.dtype());
  const Tensor& from = wider ? a : b;
  const Tensor& to = wider ? b : a;
  return bit_equal_converted(from, to);
}

std::optional<TensorDifference> compare(const DiffSide& a, const StateDict::value_type& in_a,
                                        const DiffSide& b, const StateDict::value_type& in_b) {
  const Tensor& x = in_a.second;
  const Tensor& y = in_b.second;
  if (bit_equal(x, y)) return std::nullopt;
  TensorDifference found{DifferenceKind::kValues, facts_of(a, in_a), facts_of(b, in_b),
                         std::nullopt};
  if (x.shape() != y.shape()) {
    found.kind = DifferenceKind::kShape;
    return found;
  }
  found.values = value_difference(x, y);
  if (x.dtype() != y.dtype()) {
    found.kind = DifferenceKind::kDtype;
    found.equal_rounded = is_equal_rounded(x, y);
  }
  return found;
}

/// The sort key: a difference without a number is the largest.
double size_of(const TensorDifference& difference) {
  return difference.values ? difference.values->max_abs : std::numeric_limits<double>::infinity();
}

}  // namespace

DiffSide open_diff_side(const std::string& given, const SourceHints& hints) {
  DiffSide side{};
  std::optional<Source> source;
  try {
    source = open_source(given, hints);
  } catch (const Error& error) {
    side.not_convertible = error.what();
  }
  if (source) {
    take_source(std::move(*source), side);
  } else {
    take_file(given, hints.weights_key, side);
  }
  return side;
}

std::string_view to_string(DifferenceKind kind) {
  switch (kind) {
    case DifferenceKind::kOnlyInA:
      return "only_in_a";
    case DifferenceKind::kOnlyInB:
      return "only_in_b";
    case DifferenceKind::kShape:
      return "shape";
    case DifferenceKind::kDtype:
      return "dtype";
    case DifferenceKind::kValues:
      return "values";
  }
  return "values";
}

std::size_t CheckpointDiff::count(DifferenceKind kind) const {
  return static_cast<std::size_t>(std::ranges::count(differences, kind, &TensorDifference::kind));
}

CheckpointDiff diff_checkpoints(const DiffSide& a, const DiffSide& b, ProgressSink& progress) {
  std::uint64_t bytes = 0;
  for (const auto& [name, tensor] : a.tensors) bytes += tensor.bytes().size();
  progress.step("compare", bytes);
  CheckpointDiff diff;
  bytes = 0;
  for (const auto& in_a : a.tensors) {
    progress.check();
    ++diff.tensors;
    if (const Tensor* y = b.tensors.find(in_a.first)) {
      auto found = compare(a, in_a, b, {in_a.first, *y});
      if (found) diff.differences.push_back(std::move(*found));
    } else {
      diff.differences.push_back({DifferenceKind::kOnlyInA, facts_of(a, in_a), {}, {}});
    }
    progress.advance(bytes += in_a.second.bytes().size());
  }
  for (const auto& in_b : b.tensors) {
    if (a.tensors.contains(in_b.first)) continue;
    ++diff.tensors;
    diff.differences.push_back({DifferenceKind::kOnlyInB, {}, facts_of(b, in_b), {}});
  }
  for (const DiffSide* side : {&a, &b}) {
    require_checksums(side->checkpoint);
    require_intact(side->checkpoint);
  }
  std::ranges::stable_sort(diff.differences, std::ranges::greater(), size_of);
  return diff;
}

}  // namespace weightlift
