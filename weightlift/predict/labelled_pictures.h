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
  std::vector<std::size_t> label_of;                      ///< of each picture, a place in `labels`
  std::vector<std::string> labels;                        ///< each once, sorted
  std::size_t passed_over = 0;                            ///< in the folders, and no pictures
  std::vector<std::filesystem::path> empty_folders = {};  ///< of no pictures: they name no label
};

/// A folder of folders, each named by what its pictures show; or a CSV file (RFC 4180, UTF-8) of
/// the columns file and label, files relative to it. A first line may name the columns, then in any
/// order and beside others: file, filename, path, image, ... and label, class, target or category.
/// Throws IoError or FormatError "where: ...".
LabelledPictures load_labelled_pictures(const std::filesystem::path& path);

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
