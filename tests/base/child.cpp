#include "tests/base/child.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <stdexcept>

namespace weightlift::testing {

namespace {

constexpr uid_t kNobody = 65534;

std::string text_of(const std::function<std::string()>& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace

std::string in_child(const std::function<std::string()>& body) {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) throw std::runtime_error("cannot create a pipe");
  Child child([&] {
    const std::string text = text_of(body);
    if (::write(ends[1], text.data(), text.size()) < 0)
      throw std::runtime_error("cannot write to the parent");
  });
  ::close(ends[1]);
  std::string text(65536, '\0');
  std::size_t length = 0;
  for (ssize_t got = 1; got > 0; length += static_cast<std::size_t>(got)) {
    got = ::read(ends[0], &text[length], text.size() - length);
    if (got < 0) throw std::runtime_error("cannot read from the child");
  }
  ::close(ends[0]);
  text.resize(length);
  return child.join() ? text : "the child died after: " + text;
}

std::string in_unprivileged_child(const std::function<std::string()>& body) {
  return in_child([&]() -> std::string {
    if (::geteuid() == 0 && ::setresuid(kNobody, kNobody, kNobody) != 0) return "still root";
    return body();
  });
}

Child::Child(const std::function<void()>& body) : pid_(::fork()) {
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ > 0) return;
  try {
    body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "child: %s\n", error.what());
    ::_exit(1);
  }
  ::_exit(0);
}

Child::~Child() {
  if (pid_ > 0) kill();
}

void Child::kill() {
  ::kill(pid_, SIGKILL);
  join();
}

bool Child::join() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
  pid_ = 0;
  return status == 0;
}

void forbid_system_call(long number, int error_number) {
  const auto forbidden = static_cast<std::uint32_t>(number);
  const std::uint32_t failure = SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error_number);
  std::array<sock_filter, 4> filter{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, forbidden},
      {BPF_RET | BPF_K, 0, 0, failure},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  }};
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    throw std::runtime_error("cannot filter system calls");
  }
}

}  // namespace weightlift::testing
