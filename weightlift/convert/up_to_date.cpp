#include "weightlift/convert/up_to_date.h"

#include <algorithm>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"

namespace weightlift {

namespace fs = std::filesystem;

std::optional<ConversionInputs> read_inputs(const ConversionRequest& request,
                                            const LocalSource& source, const fs::path& folder) {
  if (!request.if_changed && !has_record(folder)) return std::nullopt;
  try {
    ConversionInputs inputs;
    inputs.files = find_source_files(request, source);
    inputs.record.options = digest_options(request, source);
    inputs.record.source = digest_by_time(inputs.files);
    if (request.checksum) inputs.record.contents = digest_by_content(inputs.files, {});
    return inputs;
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::optional<Conversion> find_unchanged(const fs::path& folder, Form form,
                                         const ConversionInputs& inputs, Notes& again) {
  if (!has_record(folder)) return std::nullopt;
  const std::optional<FolderRecord> record = read_record(folder);
  const std::string change =
      record ? find_change(folder, *record, inputs.record) : "its record cannot be read";
  if (!change.empty()) {
    again.push_back({NoteCode::kConvertedAgain, shown(folder), {{"reason", change}}});
    return std::nullopt;
  }
  Conversion result;
  result.unchanged = true;
  result.folder = folder;
  result.content.form = form;
  const std::optional<DType> dtype = parse_torch_dtype(record->dtype);
  result.content.config.dtype = result.config.dtype = dtype.value_or(DType::F32);
  result.parameters = record->parameters;
  result.source_file = inputs.files.weights.front().string();
  for (const fs::path& file : inputs.files.weights) result.bytes_read += file_bytes(file);
  result.provenance.license = record->license;
  result.provenance.claimed_license = record->claimed_license;
  result.notes.push_back({NoteCode::kUpToDate, shown(folder)});
  return result;
}

void keep_record(const fs::path& folder, ConversionInputs inputs,
                 const std::map<fs::path, std::string>& digests, const Conversion& result) {
  FolderRecord& record = inputs.record;
  // The bytes that were converted, not those that have their names now.
  const bool known = std::ranges::all_of(
      inputs.files.weights, [&](const fs::path& file) { return digests.contains(file); });
  record.contents = known ? digest_by_content(inputs.files, digests) : "";
  record.license = result.provenance.license;
  record.claimed_license = result.provenance.claimed_license;
  record.parameters = result.parameters;
  record.dtype = torch_name(result.content.config.dtype);
  write_record(folder, std::move(record));
}

}  // namespace weightlift
