#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "weightlift/models/model_config.h"
#include "weightlift/nn/module.h"
#include "weightlift/state_dict.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Reads the sizes of a network from the shapes of its tensors. What it refers to outlives it.
class TensorSizes {
 public:
  /// `network`: "timm ResNet", for messages.
  TensorSizes(const StateDict& tensors, std::string_view network, const std::string& where)
      : tensors_(tensors), network_(network), where_(where) {}

  bool has(const std::string& name) const { return tensors_.contains(name); }

  /// Dimension `index` of a tensor of rank `rank`. Throws NotFoundError without the tensor,
  /// MismatchError for another rank or a dimension of 0.
  std::int64_t dim(const std::string& name, std::size_t rank, std::size_t index) const;

  /// Throws UnsupportedError, with the reason.
  [[noreturn]] void refuse(std::string_view reason, std::string_view what_to_do = {}) const;

  /// The common dtype of the network's tensors. Other tensors of the file may have other dtypes.
  /// Throws UnsupportedError for one that is not floating.
  DType common_dtype_of(const Module& network) const;

  /// Refuses a network without running statistics.
  void require_statistics() const;

 private:
  const StateDict& tensors_;
  std::string_view network_;
  const std::string& where_;
};

/// A part of a tensor name that no supported network has, and the reason to report.
struct ForeignName {
  std::string_view name_part;
  std::string_view reason;
  std::string_view advice = {};
};

/// Throws UnsupportedError, with the reason, where the tensors have another form than their layers:
/// pruned, parametrized, quantized and so on. `is_evidence`: whether a tensor is of the network.
void refuse_other_forms(const StateDict& tensors, const std::string& where,
                        bool (*is_evidence)(std::string_view name));

/// The same for other tables. The first row that any tensor matches gives the reason.
void refuse_foreign_names(const StateDict& tensors, std::span<const ForeignName> rows,
                          const std::string& where, bool (*is_evidence)(std::string_view name));

}  // namespace weightlift
