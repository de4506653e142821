#include "weightlift/job/job_progress.h"

namespace weightlift {

template <class Call>
void JobProgress::forward(const Call& call) {
  const std::lock_guard lock(mutex_);
  try {
    call();
  } catch (...) {
    throw StoppedBySink{std::current_exception()};
  }
}

void JobProgress::change_sink(ProgressSink& sink) {
  const std::lock_guard lock(mutex_);
  sink_ = &sink;
  notes_.clear();
}

Notes JobProgress::notes() const {
  const std::lock_guard lock(mutex_);
  return notes_;
}

void JobProgress::step(std::string_view name, std::uint64_t bytes_total) {
  forward([&] { sink_->step(name, bytes_total); });
}

void JobProgress::advance(std::uint64_t bytes_done) {
  forward([&] { sink_->advance(bytes_done); });
}

void JobProgress::note(const Note& note) {
  forward([&] { sink_->note(note); });
  const std::lock_guard lock(mutex_);
  notes_.push_back(note);
}

void JobProgress::check() {
  forward([&] { sink_->check(); });
}

}  // namespace weightlift
