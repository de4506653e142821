#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "weightlift/cli/convert_flags.h"
#include "weightlift/cli/progress.h"
#include "weightlift/job/conversions.h"

namespace weightlift {

/// Checks the place of the report, which is written last: its folder exists, and no source or
/// result contains it. Throws IoError.
void require_report_place(const std::string& report,
                          const std::vector<ConversionRequest>& requests);

/// The exit code of a source that failed. `error`: failure_of(record).
int exit_code_of(const ConversionRecord& record, const Error& error);

/// Prints progress and results of `convert`, and writes its report. Flags and requests outlive it.
class ConvertOutput : public ConversionObserver {
 public:
  ConvertOutput(const ConvertFlags& flags, const std::vector<ConversionRequest>& requests)
      : flags_(flags), requests_(requests) {}

  ProgressSink& begin(std::size_t index) override;
  void converted(std::size_t index, const Conversion& result) override;
  void end(std::size_t index, const ConversionRecord& record) override;

  /// Writes the report and the last line. Returns the exit code.
  int finish();

 private:
  std::size_t skipped() const { return requests_.size() - converted_ - failed_; }
  void print_published(const Conversion& result);

  const ConvertFlags& flags_;
  const std::vector<ConversionRequest>& requests_;
  std::optional<TerminalProgress> progress_;
  std::vector<std::string> report_;
  std::size_t converted_ = 0, failed_ = 0;
  int code_ = 0;
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace weightlift
