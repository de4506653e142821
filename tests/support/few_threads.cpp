// A shared library for LD_PRELOAD: the process can have WEIGHTLIFT_TEST_THREADS threads beside the
// first, as under a limit of processes.

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <memory>

namespace {

std::atomic<int> live{0};

int most() {
  const char* value = std::getenv("WEIGHTLIFT_TEST_THREADS");
  return value == nullptr ? 0 : std::atoi(value);
}

struct Begin {
  void* (*run)(void*);
  void* argument;
};

/// Counts the end of a thread, also one by pthread_exit.
struct CountEnd {
  ~CountEnd() { --live; }
};

void* run_counted(void* begin) {
  const std::unique_ptr<Begin> taken(static_cast<Begin*>(begin));
  const CountEnd end;
  return taken->run(taken->argument);
}

}  // namespace

// The system's names of the parameters are reserved.
// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes,
                              void* (*run)(void*), void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  if (++live > most()) {
    --live;
    return EAGAIN;
  }
  auto begin = std::make_unique<Begin>(Begin{run, argument});
  const int error = create(thread, attributes, run_counted, begin.get());
  if (error == 0) {
    static_cast<void>(begin.release());
  } else {
    --live;
  }
  return error;
}
