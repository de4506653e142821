#include "weightlift/base/cgroup.h"

#include <sched.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "weightlift/base/posix.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

bool lists(std::string_view comma_separated, std::string_view word) {
  const std::vector<std::string> words = split(comma_separated, ',');
  return std::ranges::find(words, word) != words.end();
}

/// A number at the start of a text; nothing for "max" and for negative numbers.
std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

/// A control group's folder, and the top one that this process sees.
struct Group {
  fs::path folder, top;
};

/// The path of this process's group in a hierarchy: version 2 has no controllers in its line.
std::string path_in_hierarchy(const fs::path& root, std::string_view controller) {
  for (const std::string& line : split(read_system_file(root / "proc/self/cgroup"), '\n')) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    if (controller.empty() ? controllers.empty() : lists(controllers, controller)) {
      return line.substr(second + 1);
    }
  }
  return "";
}

/// Where a hierarchy is mounted. `controller`: of version 1; empty: version 2.
std::optional<Group> find_group(const fs::path& root, std::string_view controller) {
  for (const std::string& line : split(read_system_file(root / "proc/self/mountinfo"), '\n')) {
    // 36 35 98:0 ROOT MOUNT_POINT OPTIONS... - TYPE SOURCE SUPER_OPTIONS
    constexpr std::size_t kRoot = 3, kMountPoint = 4, kType = 1, kSuperOptions = 3;
    const std::vector<std::string> words = split(line, ' ');
    const auto dash = std::ranges::find(words, "-");
    if (words.end() - dash <= static_cast<std::ptrdiff_t>(kSuperOptions)) continue;
    if (dash - words.begin() <= static_cast<std::ptrdiff_t>(kMountPoint)) continue;
    const std::string& type = dash[kType];
    const bool fits = controller.empty()
                          ? type == "cgroup2"
                          : type == "cgroup" && lists(dash[kSuperOptions], controller);
    if (!fits) continue;
    const fs::path top = root / fs::path(words[kMountPoint]).relative_path();
    const fs::path inner =
        fs::path(path_in_hierarchy(root, controller)).lexically_relative(words[kRoot]);
    // A container without a namespace of its own sees its group as the top.
    const bool below = !inner.empty() && *inner.begin() != "..";
    return Group{below ? (top / inner).lexically_normal() : top, top};
  }
  return std::nullopt;
}

/// The smallest limit of a group and of those above it. read(FOLDER): one group's.
template <class Value, class Read>
void take_smallest(std::optional<Value>& limit, const std::optional<Group>& group,
                   const Read& read) {
  if (!group) return;
  fs::path folder = group->folder;
  for (int level = 0; level < 64; ++level) {  // the kernel's names are no deeper in practice
    if (const std::optional<Value> found = read(folder)) {
      limit = limit ? std::min(*limit, *found) : *found;
    }
    if (folder == group->top || !folder.has_relative_path()) return;
    folder = folder.parent_path();
  }
}

std::optional<double> quotient(std::optional<std::uint64_t> quota,
                               std::optional<std::uint64_t> period) {
  if (!quota || !period || *period == 0) return std::nullopt;
  return static_cast<double>(*quota) / static_cast<double>(*period);
}

/// "QUOTA PERIOD", or "max PERIOD".
std::optional<double> read_cpu_max(const fs::path& folder) {
  const std::string text = read_system_file(folder / "cpu.max");
  const std::size_t space = text.find(' ');
  if (space == text.npos) return std::nullopt;
  return quotient(number_in(text), number_in(std::string_view(text).substr(space + 1)));
}

std::optional<double> read_cfs_quota(const fs::path& folder) {
  return quotient(number_in(read_system_file(folder / "cpu.cfs_quota_us")),
                  number_in(read_system_file(folder / "cpu.cfs_period_us")));
}

std::optional<std::uint64_t> read_memory_max(const fs::path& folder) {
  return number_in(read_system_file(folder / "memory.max"));
}

std::optional<std::uint64_t> read_memory_limit(const fs::path& folder) {
  constexpr std::uint64_t kUnlimited = std::uint64_t{1} << 60;  // version 1 has no word for it
  const auto limit = number_in(read_system_file(folder / "memory.limit_in_bytes"));
  return limit && *limit < kUnlimited ? limit : std::nullopt;
}

/// The number of processors in the affinity mask.
int affine_processors() {
  cpu_set_t mask;
  if (::sched_getaffinity(0, sizeof mask, &mask) == 0) return std::max(1, CPU_COUNT(&mask));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

ResourceLimits read_resource_limits(const fs::path& root) {
  ResourceLimits limits;
  const std::optional<Group> unified = find_group(root, "");
  take_smallest(limits.processors, unified, read_cpu_max);
  take_smallest(limits.processors, find_group(root, "cpu"), read_cfs_quota);
  take_smallest(limits.memory_bytes, unified, read_memory_max);
  take_smallest(limits.memory_bytes, find_group(root, "memory"), read_memory_limit);
  return limits;
}

int available_processors() {
  const int affine = affine_processors();
  const std::optional<double> quota = read_resource_limits().processors;
  return quota && *quota < affine ? std::max(1, static_cast<int>(std::ceil(*quota))) : affine;
}

std::optional<std::uint64_t> available_memory() {
  constexpr std::string_view kField = "MemAvailable:";
  constexpr std::uint64_t kKibi = 1024;
  std::optional<std::uint64_t> memory = read_resource_limits().memory_bytes;
  const std::string text = read_system_file("/proc/meminfo");
  std::size_t at = text.find(kField);
  if (at == text.npos) return memory;
  at = text.find_first_not_of(' ', at + kField.size());
  const auto free = number_in(std::string_view(text).substr(std::min(at, text.size())));
  if (!free) return memory;
  return memory ? std::min(*memory, *free * kKibi) : *free * kKibi;
}

}  // namespace weightlift
