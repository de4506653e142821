#include "weightlift/convert/up_to_date.h"

#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"

namespace weightlift {

namespace fs = std::filesystem;

std::optional<ConversionInputs> read_inputs(const ConversionRequest& request,
                                            const LocalSource& source) {
  if (!request.if_changed) return std::nullopt;
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

std::optional<Conversion> find_unchanged(const fs::path& folder, const ConversionInputs& inputs,
                                         Notes& again) {
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
  result.provenance.license = record->license;
  result.provenance.claimed_license = record->claimed_license;
  result.notes.push_back({NoteCode::kUpToDate, shown(folder)});
  return result;
}

void keep_record(const fs::path& folder, ConversionInputs inputs, const std::string& sha256_hex,
                 const Provenance& provenance) {
  FolderRecord& record = inputs.record;
  if (record.contents.empty()) {
    record.contents =
        digest_by_content(inputs.files, {{inputs.files.weights.front(), sha256_hex}});
  }
  record.license = provenance.license;
  record.claimed_license = provenance.claimed_license;
  write_record(folder, std::move(record));
}

}  // namespace weightlift
