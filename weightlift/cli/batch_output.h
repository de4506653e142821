#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "weightlift/batch/batch.h"
#include "weightlift/cli/progress.h"

namespace weightlift {

/// Prints the items of `batch` as they are done.
class BatchOutput {
 public:
  BatchOutput(std::string name, std::size_t count, bool json);

  /// `line`: the item's object.
  void show(const BatchItem& item, const nlohmann::ordered_json& line, int code);

  /// The exit code of the items so far.
  int code() const { return code_; }

  /// Removes the status line.
  void clear() noexcept { status_.clear(); }

 private:
  std::string name_;
  StatusLine status_;
  std::size_t count_, done_ = 0;
  bool json_;
  int code_ = 0;
};

/// Prints the summary: a table, or an object. `source`: the manifest, or the folder of a merge.
void print_summary(const std::string& source, const BatchSummary& summary, bool json);

}  // namespace weightlift
