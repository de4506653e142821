#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "weightlift/models/resnet_config.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift::testing {

/// A checkpoint of timm in memory: a test spoils what it likes, then writes it.
struct TimmCheckpoint {
  ResNetConfig network;
  std::string config_json;                ///< as timm.models.save_for_hf writes it
  std::map<std::string, Tensor> tensors;  ///< by timm's names

  StateDict state_dict() const;

  /// `folder` with config.json and model.safetensors.
  void write_folder(const std::filesystem::path& folder) const;
  /// The same with the weights in two shards beside their index.
  void write_sharded_folder(const std::filesystem::path& folder) const;
  /// The weights alone.
  void write_file(const std::filesystem::path& file) const;
};

/// A small network: timm's resnet18 (basic) or resnet50 (bottleneck) with `layers`, `channels`,
/// 5 classes and inputs of 32x32, weights drawn from `seed`. Stage 1 has no shortcut.
TimmCheckpoint small_checkpoint(LayerType type = LayerType::kBasic, std::uint64_t seed = 1);

/// A checkpoint of that network, of an architecture of timm with its layer type.
TimmCheckpoint make_timm_checkpoint(const ResNetConfig& network, std::string_view architecture,
                                    std::uint64_t seed = 1);

/// timm's resnet18 as its repository timm/resnet18.a1_in1k has it, with random weights (47 MB).
TimmCheckpoint resnet18_checkpoint();

/// `json` with a JSON merge patch (RFC 7396) applied: members are replaced, null removes.
std::string merged(std::string_view json, std::string_view patch);

/// The tensor with one bit of its bytes turned over.
Tensor with_flipped_bit(const Tensor& tensor, std::size_t bit);

/// The F32 tensor with one element replaced.
Tensor with_element(const Tensor& tensor, std::size_t index, float value);

}  // namespace weightlift::testing
