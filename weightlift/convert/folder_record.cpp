#include "weightlift/convert/folder_record.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <span>
#include <variant>

#include "weightlift/base/digest.h"
#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/snapshot.h"
#include "weightlift/checkpoint/shard_index.h"
#include "weightlift/checkpoint/weights_file.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/models/families.h"
#include "weightlift/version.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using OrderedJson = nlohmann::ordered_json;

/// Another number makes all records out of date: for a version that writes other folders.
constexpr const char* kSchema = "weightlift-record/1";
constexpr std::size_t kMaxRecordBytes = std::size_t{1} << 20;

std::string sha256_of(const OrderedJson& json) {
  const std::string text = dump_json_line(json);
  return sha256(std::as_bytes(std::span(text)));
}

/// The sha256 of a file; "absent" where there is none, "unreadable" for what is no readable file: a
/// conversion that needs it reports that.
std::string hash_of_file(const fs::path& path) {
  try {
    return is_there(path) ? sha256(MappedFile::open(path)->bytes()) : "absent";
  } catch (const NotFoundError&) {
    return "absent";
  } catch (const IoError&) {
    return "unreadable";
  }
}

/// The files that one of a request's options names.
OrderedJson hashes_of(const std::vector<fs::path>& paths) {
  OrderedJson hashes = OrderedJson::array();
  for (const fs::path& path : paths) hashes.push_back(hash_of_file(path));
  return hashes;
}

/// Where labels or an image processor come from.
template <class From>
OrderedJson describe_origin(const From& from) {
  if (const auto* preset = std::get_if<Preset>(&from)) return {{"preset", preset->name}};
  const auto* file = std::get_if<File>(&from);
  if (file == nullptr) return from.index();
  std::error_code ignored;
  const bool folder = fs::is_directory(file->path, ignored);
  return {{"name", file->name.empty() ? file->path.filename().string() : file->name},
          {"sha256", folder ? hashes_of({file->path / kProcessorFile, file->path / kConfigFile})
                            : hashes_of({file->path})}};
}

/// The library that open_source chooses for a folder.
Loader loader_of(const fs::path& folder) {
  const fs::path config = folder / kConfigFile;
  const bool of_transformers =
      is_there(config) &&
      is_transformers_config(read_text_file(config, kMaxConfigBytes), shown(config));
  return of_transformers ? Loader::kTransformers : Loader::kTimm;
}

/// Size and time of a file, or the name of its blob.
OrderedJson identity_of(const fs::path& path) {
  OrderedJson json = {{"name", path.filename().string()}};
  std::error_code error;
  const fs::path real = fs::canonical(path, error), blobs = real.parent_path();
  const bool linked = !error && fs::is_symlink(path, error);
  // models--OWNER--NAME/blobs/HASH; a user's folder may also be called so.
  if (linked && blobs.filename() == "blobs" &&
      blobs.parent_path().filename().native().starts_with("models--")) {
    json["blob"] = real.filename().string();
    return json;
  }
  const OpenedFile opened = open_regular(path);
  json["size"] = opened.size_bytes;
  json["modified_ns"] = opened.modified_ns;
  return json;
}

FolderRecord parse_record(const std::string& text, const std::string& where) {
  const nlohmann::json json = parse_json(text, where);
  if (get_string(json, "schema", where, "") != kSchema) {
    throw FormatError(where, "a record of another version");
  }
  FolderRecord record;
  record.options = get_string(json, "options", where, "");
  record.source = get_string(json, "source", where, "");
  record.contents = get_string(json, "contents", where, "");
  record.license = get_string(json, "license", where, "");
  record.claimed_license = get_string(json, "claimed_license", where, "");
  record.parameters = get_int(json, "parameters", where, 0);
  record.dtype = get_string(json, "dtype", where, "");
  parse_torch_dtype(record.dtype);  // throws for another text
  const nlohmann::json* files = find_member(json, "files");
  if (files == nullptr || !files->is_object()) throw FormatError(where, "files: missing");
  for (const auto& [name, size] : files->items()) {
    if (!size.is_number_unsigned() || name.find('/') != name.npos) {
      throw FormatError(where, "files: expected names and sizes");
    }
    record.sizes.emplace(name, size.get<std::uint64_t>());
  }
  return record;
}

}  // namespace

std::uint64_t file_bytes(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  return error ? 0 : size;
}

SourceFiles find_source_files(const ConversionRequest& request, const LocalSource& source) {
  const fs::path path = resolve_snapshot(source.path);
  const bool folder = type_at(path) == fs::file_type::directory;
  SourceFiles files;
  OrderedJson small = {{"name", last_part_of(source.path)}};
  if (folder) {
    const bool described = request.hints.config.empty();
    files.weights.push_back(find_weights_file(path, described ? loader_of(path) : Loader::kTimm));
    small["files"] = hashes_of({path / kConfigFile, path / kProcessorFile});
  } else {
    files.weights.push_back(path);
  }
  const fs::path weights = files.weights.front();
  if (weights.native().ends_with(".index.json")) {
    for (const std::string& shard : read_shard_index(weights).files) {
      files.weights.push_back(weights.parent_path() / shard);
    }
  }
  files.described = sha256_of(small);
  return files;
}

std::string digest_options(const ConversionRequest& request, const LocalSource& source) {
  const SourceHints& hints = request.hints;
  const VerifyOptions& verify = request.verify_options;
  OrderedJson json = {
      {"as", hints.as.value_or("")},
      {"config", hints.config.empty() ? OrderedJson() : hashes_of({hints.config})},
      {"weights_key", hints.weights_key},
      {"head_key", hints.head_key},
      {"ignore", hints.ignore},
      {"to", to_string(request.to)},
      {"weights_format",
       request.weights_format ? OrderedJson(*request.weights_format) : OrderedJson()},
      {"dtype", request.dtype ? torch_name(*request.dtype) : ""},
      {"head", request.head},
      {"id2label", describe_origin(request.id2label)},
      {"image_processor", describe_origin(request.image_processor)},
      {"verify", request.verify},
      {"images", hashes_of(request.images)},
      {"samples", verify.samples},
      {"seed", verify.seed},
      {"license", request.license},
      {"base_model", request.base_model},
      {"dataset", request.datasets},
      {"name", planned_folder(request, source.name).filename().string()}};
  if (source.origin) {
    json["origin"] = {source.origin->repo_id, source.origin->commit, source.origin->revision};
  }
  if (verify.rtol) json["rtol"] = *verify.rtol;
  if (verify.atol) json["atol"] = *verify.atol;
  return sha256_of(json);
}

std::string digest_by_time(const SourceFiles& files) {
  OrderedJson json = OrderedJson::array({files.described});
  for (const fs::path& path : files.weights) json.push_back(identity_of(path));
  return sha256_of(json);
}

std::string digest_by_content(const SourceFiles& files,
                              const std::map<fs::path, std::string>& known) {
  OrderedJson json = OrderedJson::array({files.described});
  for (const fs::path& path : files.weights) {
    const auto found = known.find(path);
    json.push_back({{"name", path.filename().string()},
                    {"sha256", found == known.end() ? hash_of_file(path) : found->second}});
  }
  return sha256_of(json);
}

bool has_record(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / kRecordFile, ignored);
}

std::optional<FolderRecord> read_record(const fs::path& folder) {
  const fs::path file = folder / kRecordFile;
  try {
    return parse_record(read_text_file(file, kMaxRecordBytes), shown(file));
  } catch (const Error&) {
    return std::nullopt;
  }
}

void write_record(const fs::path& folder, FolderRecord record) {
  OrderedJson files = OrderedJson::object();
  for (const auto& entry : fs::directory_iterator(folder)) {
    record.sizes.emplace(entry.path().filename(), file_bytes(entry.path()));
  }
  for (const auto& [name, size] : record.sizes) files[name] = size;
  const OrderedJson json = {{"schema", kSchema},
                            {"weightlift", std::string(version())},
                            {"options", record.options},
                            {"source", record.source},
                            {"contents", record.contents},
                            {"license", record.license},
                            {"claimed_license", record.claimed_license},
                            {"parameters", record.parameters},
                            {"dtype", record.dtype},
                            {"files", files}};
  write_atomically(folder / kRecordFile, dump_python_json(json) + "\n");
}

std::string find_change(const fs::path& folder, const FolderRecord& record,
                        const FolderRecord& wanted) {
  for (const auto& [name, size] : record.sizes) {
    const fs::path file = folder / name;
    if (!is_there(file)) return fmt::format("{} is missing", shown(file));
    // People edit cards.
    if (name != kCardFile && file_bytes(file) != size) {
      return fmt::format("{} has {} bytes, written were {}", shown(file), file_bytes(file), size);
    }
  }
  if (record.options != wanted.options) return "the options differ";
  const bool same =
      wanted.contents.empty() ? record.source == wanted.source : record.contents == wanted.contents;
  return same ? "" : "the source changed";
}

}  // namespace weightlift
