#include "tests/support/timm_checkpoint.h"

#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "tests/support/counter_random.h"
#include "tests/support/resnets.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/file.h"
#include "weightlift/checkpoint.h"
#include "weightlift/models/resnet/resnet.h"

namespace weightlift::testing {

namespace {

using Json = nlohmann::ordered_json;

/// The config.json that save_for_hf writes for this network, with a small input size.
std::string make_config_json(const ResNetConfig& network, std::string_view architecture) {
  std::vector<std::int64_t> channels = network.hidden_sizes;
  for (std::int64_t& width : channels) {
    if (network.layer_type == LayerType::kBottleneck) width /= 4;
  }
  const Json json = {{"architecture", architecture},
                     {"num_classes", network.num_labels},
                     {"num_features", network.hidden_sizes.back()},
                     {"global_pool", "avg"},
                     {"model_args",
                      {{"layers", network.depths},
                       {"channels", channels},
                       {"in_chans", network.num_channels},
                       {"num_classes", network.num_labels},
                       {"global_pool", "avg"}}},
                     {"pretrained_cfg",
                      {{"tag", "a1_in1k"},
                       {"input_size", {network.num_channels, 32, 32}},
                       {"interpolation", "bicubic"},
                       {"crop_pct", 0.875},
                       {"crop_mode", "center"},
                       {"mean", {0.485, 0.456, 0.406}},
                       {"std", {0.229, 0.224, 0.225}},
                       {"num_classes", network.num_labels},
                       {"license", "apache-2.0"}}}};
  return json.dump(2);
}

}  // namespace

StateDict TimmCheckpoint::state_dict() const {
  StateDict state;
  for (const auto& [name, tensor] : tensors) state.insert(name, tensor);
  return state;
}

void TimmCheckpoint::write_folder(const std::filesystem::path& folder) const {
  testing::write_file(folder / "config.json", config_json);
  write_file(folder / "model.safetensors");
}

void TimmCheckpoint::write_file(const std::filesystem::path& file) const {
  std::filesystem::create_directories(file.parent_path());
  std::filesystem::remove(file);
  write_safetensors(file, output_tensors(state_dict()), {});
}

void TimmCheckpoint::write_sharded_folder(const std::filesystem::path& folder) const {
  write_folder(folder);
  std::filesystem::remove(folder / "model.safetensors");
  std::array<std::vector<OutputTensor>, 2> shards;
  Json index = {{"metadata", Json::object()}, {"weight_map", Json::object()}};
  for (const auto& [name, tensor] : tensors) {
    const std::size_t shard = name < "layer3" ? 0 : 1;
    shards.at(shard).push_back({name, tensor, tensor.dtype()});
    index["weight_map"][name] = "model-0000" + std::to_string(shard + 1) + "-of-00002.safetensors";
  }
  write_safetensors(folder / "model-00001-of-00002.safetensors", shards[0], {});
  write_safetensors(folder / "model-00002-of-00002.safetensors", shards[1], {});
  write_atomically(folder / "model.safetensors.index.json", index.dump(2));
}

TimmCheckpoint make_timm_checkpoint(const ResNetConfig& network, std::string_view architecture,
                                    std::uint64_t seed) {
  TimmCheckpoint checkpoint{network, make_config_json(network, architecture), {}};
  const auto module = make_timm_resnet(network);
  const bool bottleneck = network.layer_type == LayerType::kBottleneck;
  for (const auto& [name, tensor] : random_resnet(*module, seed, bottleneck)) {
    checkpoint.tensors.emplace(name, tensor);
  }
  return checkpoint;
}

TimmCheckpoint small_checkpoint(LayerType type, std::uint64_t seed) {
  ResNetConfig network;
  network.layer_type = type;
  network.num_labels = 5;
  if (type == LayerType::kBasic) {
    network.depths = {2, 1, 1, 1};
    network.hidden_sizes = {64, 16, 24, 32};
    return make_timm_checkpoint(network, "resnet18", seed);
  }
  network.depths = {1, 2, 1, 1};
  network.hidden_sizes = {64, 32, 48, 64};
  return make_timm_checkpoint(network, "resnet50", seed);
}

TimmCheckpoint resnet18_checkpoint() {
  TimmCheckpoint checkpoint = make_timm_checkpoint(resnet_config("resnet18"), "resnet18");
  checkpoint.config_json =
      merged(checkpoint.config_json,
             R"({"pretrained_cfg": {"tag": "a1_in1k", "input_size": [3, 224, 224],
                 "crop_pct": 0.95, "interpolation": "bicubic"}})");
  return checkpoint;
}

std::string merged(std::string_view json, std::string_view patch) {
  auto value = Json::parse(json);
  value.merge_patch(Json::parse(patch));
  return value.dump(2);
}

Tensor with_flipped_bit(const Tensor& tensor, std::size_t bit) {
  auto bytes =
      std::make_shared<std::vector<std::byte>>(tensor.bytes().begin(), tensor.bytes().end());
  bytes->at(bit / 8) ^= static_cast<std::byte>(1U << (bit % 8));
  return Tensor::view(tensor.dtype(), tensor.shape(), *bytes, bytes);
}

Tensor with_element(const Tensor& tensor, std::size_t index, float value) {
  const auto elements = tensor.data<float>();
  std::vector<float> changed(elements.begin(), elements.end());
  changed.at(index) = value;
  return Tensor::of(tensor.shape(), std::move(changed));
}

}  // namespace weightlift::testing
