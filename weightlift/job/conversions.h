#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "weightlift/base/message.h"
#include "weightlift/conversion.h"
#include "weightlift/convert/convert.h"
#include "weightlift/progress.h"

namespace weightlift {

/// What became of one of several sources.
struct ConversionRecord {
  std::optional<Conversion> result;  ///< also where publishing failed after it
  /// Why it ended early: of its own class (HubError, Interrupted, ...). Null: it did not.
  std::shared_ptr<const Error> error;
  bool skipped = false;  ///< an interruption of an earlier source ended the work
  Notes notes;           ///< those that the sink received
  std::chrono::duration<double> time{0};
};

/// Follows the conversion of several sources. Called on the caller's thread.
class ConversionObserver {
 public:
  virtual ~ConversionObserver() = default;
  /// The source begins. Returns the sink for it, which lives until end().
  virtual ProgressSink& begin(std::size_t index) = 0;
  /// It is converted, or a dry run has planned it; publishing comes next.
  virtual void converted(std::size_t index, const Conversion& result) = 0;
  virtual void end(std::size_t index, const ConversionRecord& record) = 0;
};

/// Converts the sources one after the other. A source that fails does not stop the others; an
/// interruption skips the rest. Before the first download it throws UsageError where two sources
/// would become one folder, and checks the token, the account and each repository where requests
/// publish. `shared` receives the progress of what comes before the first source. Keeps no record:
/// memory does not grow with the number of sources.
void convert_all(std::span<const ConversionRequest> requests, ProgressSink& shared,
                 ConversionObserver& observer);

/// Converts sources one after the other, each by itself, with one client of the Hub and one
/// account.
class Converter {
 public:
  Converter();
  ~Converter();
  Converter(const Converter&) = delete;
  Converter& operator=(const Converter&) = delete;

  /// Whatever fails is in the record. `progress`: for this source.
  ConversionRecord run(const ConversionRequest& request, ProgressSink& progress);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The folder that the request would create; nothing where the source has no valid name.
std::optional<std::filesystem::path> planned_folder(const ConversionRequest& request);

}  // namespace weightlift
