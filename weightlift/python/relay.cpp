#include "weightlift/python/relay.h"

#include <set>

namespace weightlift {

namespace {

/// All work that runs in this process.
struct AllWork {
  std::mutex mutex;
  std::condition_variable ended;
  std::set<Relay*> relays;
  bool refused = false;
};

AllWork& all_work() {
  static AllWork& work = *new AllWork;  // daemon threads may outlive static objects
  return work;
}

}  // namespace

RunningWork::RunningWork(Relay& relay) : relay_(relay) {
  AllWork& work = all_work();
  const std::lock_guard lock(work.mutex);
  if (work.refused) throw Interrupted(SIGTERM);
  work.relays.insert(&relay_);
}

RunningWork::~RunningWork() {
  AllWork& work = all_work();
  const std::lock_guard lock(work.mutex);
  work.relays.erase(&relay_);
  work.ended.notify_all();
}

void stop_running_work() {
  // Work stops within a second; a callback of Python may take any time.
  constexpr std::chrono::seconds kPatience{10};
  AllWork& work = all_work();
  std::unique_lock lock(work.mutex);
  work.refused = true;
  for (Relay* relay : work.relays) relay->stop();
  work.ended.wait_for(lock, kPatience, [&] { return work.relays.empty(); });
}

}  // namespace weightlift
