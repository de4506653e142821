#include "weightlift/predict/labelled_images.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/text.h"
#include "weightlift/predict/ascii.h"
#include "weightlift/predict/csv.h"
#include "weightlift/predict/image_files.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> class_folders(const fs::path& folder, std::size_t& skipped) {
  std::vector<fs::path> folders;
  for_each_visible(folder, [&](const fs::directory_entry& entry) {
    std::error_code ignored;
    if (entry.is_directory(ignored)) {
      folders.push_back(entry.path());
    } else {
      ++skipped;
    }
  });
  std::ranges::sort(folders);
  return folders;
}

[[noreturn]] void refuse_empty(const fs::path& folder, const std::vector<fs::path>& empty) {
  if (empty.empty()) {
    throw NotFoundError(shown(folder), "no class folders found",
                        advice("put the images of each class into a folder of their own"));
  }
  throw NotFoundError(
      shown(folder),
      fmt::format("no images found in its {}",
                  empty.size() == 1 ? "only folder" : fmt::format("{} folders", empty.size())));
}

LabelledImages load_class_folders(const fs::path& folder) {
  LabelledImages found;
  for (const fs::path& of_class : class_folders(folder, found.skipped)) {
    ImageFiles images = find_images_below(of_class);
    found.skipped += images.skipped;
    if (images.files.empty()) {
      found.empty_folders.push_back(of_class);
      continue;
    }
    for (fs::path& file : images.files) {
      found.images.push_back({.file = std::move(file)});
      found.label_of.push_back(found.labels.size());
    }
    found.labels.push_back(of_class.filename().string());
  }
  if (found.images.empty()) {
    refuse_empty(folder, found.empty_folders);
  }
  return found;
}

constexpr std::array<std::string_view, 9> kFileColumns = {
    "file", "filename", "file_name", "filepath", "file_path", "path", "image", "image_path", "img"};
constexpr std::array<std::string_view, 4> kLabelColumns = {"label", "class", "target", "category"};

/// The columns of file and label in a CSV file.
struct Columns {
  std::size_t count = 2, file = 0, label = 1;
};

/// Returns the field with one of these names, in any case.
template <std::size_t N>
std::optional<std::size_t> find_column(const std::vector<std::string>& fields,
                                       const std::array<std::string_view, N>& names) {
  const auto found = std::ranges::find_if(fields, [&](const std::string& field) {
    return std::ranges::find(names, ascii_lower(field)) != names.end();
  });
  if (found == fields.end()) return {};
  return static_cast<std::size_t>(found - fields.begin());
}

/// Returns nothing where the first line does not name columns: file names have a dot, or exist.
std::optional<Columns> read_header(const std::vector<std::string>& fields, const fs::path& csv) {
  const auto file = find_column(fields, kFileColumns), label = find_column(fields, kLabelColumns);
  if (file && label) return Columns{fields.size(), *file, *label};
  const bool has_dot = std::ranges::any_of(
      fields, [](const std::string& field) { return field.find('.') != std::string::npos; });
  std::error_code ignored;
  const bool exists = fs::exists(csv.parent_path() / fields.front(), ignored);
  if (has_dot || (!file && !label && exists)) return {};
  std::vector<std::string> missing;
  if (!file) missing.push_back(fmt::format("file ({})", fmt::join(kFileColumns, ", ")));
  if (!label) missing.push_back(fmt::format("label ({})", fmt::join(kLabelColumns, ", ")));
  // The line may be any text, so it is not quoted.
  throw FormatError(
      shown(csv), fmt::format("line 1: no column for the {}; {}", fmt::join(missing, " and the "),
                              fields.size() == 1 ? "found one column"
                                                 : fmt::format("found {} columns", fields.size())));
}

/// Returns the records without the line that names the columns.
std::vector<CsvRecord> read_records(const fs::path& file, Columns& columns) {
  constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
  std::vector<CsvRecord> records = parse_csv(read_text_file(file, kMaxBytes), shown(file));
  if (records.empty()) return records;
  if (const auto named = read_header(records.front().fields, file)) {
    columns = *named;
    records.erase(records.begin());
  }
  for (const CsvRecord& record : records) {
    const std::size_t got = record.fields.size();
    if (got == columns.count && !record.fields[columns.file].empty()) continue;
    if (got == columns.count) {
      throw FormatError(shown(file), fmt::format("line {}: missing file name", record.line));
    }
    throw FormatError(
        shown(file),
        fmt::format("line {}: expected {} fields, got {}", record.line, columns.count, got),
        got == 1 ? advice("separate the fields with commas") : Hints());
  }
  return records;
}

LabelledImages load_label_file(const fs::path& file) {
  Columns columns;
  const std::vector<CsvRecord> records = read_records(file, columns);
  std::map<std::string, std::size_t> places;
  for (const CsvRecord& record : records) places.emplace(record.fields[columns.label], 0);
  LabelledImages found;
  for (auto& [label, place] : places) {
    place = found.labels.size();
    found.labels.push_back(label);
  }
  for (const CsvRecord& record : records) {
    found.images.push_back({.file = file.parent_path() / record.fields[columns.file]});
    found.label_of.push_back(places.at(record.fields[columns.label]));
  }
  if (found.images.empty()) {
    throw FormatError(shown(file), "no images listed",
                      advice("write one line file,label per image"));
  }
  return found;
}

}  // namespace

LabelledImages load_labelled_images(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    throw NotFoundError(shown(path), "no such file or folder");
  }
  return fs::is_directory(status) ? load_class_folders(path) : load_label_file(path);
}

}  // namespace weightlift
