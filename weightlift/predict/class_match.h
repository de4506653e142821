#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weightlift/models/resnet_config.h"

namespace weightlift {

/// How it is known which classes the labels of pictures mean.
enum class MatchedBy : std::uint8_t {
  kLabel,   ///< they are the config's labels, but for ASCII case, for '_', '-' or ' ',
            ///< and for what follows a comma
  kId,      ///< they are class ids
  kSynset,  ///< they are WordNet ids, and the config's labels ImageNet-1k's
  kOrder,   ///< the config's labels are LABEL_i alone, of as many classes: sorted, they are 0, 1,
            ///< ...
};

struct ClassMatch {
  MatchedBy by = MatchedBy::kLabel;
  std::vector<std::int64_t> classes;  ///< of each of the labels
};

/// Which classes of the network labels mean. `labels` are sorted. Throws MismatchError "where: ..."
/// naming the first that means none, or several.
ClassMatch match_classes(const std::vector<std::string>& labels, const ResNetConfig& config,
                         const std::string& where);

}  // namespace weightlift
