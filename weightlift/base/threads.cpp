#include "weightlift/base/threads.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "weightlift/base/cgroup.h"

namespace weightlift {

namespace {

/// Threads that wait for the end of this object.
class WaitingThreads {
 public:
  WaitingThreads() = default;
  ~WaitingThreads() {
    {
      const std::lock_guard lock(mutex_);
      done_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  WaitingThreads(const WaitingThreads&) = delete;
  WaitingThreads& operator=(const WaitingThreads&) = delete;

  /// How many of `wanted` threads the system starts.
  int start(int wanted) {
    try {
      threads_.reserve(static_cast<std::size_t>(wanted));
      for (int i = 0; i < wanted; ++i) threads_.emplace_back([this] { wait(); });
    } catch (const std::system_error&) {
      // refused
    } catch (const std::bad_alloc&) {
      // the same, for want of memory
    }
    return static_cast<int>(threads_.size());
  }

 private:
  void wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
  }

  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

}  // namespace

int startable_threads(int wanted) { return WaitingThreads().start(wanted); }

int startable_team(int wanted, int beside) {
  const int others = std::max(0, startable_threads(2 * (wanted - 1) + beside) - beside);
  return std::clamp(others / 2 + 1, 1, wanted);
}

int usable_threads(int wanted, int beside, Notes& refused) {
  const int all = wanted > 0 ? wanted : available_processors();
  const int usable = startable_team(all, beside);
  if (usable < all) {
    refused.push_back({NoteCode::kFewerThreads,
                       "",
                       {{"wanted", std::to_string(all)}, {"used", std::to_string(usable)}}});
  }
  return usable;
}

}  // namespace weightlift
