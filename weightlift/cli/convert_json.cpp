#include "weightlift/cli/convert_json.h"

#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "weightlift/cli/json_output.h"
#include "weightlift/cli/versions.h"
#include "weightlift/convert/report.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

std::string_view status_of(const JobRecord& record, const Error* error) {
  if (error != nullptr) return error->kind() == ErrorKind::kInterrupted ? "interrupted" : "failed";
  if (record.difference) return "failed";
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

Json common_json(const ConvertJob& job, const ConvertFlags& flags, std::string_view status) {
  Json json = begin_json({"convert", job.name.given}, status);
  json["options"] = options_json(flags);
  return json;
}

}  // namespace

Json to_json(const ConvertJob& job, const ConvertFlags& flags, const JobRecord& record,
             const Error* error) {
  Json json = common_json(job, flags, status_of(record, error));
  if (error != nullptr) {
    json["error"] = to_json(*error);
  } else if (record.difference) {
    json["error"] = to_json(*record.difference);
  }
  if (record.result) add_to(json, *record.result);
  if (!record.fetch.empty()) {
    json["repository"] = job.name.repository;
    json["fetch"] = record.fetch;
  }
  if (record.published) json["published"] = to_json(*job.repo, *record.published);
  json["notes"] = to_json(record.notes);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - record.began;
  json["seconds"] = took.count();
  json["peak_bytes"] = peak_bytes();
  json["versions"] = versions_json();
  return json;
}

Json skipped_json(const ConvertJob& job, const ConvertFlags& flags) {
  return common_json(job, flags, "skipped");
}

}  // namespace weightlift
