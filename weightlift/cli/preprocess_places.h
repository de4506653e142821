#pragma once

#include <filesystem>
#include <span>

namespace weightlift {

/// The files that `preprocess` writes.
struct PreprocessPlaces {
  std::filesystem::path folder;  ///< of the model, which keeps its files
  std::filesystem::path output;
  std::filesystem::path show;  ///< empty: no such file
};

/// Throws UsageError for "-", which is neither standard input nor output here.
void require_no_streams(const PreprocessPlaces& places,
                        std::span<const std::filesystem::path> images);

/// Throws ExistsError where a result would overwrite an image or a file of the model, and
/// UsageError where both results have the same name.
void require_distinct(const PreprocessPlaces& places,
                      std::span<const std::filesystem::path> images);

}  // namespace weightlift
