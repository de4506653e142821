#include "weightlift/job/job_progress.h"

namespace weightlift {

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
  const std::lock_guard lock(mutex_);
  sink_->step(name, bytes_total);
}

void JobProgress::advance(std::uint64_t bytes_done) {
  const std::lock_guard lock(mutex_);
  sink_->advance(bytes_done);
}

void JobProgress::note(const Note& note) {
  const std::lock_guard lock(mutex_);
  sink_->note(note);
  notes_.push_back(note);
}

void JobProgress::check() {
  const std::lock_guard lock(mutex_);
  sink_->check();
}

}  // namespace weightlift
