#pragma once

#include <cstdint>
#include <memory>

#include "weightlift/models/model_config.h"
#include "weightlift/nn/module.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// timm's SelectAdaptivePool2d for "avg": `pool`, then, before a classifier, `flatten`.
class SelectAdaptivePool2d : public Module {
 public:
  explicit SelectAdaptivePool2d(Head head);

 protected:
  Value forward(Value x) const override;

 private:
  Module* pool_;
  Module* flatten_ = nullptr;
};

/// The parts that transformers' ResNet and RegNet share: embedder, encoder and pooler and, with a
/// classifier, below it a Flatten and, for num_labels above 0, a Linear layer on `features`.
/// `base`: transformers' base_model_prefix ("resnet"), which a network without a classifier lacks.
/// Outputs: as Network::make.
std::unique_ptr<Module> make_hf_network(const char* base, std::unique_ptr<Module> embedder,
                                        std::unique_ptr<Module> encoder, std::int64_t features,
                                        std::int64_t num_labels, Head head);

}  // namespace weightlift
