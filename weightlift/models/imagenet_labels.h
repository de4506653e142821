#pragma once

#include <span>
#include <string_view>

namespace weightlift {

/// The labels of ImageNet-1k by class index: WordNet's lemmas of each synset, as transformers and
/// timm write them ("tench, Tinca tinca"). They are not unique: "crane" is 134 (the bird) and 517
/// (the machine).
std::span<const std::string_view, 1000> imagenet_1k_labels();

/// The WordNet ids of the same classes, "n" and 8 digits, ascending. ImageNet's folders have these
/// names.
std::span<const std::string_view, 1000> imagenet_1k_synsets();

}  // namespace weightlift
