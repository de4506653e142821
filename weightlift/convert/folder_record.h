#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/convert/convert.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The content of kRecordFile: from what a folder was made, as digests, so that it has no paths.
struct FolderRecord {
  std::string options;  ///< of all options that decide on the folder, with the files that they name
  std::string source;   ///< of the source: its small files, names, sizes and times of its weights
  std::string contents;                        ///< the same with the sha256 of its weights
  std::map<std::string, std::uint64_t> sizes;  ///< bytes of the folder's files, but of the card
  std::string license, claimed_license;        ///< as Provenance has them
  std::int64_t parameters = 0;                 ///< of the source
  std::string dtype;                           ///< of the folder's weights: "float32"
};

/// The files of a local source.
struct SourceFiles {
  std::vector<std::filesystem::path> weights;  ///< the file, or an index and its shards
  std::string described;                       ///< digest of the small files, and of the name
};

/// Finds them as open_source does. Throws as it does, or with a less helpful message.
SourceFiles find_source_files(const ConversionRequest& request, const LocalSource& source);

/// The size of a file in bytes, 0 where there is none.
std::uint64_t file_bytes(const std::filesystem::path& file);

/// FolderRecord::options. Reads the files of labels, image processor, config and images, which are
/// compared by their content: a path or a time says less. Throws as their readers.
std::string digest_options(const ConversionRequest& request, const LocalSource& source);

/// FolderRecord::source. The name of a blob in the Hub's cache is its hash, and stands for its
/// time.
std::string digest_by_time(const SourceFiles& files);

/// FolderRecord::contents. `known`: sha256 of weights that the caller knows. Reads the others.
std::string digest_by_content(const SourceFiles& files,
                              const std::map<std::filesystem::path, std::string>& known);

/// Whether the folder has a record, readable or not.
bool has_record(const std::filesystem::path& folder);

/// The record of a folder; nothing where it has none, or a damaged one.
std::optional<FolderRecord> read_record(const std::filesystem::path& folder);

/// Writes the record into a folder that is otherwise complete, with the sizes of its files.
void write_record(const std::filesystem::path& folder, FolderRecord record);

/// Why the folder, which has this record, is not what a conversion would write: "out/m/config.json
/// is missing". Empty: it is up to date. `wanted.contents` decides where it is not empty.
std::string find_change(const std::filesystem::path& folder, const FolderRecord& record,
                        const FolderRecord& wanted);

}  // namespace weightlift
