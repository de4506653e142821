#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "weightlift/base/message.h"
#include "weightlift/predict/evaluation.h"
#include "weightlift/predict/labelled_images.h"

namespace weightlift {

/// The result of one image, as a row of `--per-image`.
struct PerImageRow {
  std::filesystem::path file;
  std::int64_t id = 0;  ///< of its true class
  std::string label = {};
  std::optional<Judgement> judgement = {};  ///< none where the image could not be read
  std::string predicted_label = {};
  std::optional<Error> error = {};
};

/// Throws UsageError unless the name ends in .csv or .jsonl, in any case. Throws ExistsError where
/// the file is the list of images, or one of the images.
void require_per_image_file(const std::filesystem::path& file, const std::filesystem::path& list,
                            const LabelledImages& labelled);

/// Writes rows: CSV (RFC 4180, with the names of the columns) or a JSON object per line.
class PerImageWriter {
 public:
  /// Creates the file `beside`; `file`: the name that it will get. Throws IoError, NotFoundError.
  PerImageWriter(const std::filesystem::path& beside, const std::filesystem::path& file);

  void add(const PerImageRow& row);

  /// Throws IoError where not all rows could be written.
  void finish();

 private:
  std::filesystem::path beside_;
  bool csv_;
  std::ofstream out_;
};

}  // namespace weightlift
