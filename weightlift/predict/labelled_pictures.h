#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "weightlift/models/resnet_config.h"
#include "weightlift/predict/classifier.h"

namespace weightlift {

/// Pictures of which somebody says what they show.
struct LabelledPictures {
  std::vector<PictureInput> pictures;
  std::vector<std::size_t> label_of;  ///< of each picture, a place in `labels`
  std::vector<std::string> labels;    ///< each once, sorted
  std::size_t passed_over = 0;        ///< in the folders, and no pictures
};

/// A folder of folders, each named by what its pictures show; or a CSV file (RFC 4180, UTF-8) of
/// the columns file and label, with or without a first line that names them (file, filename,
/// file_name, path or image, and label, class or target, in any case), files relative to it. Throws
/// IoError or FormatError "where: ...".
LabelledPictures load_labelled_pictures(const std::filesystem::path& path);

enum class MatchedBy : std::uint8_t {
  kLabel,   ///< they are the config's labels, but for ASCII case and for '_', '-' or ' '
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
