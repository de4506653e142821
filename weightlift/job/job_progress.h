#pragma once

#include <cstdint>
#include <mutex>
#include <string_view>

#include "weightlift/progress.h"

namespace weightlift {

/// The progress of one job. Forwards to the caller's sink, one call at a time, since the threads of
/// an HttpClient also call check(). Keeps the notes.
class JobProgress : public ProgressSink {
 public:
  explicit JobProgress(ProgressSink& sink) : sink_(&sink) {}

  /// From now on forwards to `sink`, and forgets the notes.
  void change_sink(ProgressSink& sink);
  Notes notes() const;

  void step(std::string_view name, std::uint64_t bytes_total) override;
  void advance(std::uint64_t bytes_done) override;
  void note(const Note& note) override;
  void check() override;

 private:
  mutable std::mutex mutex_;
  ProgressSink* sink_;
  Notes notes_;
};

}  // namespace weightlift
