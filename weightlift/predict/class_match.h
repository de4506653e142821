#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weightlift/models/model_config.h"

namespace weightlift {

/// How the labels of images identify the classes of the network.
enum class MatchedBy : std::uint8_t {
  kLabel,   ///< they are the config's labels; ASCII case, '_', '-' or ' ', and the text after a
            ///< comma may differ
  kId,      ///< they are class ids
  kSynset,  ///< they are WordNet ids, and the config has the labels of ImageNet-1k
  kOrder,   ///< the config has only the labels LABEL_i, one for each of them: in sorted order they
            ///< are the classes 0, 1, ...
};

struct ClassMatch {
  MatchedBy by = MatchedBy::kLabel;
  std::vector<std::int64_t> classes;  ///< of each of the labels
};

/// Returns the classes of the network that the labels identify. `labels` are sorted. Throws
/// MismatchError "where: ..." that names the first label of no class or of several.
ClassMatch match_classes(const std::vector<std::string>& labels, const ModelConfig& config,
                         const std::string& where);

}  // namespace weightlift
