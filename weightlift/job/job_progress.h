#pragma once

#include <cstdint>
#include <exception>
#include <mutex>
#include <new>
#include <string_view>

#include "weightlift/error.h"
#include "weightlift/progress.h"

namespace weightlift {

/// What leaves the caller's sink as an exception, on its way through a job. It is of no class that
/// the job catches: a job that handles a HubError must not handle one of the sink.
struct StoppedBySink {
  std::exception_ptr cause;
};

/// The progress of one job. Forwards to the caller's sink, one call at a time, since the threads of
/// an HttpClient also call check(). Keeps the notes. Throws StoppedBySink where the sink throws.
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
  template <class Call>
  void forward(const Call& call);

  mutable std::mutex mutex_;
  ProgressSink* sink_;
  Notes notes_;
};

/// What `work` returns. The sink's own exceptions leave it unchanged, and a lack of memory as
/// NoMemoryError.
template <class Work>
auto run_job_work(const Work& work) {
  try {
    return work();
  } catch (const StoppedBySink& stopped) {
    std::rethrow_exception(stopped.cause);
  } catch (const std::bad_alloc&) {
    throw NoMemoryError("out of memory");
  }
}

}  // namespace weightlift
