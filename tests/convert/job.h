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

/// Keeps what a job tells of, and does something at each step if asked to.
class Listener : public ProgressSink {
 public:
  std::function<void(std::string_view name)> at_step;
  std::vector<std::string> steps, notes;

  void step(std::string_view name, std::uint64_t bytes_total) override;
  void note(std::string_view text) override { notes.emplace_back(text); }
};

/// Asks to stop at the `n`th check, counted from 0.
class Stopper : public ProgressSink {
 public:
  explicit Stopper(int n) : left_(n) {}
  void check() override;

 private:
  int left_;
};

/// A request that runs on one thread: small networks only wait for others.
ConversionRequest request_for(const std::filesystem::path& source,
                              const std::filesystem::path& output);

/// The conversion, told of to nobody.
ConversionResult run(const ConversionRequest& request);

}  // namespace weightlift::testing
