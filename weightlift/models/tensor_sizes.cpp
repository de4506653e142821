#include "weightlift/models/tensor_sizes.h"

#include <fmt/format.h>

#include <algorithm>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"
#include "weightlift/error.h"

namespace weightlift {

namespace {

constexpr std::string_view kRemovePruning =
    "call torch.nn.utils.prune.remove() on each pruned module and save again";
constexpr std::string_view kRemoveParametrization =
    "call torch.nn.utils.parametrize.remove_parametrizations() on each module and save again";
constexpr std::string_view kRemoveNorm =
    "call torch.nn.utils.remove_spectral_norm() or remove_weight_norm() and save again";
constexpr std::string_view kConvertFloat = "convert the float checkpoint that it was trained from";

/// What tools for training and compression make of weights.
constexpr auto kOtherForms = std::to_array<ForeignName>({
    {"weight_mask", "pruned weights (torch.nn.utils.prune)", kRemovePruning},
    {".parametrizations.", "parametrized weights (torch.nn.utils.parametrize)",
     kRemoveParametrization},
    {".weight_u", "spectral normalization", kRemoveNorm},
    {".weight_g", "weight normalization", kRemoveNorm},
    {"fake_quant", "quantization-aware training", kConvertFloat},
    {"activation_post_process", "quantization-aware training", kConvertFloat},
    {"_packed_params", "a quantized network", kConvertFloat},
    {".zero_point", "a quantized network", kConvertFloat},
    {".qweight", "a quantized network", kConvertFloat},
    {"flat_param", "flattened parameters of FSDP",
     "save a full state dict (StateDictType.FULL_STATE_DICT)"},
    {"lora_A", "LoRA adapters", "merge them into the weights and save again"},
});

[[noreturn]] void refuse_network(const std::string& where, std::string_view reason,
                                 std::string_view what_to_do) {
  throw UnsupportedError(where, fmt::format("unsupported network: {}", reason),
                         what_to_do.empty() ? Hints() : advice(std::string(what_to_do)));
}

}  // namespace

std::int64_t TensorSizes::dim(const std::string& name, std::size_t rank, std::size_t index) const {
  const Tensor* tensor = tensors_.find(name);
  if (tensor == nullptr) {
    throw NotFoundError(fmt::format("{}: tensor '{}'", where_, name),
                        fmt::format("not found, but every {} has it", network_));
  }
  if (tensor->shape().size() != rank || tensor->numel() == 0) {
    throw MismatchError(fmt::format("{}: tensor '{}'", where_, name),
                        fmt::format("expected {} dimensions without zeros, got {}", rank,
                                    to_string(tensor->shape())));
  }
  return tensor->shape()[index];
}

void TensorSizes::refuse(std::string_view reason, std::string_view what_to_do) const {
  refuse_network(where_, reason, what_to_do);
}

DType TensorSizes::common_dtype_of(const Module& network) const {
  std::vector<DType> dtypes;
  for (const Module::ConstSlot& slot : network.slots()) {
    const Tensor* tensor = slot.role == SlotRole::kCounter ? nullptr : tensors_.find(slot.name);
    if (tensor == nullptr) continue;
    if (!is_floating(tensor->dtype())) {
      throw UnsupportedError(
          fmt::format("{}: tensor '{}'", where_, printable(slot.name)),
          fmt::format("expected F32, F16, BF16 or F64, got {}", to_string(tensor->dtype())));
    }
    dtypes.push_back(tensor->dtype());
  }
  return common_dtype(dtypes);
}

void TensorSizes::require_statistics() const {
  const bool statistics = std::ranges::any_of(
      tensors_, [](const auto& entry) { return entry.first.ends_with(".running_mean"); });
  if (statistics) return;
  refuse("no running statistics (running_mean): parameters without buffers, or group norm",
         "if the network has batch norm, save model.state_dict(), not named_parameters()");
}

void refuse_foreign_names(const StateDict& tensors, std::span<const ForeignName> rows,
                          const std::string& where, bool (*is_evidence)(std::string_view name)) {
  for (const ForeignName& row : rows) {
    for (const auto& [name, tensor] : tensors) {
      if (is_evidence(name) && name.find(row.name_part) != std::string::npos) {
        refuse_network(where, fmt::format("{} (tensor '{}')", row.reason, printable(name)),
                       row.advice);
      }
    }
  }
}

void refuse_other_forms(const StateDict& tensors, const std::string& where,
                        bool (*is_evidence)(std::string_view name)) {
  refuse_foreign_names(tensors, kOtherForms, where, is_evidence);
}

}  // namespace weightlift
