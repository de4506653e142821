#include "weightlift/base/owner_tag.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <optional>

#include "weightlift/base/posix.h"

namespace weightlift {

namespace {

constexpr std::string_view kUnknown = "unknown";

/// 48 bits of the boot id: enough to tell machines apart, and short enough for a file name.
std::string boot_id() {
  constexpr std::size_t kDigits = 12;
  std::string id = read_system_file("/proc/sys/kernel/random/boot_id");
  std::erase(id, '-');
  return id.size() < kDigits ? std::string(kUnknown) : id.substr(0, kDigits);
}

/// The inode of the PID namespace, and that of the time namespace, which shifts start times. A
/// kernel before 5.6 has only the first.
std::string pid_namespace() {
  struct stat pids {
  }, times{};
  if (::stat("/proc/self/ns/pid", &pids) != 0) return std::string(kUnknown);
  if (::stat("/proc/self/ns/time", &times) != 0) return fmt::format("{:x}", pids.st_ino);
  return fmt::format("{:x}t{:x}", pids.st_ino, times.st_ino);
}

/// What /proc/PID/stat says; empty where the process is gone or hidden.
struct ProcessFacts {
  std::string state;  ///< field 3
  std::string start;  ///< field 22
};

ProcessFacts facts_of_process(pid_t pid) {
  const std::string text = read_system_file(fmt::format("/proc/{}/stat", pid));
  constexpr int kFieldsBetween = 20;  // from the end of the name, field 2, to field 22
  ProcessFacts facts;
  std::size_t at = text.rfind(')');  // a name may contain spaces and parentheses
  for (int i = 0; i < kFieldsBetween && at != text.npos; ++i) {
    at = text.find(' ', at + 1);
    if (i == 0 && at != text.npos) facts.state = text.substr(at + 1, 1);
  }
  if (at != text.npos) facts.start = text.substr(at + 1, text.find(' ', at + 1) - at - 1);
  return facts;
}

/// "BOOT-NAMESPACE-" of this process.
std::string own_place() { return fmt::format("{}-{}-", boot_id(), pid_namespace()); }

std::array<std::string_view, 4> split_tag(std::string_view tag) {
  std::array<std::string_view, 4> parts;
  for (std::string_view& part : parts) {
    const std::size_t dash = std::min(tag.find('-'), tag.size());
    part = tag.substr(0, dash);
    tag.remove_prefix(std::min(dash + 1, tag.size()));
  }
  return parts;
}

std::optional<pid_t> to_pid(std::string_view digits) {
  pid_t pid = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  if (error != std::errc() || end != digits.data() + digits.size() || pid <= 0) return std::nullopt;
  return pid;
}

}  // namespace

std::string owner_tag() {
  const pid_t pid = ::getpid();
  const std::string start = facts_of_process(pid).start;
  return fmt::format("{}{}-{}", own_place(), pid, start.empty() ? kUnknown : start);
}

bool is_owner_tag(std::string_view text) {
  const auto is_word = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    });
  };
  return std::ranges::count(text, '-') == 3 && std::ranges::all_of(split_tag(text), is_word) &&
         to_pid(split_tag(text)[2]);
}

Owner find_owner(std::string_view tag) {
  const auto [boot, space, digits, start] = split_tag(tag);
  const auto pid = to_pid(digits);
  const bool here = tag.starts_with(own_place()) && tag.find(kUnknown) == tag.npos;
  if (!here || !pid) return Owner::kForeign;
  if (::kill(*pid, 0) != 0 && errno == ESRCH) return Owner::kGone;
  const auto [state, now] = facts_of_process(*pid);
  // It ended, but its parent has not asked for its status: a container's first process may never.
  if (state == "Z") return Owner::kGone;
  // A process that /proc hides may be the owner. One with another start has the PID after it.
  return now.empty() || now == start ? Owner::kAlive : Owner::kGone;
}

}  // namespace weightlift
