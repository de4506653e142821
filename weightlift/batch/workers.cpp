#include "weightlift/batch/workers.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <set>
#include <string_view>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"

namespace weightlift {

namespace {

/// Whether all bytes were written; false where the other end is gone.
bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::send(file, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Whether all bytes arrived; false where the other end is gone.
bool read_all(int file, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t length = ::recv(file, bytes, size, 0);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return false;
    bytes += length;
    size -= static_cast<std::size_t>(length);
  }
  return true;
}

// A message is a number, of a task or of the bytes that follow.

bool write_number(int file, std::uint64_t number) {
  char bytes[sizeof number];
  std::memcpy(bytes, &number, sizeof number);
  return write_all(file, {bytes, sizeof bytes});
}

std::optional<std::uint64_t> read_number(int file) {
  std::uint64_t number = 0;
  char bytes[sizeof number];
  if (!read_all(file, bytes, sizeof bytes)) return std::nullopt;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

/// A child process that works on one task at a time.
class Worker {
 public:
  /// Forks. The child never returns.
  explicit Worker(const WorkerTasks& tasks) {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) refuse("a worker", errno);
    Descriptor ours(ends[0]), theirs(ends[1]);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) refuse("a worker process", errno);
    if (pid_ == 0) {
      ours.reset();
      serve(tasks, theirs.get(), parent);
    }
    socket_ = std::move(ours);
  }
  ~Worker() {
    if (pid_ > 0) end(SIGKILL);
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  int socket() const { return socket_.get(); }
  std::optional<std::size_t> task() const { return task_; }

  void start(std::size_t task) {
    task_ = task;
    write_number(socket_.get(), task);  // a worker that is gone shows when its answer is read
  }

  /// The answer, which has begun to arrive; the end of the process where it does not come.
  WorkerAnswer finish() {
    task_.reset();
    WorkerAnswer answer;
    if (const auto size = read_number(socket_.get())) {
      answer.text.resize(*size);
      if (read_all(socket_.get(), answer.text.data(), *size)) return answer;
    }
    answer.text.clear();
    answer.ended_by = wait();
    return answer;
  }

  bool is_gone() const { return pid_ <= 0; }
  void stop() const {
    if (pid_ > 0) ::kill(pid_, SIGTERM);
  }

 private:
  [[noreturn]] static void refuse(const char* what, int error) {
    throw IoError("",
                  fmt::format("cannot start {}: {}", what, std::generic_category().message(error)),
                  advice("raise the limit (ulimit -u, ulimit -n), or run one item at a time"));
  }

  [[noreturn]] static void serve(const WorkerTasks& tasks, int socket, pid_t parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(0);  // it ended before the call
    try {
      tasks.prepare();
      while (const auto task = read_number(socket)) {
        const std::string text = tasks.work(*task);
        if (!write_number(socket, text.size()) || !write_all(socket, text)) break;
      }
    } catch (const std::exception&) {
      ::_exit(1);
    }
    ::_exit(0);  // without the destructors and buffers of the parent
  }

  /// The signal that ended the process, 0 for none.
  int wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }

  void end(int signal) {
    socket_.reset();
    ::kill(pid_, signal);
    wait();
  }

  pid_t pid_ = 0;
  Descriptor socket_;
  std::optional<std::size_t> task_;
};

class WorkerPool {
 public:
  WorkerPool(const WorkerTasks& tasks, const WorkerLimits& limits)
      : tasks_(tasks), limits_(limits) {
    for (std::size_t i = 0; i < tasks.count; ++i) waiting_.push_back(i);
  }

  void run() {
    try {
      while (!waiting_.empty() || busy() > 0) {
        tasks_.check();
        start_tasks();
        wait_for_answers();
      }
    } catch (...) {
      stop();
      throw;
    }
  }

 private:
  std::size_t busy() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        workers_, [](const auto& worker) { return worker->task().has_value(); }));
  }

  /// Whether the next task fits beside those that run. One that is tried again runs alone: memory
  /// may have been short.
  bool has_room() const {
    if (busy() == 0) return true;
    if (busy() >= static_cast<std::size_t>(limits_.jobs)) return false;
    std::uint64_t used = tasks_.need(waiting_.front());
    bool alone = tried_.contains(waiting_.front());
    for (const auto& worker : workers_) {
      if (!worker->task()) continue;
      used += tasks_.need(*worker->task());
      alone = alone || tried_.contains(*worker->task());
    }
    return !alone && used <= limits_.memory_bytes;
  }

  /// Null where the system refuses another process while some work.
  Worker* idle_worker() {
    for (const auto& worker : workers_) {
      if (!worker->task()) return worker.get();
    }
    try {
      workers_.push_back(std::make_unique<Worker>(tasks_));
    } catch (const IoError&) {
      if (workers_.empty()) throw;
      return nullptr;
    }
    return workers_.back().get();
  }

  void start_tasks() {
    while (!waiting_.empty() && has_room()) {
      Worker* worker = idle_worker();
      if (worker == nullptr) return;
      worker->start(waiting_.front());
      waiting_.pop_front();
    }
  }

  void wait_for_answers() {
    constexpr int kMilliseconds = 200;  // between calls of check()
    std::vector<pollfd> polled;
    std::vector<Worker*> asked;
    for (const auto& worker : workers_) {
      if (!worker->task()) continue;
      polled.push_back({worker->socket(), POLLIN, 0});
      asked.push_back(worker.get());
    }
    if (::poll(polled.data(), polled.size(), kMilliseconds) <= 0) return;
    for (std::size_t i = 0; i < polled.size(); ++i) {
      if (polled[i].revents != 0) take(*asked[i]);
    }
    std::erase_if(workers_, [](const auto& worker) { return worker->is_gone(); });
  }

  void take(Worker& worker) {
    const std::size_t task = *worker.task();
    const WorkerAnswer answer = worker.finish();
    // What killed the worker may have meant another process, such as the one with the most memory.
    if (answer.ended_by && tried_.insert(task).second) {
      waiting_.push_back(task);
      return;
    }
    tasks_.done(task, answer);
  }

  /// Stops the workers, and passes on what they have finished.
  void stop() noexcept {
    for (const auto& worker : workers_) worker->stop();
    for (const auto& worker : workers_) {
      if (!worker->task()) continue;
      const std::size_t task = *worker->task();
      try {
        const WorkerAnswer answer = worker->finish();
        if (!answer.ended_by) tasks_.done(task, answer);
      } catch (const std::exception&) {
        continue;  // the first exception is on its way
      }
    }
    workers_.clear();
  }

  const WorkerTasks& tasks_;
  const WorkerLimits& limits_;
  std::deque<std::size_t> waiting_;
  std::set<std::size_t> tried_;  ///< tasks whose worker ended
  std::vector<std::unique_ptr<Worker>> workers_;
};

}  // namespace

void run_in_workers(const WorkerTasks& tasks, const WorkerLimits& limits) {
  WorkerPool(tasks, limits).run();
}

}  // namespace weightlift
