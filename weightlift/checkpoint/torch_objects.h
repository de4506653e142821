#pragma once

#include <optional>
#include <string>

#include "weightlift/checkpoint/torch.h"

namespace weightlift {

/// What a torch file has in place of tensors, and what to do.
struct TorchObstacle {
  std::string message;
  std::string advice;
};

/// What hides the weights of a file whose dicts hold no layer's tensors: a whole model, a method
/// that was saved without calling it, or numpy arrays. Nothing where there is no such value, or
/// where a dict holds tensors of layers.
std::optional<TorchObstacle> find_obstacle(const TorchFile& file);

/// The arguments that timm's training script passed to create_model, as a JSON object: those of
/// `args.model_kwargs`, and `args.gp` and `args.bn_eps` by their names in the model, without None.
/// Empty where a file states none.
std::string find_model_args(const Pickle& pickle);

}  // namespace weightlift
