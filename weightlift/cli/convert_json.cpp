#include "weightlift/cli/convert_json.h"

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "weightlift/cli/json_output.h"
#include "weightlift/cli/publish_flags.h"
#include "weightlift/cli/versions.h"
#include "weightlift/convert/report.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

std::string_view status_of(const ConversionRecord& record, const Error* error) {
  if (error != nullptr) return error->kind() == ErrorKind::kInterrupted ? "interrupted" : "failed";
  if (!record.result) return "skipped";
  if (record.result->already) return "already";
  return record.result->written ? "converted" : "skipped";
}

/// The largest memory that this process has had; Linux counts in KiB.
std::int64_t peak_bytes() {
  constexpr std::int64_t kKibi = 1024;
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * kKibi;
}

}  // namespace

Json to_json(const std::string& source, const ConvertFlags& flags, const ConversionRecord& record,
             const Error* error) {
  Json json = begin_json({"convert", source}, status_of(record, error));
  json["options"] = options_json(flags);
  if (record.skipped) return json;
  if (error != nullptr) json["error"] = to_json(*error);
  if (record.result && record.result->fetch.empty()) {
    add_to(json, *record.result);
  } else if (record.result) {
    json["repository"] = record.result->repository;
    json["fetch"] = record.result->fetch;
  }
  if (record.result && record.result->published) {
    json["published"] = to_json(*record.result->published);
  }
  json["notes"] = to_json(record.notes);
  json["seconds"] = record.time.count();
  json["peak_bytes"] = peak_bytes();
  json["versions"] = versions_json();
  return json;
}

}  // namespace weightlift
