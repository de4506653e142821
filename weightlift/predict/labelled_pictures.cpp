#include "weightlift/predict/labelled_pictures.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/predict/ascii.h"
#include "weightlift/predict/csv.h"
#include "weightlift/predict/picture_files.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> class_folders(const fs::path& folder, std::size_t& passed_over) {
  std::vector<fs::path> folders;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().filename().string().starts_with('.')) continue;
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      folders.push_back(entry->path());
    } else {
      ++passed_over;
    }
  }
  if (error) throw_io_error(folder, "cannot be read", error.value());
  std::ranges::sort(folders);
  return folders;
}

LabelledPictures load_class_folders(const fs::path& folder) {
  LabelledPictures found;
  for (const fs::path& of_class : class_folders(folder, found.passed_over)) {
    PictureFiles pictures = find_pictures(of_class);
    found.passed_over += pictures.passed_over;
    if (pictures.files.empty()) {
      found.empty_folders.push_back(of_class);
      continue;
    }
    for (fs::path& file : pictures.files) {
      found.pictures.push_back({.file = std::move(file)});
      found.label_of.push_back(found.labels.size());
    }
    found.labels.push_back(of_class.filename().string());
  }
  if (found.pictures.empty()) {
    const std::size_t empty = found.empty_folders.size();
    throw IoError(fmt::format(
        "{}: expected a folder with pictures for each class, got {}", shown(folder),
        empty == 0 ? "no folder"
                   : fmt::format("{} without pictures; is it one of them, such as {}?",
                                 empty == 1 ? "one folder" : fmt::format("{} folders", empty),
                                 shown(found.empty_folders.front()))));
  }
  return found;
}

constexpr std::array<std::string_view, 9> kFileColumns = {
    "file", "filename", "file_name", "filepath", "file_path", "path", "image", "image_path", "img"};
constexpr std::array<std::string_view, 4> kLabelColumns = {"label", "class", "target", "category"};

/// Where a line of a CSV file has them.
struct Columns {
  std::size_t count = 2, file = 0, label = 1;
};

/// The field of that name, in any case.
template <std::size_t N>
std::optional<std::size_t> find_column(const std::vector<std::string>& fields,
                                       const std::array<std::string_view, N>& names) {
  const auto found = std::ranges::find_if(fields, [&](const std::string& field) {
    return std::ranges::find(names, ascii_lower(field)) != names.end();
  });
  if (found == fields.end()) return {};
  return static_cast<std::size_t>(found - fields.begin());
}

/// None where the first line does not name columns: a file's name has a dot.
std::optional<Columns> read_header(const std::vector<std::string>& fields,
                                   const std::string& where) {
  const auto file = find_column(fields, kFileColumns), label = find_column(fields, kLabelColumns);
  if (file && label) return Columns{fields.size(), *file, *label};
  const bool has_dot = std::ranges::any_of(
      fields, [](const std::string& field) { return field.find('.') != std::string::npos; });
  if (has_dot || (!file && !label)) return {};
  throw FormatError(fmt::format("{}: line 1: expected {} among the names of the columns, got none",
                                where,
                                file ? fmt::format("one of {}", fmt::join(kLabelColumns, ", "))
                                     : fmt::format("one of {}", fmt::join(kFileColumns, ", "))));
}

/// The records without the line that names the columns.
std::vector<CsvRecord> read_records(const fs::path& file, Columns& columns) {
  constexpr std::size_t kMaxBytes = std::size_t{256} << 20;
  std::vector<CsvRecord> records = parse_csv(read_text_file(file, kMaxBytes), shown(file));
  if (records.empty()) return records;
  if (const auto named = read_header(records.front().fields, shown(file))) {
    columns = *named;
    records.erase(records.begin());
  }
  for (const CsvRecord& record : records) {
    const std::size_t got = record.fields.size();
    if (got == columns.count && !record.fields[columns.file].empty()) continue;
    if (got == columns.count) {
      throw FormatError(
          fmt::format("{}: line {}: expected a file's name, got none", shown(file), record.line));
    }
    throw FormatError(
        fmt::format("{}: line {}: expected {}, got {} field{}", shown(file), record.line,
                    columns.count == 2 ? "file,label" : fmt::format("{} fields", columns.count),
                    got, got == 1 ? "; they are separated by commas" : "s"));
  }
  return records;
}

LabelledPictures load_label_file(const fs::path& file) {
  Columns columns;
  const std::vector<CsvRecord> records = read_records(file, columns);
  std::map<std::string, std::size_t> places;
  for (const CsvRecord& record : records) places.emplace(record.fields[columns.label], 0);
  LabelledPictures found;
  for (auto& [label, place] : places) {
    place = found.labels.size();
    found.labels.push_back(label);
  }
  for (const CsvRecord& record : records) {
    found.pictures.push_back({.file = file.parent_path() / record.fields[columns.file]});
    found.label_of.push_back(places.at(record.fields[columns.label]));
  }
  if (found.pictures.empty()) {
    throw FormatError(fmt::format("{}: expected lines of file,label, got none", shown(file)));
  }
  return found;
}

}  // namespace

LabelledPictures load_labelled_pictures(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    throw IoError(fmt::format("{}: no such file or folder", shown(path)));
  }
  return fs::is_directory(status) ? load_class_folders(path) : load_label_file(path);
}

}  // namespace weightlift
