#pragma once

#include <filesystem>
#include <fstream>

#include "weightlift/predict/evaluate.h"
#include "weightlift/predict/labelled_images.h"

namespace weightlift {

/// Throws UsageError unless the name ends in .csv or .jsonl, in any case. Throws ExistsError where
/// the file is the list of images, or one of the images.
void require_per_image_file(const std::filesystem::path& file, const std::filesystem::path& list,
                            const LabelledImages& labelled);

/// Writes rows: CSV (RFC 4180, with the names of the columns) or a JSON object per line.
class PerImageWriter {
 public:
  /// Creates the file `beside`; `file`: the name that it will get. Throws IoError, NotFoundError.
  PerImageWriter(const std::filesystem::path& beside, const std::filesystem::path& file);

  void add(const ImageJudgement& row);

  /// Throws IoError where not all rows could be written.
  void finish();

 private:
  std::filesystem::path beside_;
  bool csv_;
  std::ofstream out_;
};

}  // namespace weightlift
