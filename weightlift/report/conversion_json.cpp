#include "weightlift/report/conversion_json.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <nlohmann/json.hpp>

#include "weightlift/convert/report.h"
#include "weightlift/report/hub_json.h"
#include "weightlift/report/versions.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

/// The differences in one line: "verification failed: 3 of 320 tensors differ, ...".
std::string describe_difference(const Verification& verification) {
  std::string text = "verification failed";
  const char* separator = ": ";
  const auto add = [&](const std::string& part) {
    text += separator + part;
    separator = ", ";
  };
  if (!verification.different_tensors.empty()) {
    add(fmt::format("{} of {} tensors differ", verification.different_tensors.size(),
                    verification.tensors));
  }
  if (!verification.graph_differences.empty()) {
    add(fmt::format("{} operations differ", verification.graph_differences.size()));
  }
  for (const OutputComparison& output : verification.outputs) {
    if (!output.bit_equal && verification.same_dtype) add(output.name + " differ");
    if (!verification.same_dtype && !output.bit_equal_rounded) add(output.name + " differ");
    if (!verification.same_dtype && !output.close) {
      add(fmt::format("{} exceed the tolerance", output.name));
    }
  }
  return text;
}

std::string_view status_of(const ConversionRecord& record, const Error* error) {
  if (error != nullptr) return error->kind() == ErrorKind::kInterrupted ? "interrupted" : "failed";
  if (!record.result) return "skipped";
  if (record.result->already || record.result->unchanged) return "already";
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

std::shared_ptr<const Error> failure_of(const ConversionRecord& record) {
  if (record.error) return record.error;
  const auto& result = record.result;
  if (!result || !result->verification || is_verified(*result)) return nullptr;
  return std::make_shared<MismatchError>(result->folder.string(),
                                         describe_difference(*result->verification));
}

Json to_json(const std::string& source, const ConvertOptions& options,
             const ConversionRecord& record, const Error* error) {
  Json json = begin_json({"convert", source}, status_of(record, error));
  json["options"] = options_json(options);
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

Json verification_json(const Subject& subject, const std::string& folder,
                       const FolderVerification& verification, const Notes& notes) {
  Json json = begin_json(subject, verification.network.verified() ? "ok" : "different");
  json["folder"] = folder;
  add_to(json, verification);
  json["notes"] = to_json(notes);
  return json;
}

}  // namespace weightlift
