#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/folder.h"
#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/convert/convert.h"

namespace weightlift::testing {

/// Records the steps and notes of a job, and calls `at_step` at each step.
class Listener : public ProgressSink {
 public:
  std::function<void(std::string_view name)> at_step;
  std::vector<std::string> steps;
  Notes notes;

  void step(std::string_view name, std::uint64_t bytes_total) override;
  void note(const Note& note) override { notes.push_back(note); }
};

/// Interrupts the job at the `n`th check, counted from 0.
class Stopper : public ProgressSink {
 public:
  explicit Stopper(int n) : left_(n) {}
  void check() override;

 private:
  int left_;
};

/// A request that runs on one thread: small networks gain nothing from more.
ConversionRequest request_for(const std::filesystem::path& source,
                              const std::filesystem::path& output);

/// Converts a local source.
Conversion convert(const ConversionRequest& request, ProgressSink& progress);

/// The same without a listener.
Conversion run(const ConversionRequest& request);

}  // namespace weightlift::testing
