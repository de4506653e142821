#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "weightlift/models/resnet/resnet_config.h"
#include "weightlift/state_dict.h"

namespace weightlift::testing {

/// A timm checkpoint in memory: a test changes it, then writes it.
struct TimmCheckpoint {
  ResNetConfig network;
  std::string config_json;                ///< as timm.models.save_for_hf writes it
  std::map<std::string, Tensor> tensors;  ///< by timm's name

  StateDict state_dict() const;

  /// Writes `folder` with config.json and model.safetensors.
  void write_folder(const std::filesystem::path& folder) const;
  /// Writes `folder` with config.json, two shards of the weights and their index.
  void write_sharded_folder(const std::filesystem::path& folder) const;
  /// Writes only the weights.
  void write_file(const std::filesystem::path& file) const;
};

/// A small network: timm's resnet18 (basic) or resnet50 (bottleneck) with `layers`, `channels`,
/// 5 classes and inputs of 32x32, weights drawn from `seed`. Stage 1 has no shortcut.
TimmCheckpoint small_checkpoint(LayerType type = LayerType::kBasic, std::uint64_t seed = 1);

/// A checkpoint of this network, as a timm architecture with its layer type.
TimmCheckpoint make_timm_checkpoint(const ResNetConfig& network, std::string_view architecture,
                                    std::uint64_t seed = 1);

/// timm's resnet18 as in the repository timm/resnet18.a1_in1k, with random weights (47 MB).
TimmCheckpoint resnet18_checkpoint();

/// `json` with a JSON merge patch (RFC 7396) applied: members are replaced, null removes.
std::string merged(std::string_view json, std::string_view patch);

/// The tensor with one flipped bit.
Tensor with_flipped_bit(const Tensor& tensor, std::size_t bit);

/// The F32 tensor with one element replaced.
Tensor with_element(const Tensor& tensor, std::size_t index, float value);

}  // namespace weightlift::testing
