#include "weightlift/cli/convert_output.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/cli/convert_result.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/json_output.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/print.h"
#include "weightlift/cli/publish_flags.h"
#include "weightlift/cli/results.h"
#include "weightlift/convert/report.h"
#include "weightlift/report/conversion_json.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// The verified folder stays where publishing failed.
void warn_unpublished(const ConversionRequest& request, const Conversion& result) {
  PublishOptions later = *request.publish;
  if (!result.noncommercial_license.empty()) later.accepted_license = result.noncommercial_license;
  log_warning(fmt::format("{}: verified, but not published; publish it later with: {}",
                          printable(result.folder.string(), 400),
                          push_command(result.folder, result.repo_id, later)));
}

}  // namespace

void require_report_place(const std::string& report,
                          const std::vector<ConversionRequest>& requests) {
  if (report.empty() || report == "-") return;
  std::error_code error;
  const std::string where = fmt::format("--report {}", printable(report, 400));
  const fs::path file = fs::weakly_canonical(fs::absolute(report), error);
  if (error || !fs::is_directory(file.parent_path(), error) ||
      access(file.parent_path().c_str(), W_OK) != 0) {
    throw IoError(where, "its folder does not exist or cannot be written");
  }
  if (fs::exists(file, error) && !fs::is_regular_file(file, error)) {
    throw IoError(where, "already exists, and is not a regular file");
  }
  for (const ConversionRequest& request : requests) {
    const bool local = fs::exists(request.source, error);
    for (const fs::path& taken : {local ? fs::path(request.source) : fs::path(),
                                  planned_folder(request).value_or(fs::path())}) {
      if (!taken.empty() && is_within(file, taken)) {
        throw IoError(where, fmt::format("would change {}", printable(taken.native(), 400)));
      }
    }
  }
}

int exit_code_of(const ConversionRecord& record, const Error& error) {
  // What the verification found is no error of the library.
  return record.error ? exit_code(error) : static_cast<int>(ExitCode::kDifferent);
}

ProgressSink& ConvertOutput::begin(std::size_t index) {
  const bool several = requests_.size() > 1;
  progress_.emplace(several ? Turn{index + 1, requests_.size(), requests_[index].source} : Turn());
  return *progress_;
}

void ConvertOutput::converted(std::size_t index, const Conversion& result) {
  progress_->clear();
  for (const TransferredOperation& operation : result.transfer.operations) {
    log_detail(fmt::format("{} -> {}  {}", operation.src, operation.dest, operation.op));
  }
  if (result.written) record_complete(printable(result.folder.string(), 400));
  if (!flags_.text()) return;
  const ConversionRequest& request = requests_[index];
  print_result(request, flags_, result);
  if (request.dry_run && !result.repo_id.empty()) {
    // A dry run makes no request, so the token's account is unknown.
    put("  would publish to {}{}\n", result.repo_id,
        result.repo_id.find('/') == std::string::npos ? " in the token's account" : "");
  }
  flush_results();
}

void ConvertOutput::print_published(const Conversion& result) {
  record_complete("the commit to " + result.repo_id);
  if (!flags_.text()) return;
  put("{} -> {}\n", printable(result.folder.string(), 400), result.repo_id);
  put_text(describe(*result.published));
}

void ConvertOutput::end(std::size_t index, const ConversionRecord& record) {
  if (progress_) progress_->clear();
  const std::shared_ptr<const Error> error = failure_of(record);
  const auto& result = record.result;
  if (result && result->published) print_published(*result);
  if (record.error && result && result->written) warn_unpublished(requests_[index], *result);
  if (record.error) log_error(*record.error);
  if (error) {
    code_ = worse(code_, exit_code_of(record, *error));
    ++failed_;
  } else if (result && result->written) {
    ++converted_;
  }
  nlohmann::ordered_json json = to_json(requests_[index].source, flags_, record, error.get());
  if (flags_.json) print_json(json);
  flush_results();
  if (flags_.report.empty()) return;
  if (result && !record.skipped) json["operations"] = operations_json(result->transfer);
  report_.push_back(dump_python_json(json));
}

int ConvertOutput::finish() {
  if (requests_.size() > 1) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began_;
    log_note(fmt::format("{} converted, {} failed{} in {:.1f} s", converted_, failed_,
                         skipped() == 0 ? "" : fmt::format(", {} skipped", skipped()),
                         took.count()));
  }
  if (flags_.report.empty()) return code_;
  const std::string report = fmt::format("[\n{}\n]\n", fmt::join(report_, ",\n"));
  if (flags_.report == "-") {
    put_text(report);
  } else {
    write_atomically(flags_.report, report);
  }
  return code_;
}

}  // namespace weightlift
