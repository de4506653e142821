#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/nn/module.h"

namespace weightlift::testing {

/// Random numbers that depend only on (seed, tensor name, index), from integer arithmetic and
/// single correctly rounded operations: tests/data/counter_random.py makes the same bits.
class CounterRandom {
 public:
  CounterRandom(std::uint64_t seed, std::string_view name) : key_(mix(seed) ^ fnv1a(name)) {}

  /// In [0, 1), a multiple of 2^-24.
  float uniform(std::uint64_t index) const {
    constexpr float kStep = 0x1p-24F;
    return static_cast<float>(word(index) >> 40U) * kStep;
  }

  /// The sum of four uniforms, centred: close to a normal of standard deviation 65536 / sqrt(3).
  float bell(std::uint64_t index) const {
    std::uint64_t rest = word(index);
    std::int64_t sum = -2 * 65535;
    for (int i = 0; i < 4; ++i, rest >>= 16U) sum += static_cast<std::int64_t>(rest & 0xFFFFU);
    return static_cast<float>(sum);
  }

 private:
  static std::uint64_t fnv1a(std::string_view text) {
    std::uint64_t hash = 0xCBF29CE484222325U;
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
    return hash;
  }
  /// The output function of splitmix64.
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  std::uint64_t word(std::uint64_t index) const {
    return mix(key_ + (index + 1) * 0x9E3779B97F4A7C15U);
  }

  std::uint64_t key_;
};

/// The distribution of a tensor: `offset + scale * uniform`, or `scale * bell`.
struct Filling {
  bool bell;
  float scale;
  float offset = 0;
};

/// Close to a normal distribution with this standard deviation.
inline Filling normal(double deviation) {
  return {true, static_cast<float>(deviation * (std::sqrt(3.0) / 65536.0))};
}

inline Tensor random_tensor(std::uint64_t seed, std::string_view name, const Shape& shape,
                            const Filling& filling) {
  const CounterRandom random(seed, name);
  std::vector<float> values(static_cast<std::size_t>(numel(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = filling.bell ? filling.scale * random.bell(i)
                             : filling.offset + filling.scale * random.uniform(i);
  }
  return Tensor::of(shape, std::move(values));
}

/// Weights that keep the size of a ResNet's activations from layer to layer. `last_norm` marks the
/// last batch norm of a block, whose weights are small so that 50 residual additions stay small.
inline Filling resnet_filling(std::string_view name, const Shape& shape, bool last_norm) {
  if (shape.size() == 4) {
    return normal(std::sqrt(2.0 / static_cast<double>(shape[1] * shape[2] * shape[3])));
  }
  if (shape.size() == 2) return normal(std::sqrt(1.0 / static_cast<double>(shape[1])));
  if (name.ends_with(".weight")) {
    return last_norm ? Filling{false, 0.125F, 0.125F} : Filling{false, 1.0F, 0.5F};
  }
  if (name.ends_with(".running_var")) return {false, 1.0F, 0.5F};
  return normal(0.125);
}

/// Whether the tensor is in a block's last batch norm: `layer1.0.bn2` of a basic block,
/// `layer1.0.bn3` of a bottleneck.
inline bool is_last_norm(std::string_view name, bool bottleneck) {
  return name.starts_with("layer") && name.find(bottleneck ? ".bn3." : ".bn2.") != name.npos;
}

/// Random tensors for a network with timm's names.
inline StateDict random_resnet(const Module& network, std::uint64_t seed, bool bottleneck) {
  StateDict state;
  for (const Module::ConstSlot& slot : network.slots()) {
    if (slot.role == SlotRole::kCounter) {
      state.insert(slot.name, Tensor::of(slot.shape, std::vector<std::int64_t>{0}));
      continue;
    }
    const Filling filling =
        resnet_filling(slot.name, slot.shape, is_last_norm(slot.name, bottleneck));
    state.insert(slot.name, random_tensor(seed, slot.name, slot.shape, filling));
  }
  return state;
}

}  // namespace weightlift::testing
