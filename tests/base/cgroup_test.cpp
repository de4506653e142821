#include "weightlift/base/cgroup.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/support/temp_dir.h"

namespace weightlift {
namespace {

using ::testing::Eq;
using ::testing::Ge;
using ::testing::Optional;
using testing::TempDir;
using testing::write_file;

/// A system whose control groups are files in a folder.
class CgroupTest : public ::testing::Test {
 protected:
  void mount(const std::string& line) { mounts_ += line + "\n"; }
  void set_group(const std::string& lines) { write_file(dir_ / "proc/self/cgroup", lines); }
  void set(const std::string& file, const std::string& text) { write_file(dir_ / file, text); }
  ResourceLimits read() {
    write_file(dir_ / "proc/self/mountinfo", mounts_);
    return read_resource_limits(dir_.path());
  }

  TempDir dir_;
  std::string mounts_ = "20 1 8:1 / / rw - ext4 /dev/sda1 rw\n";
};

constexpr const char* kUnified =
    "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw";

TEST_F(CgroupTest, AContainerSeesItsGroupAsTheTop) {
  mount(kUnified);
  set_group("0::/\n");
  set("sys/fs/cgroup/cpu.max", "250000 100000\n");
  set("sys/fs/cgroup/memory.max", "8589934592\n");
  EXPECT_THAT(read().processors, Optional(2.5));
  EXPECT_THAT(read().memory_bytes, Optional(std::uint64_t{8} << 30));
}

TEST_F(CgroupTest, TheSmallestLimitOfTheGroupsAboveCounts) {
  mount(kUnified);
  set_group("0::/slurm/job_7/step_0\n");
  set("sys/fs/cgroup/slurm/job_7/step_0/cpu.max", "max 100000\n");
  set("sys/fs/cgroup/slurm/job_7/step_0/memory.max", "max\n");
  set("sys/fs/cgroup/slurm/job_7/cpu.max", "150000 50000\n");
  set("sys/fs/cgroup/slurm/cpu.max", "1600000 100000\n");
  set("sys/fs/cgroup/slurm/memory.max", "1000\n");
  EXPECT_THAT(read().processors, Optional(3.0));
  EXPECT_THAT(read().memory_bytes, Optional(1000U));
}

TEST_F(CgroupTest, WithoutLimitsThereAreNone) {
  EXPECT_FALSE(read().processors || read().memory_bytes);
  mount(kUnified);
  set_group("0::/user.slice\n");
  set("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n");
  EXPECT_FALSE(read().processors || read().memory_bytes);
}

TEST_F(CgroupTest, Version1HasAHierarchyPerController) {
  mount("32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct");
  mount("35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory");
  set_group("4:memory:/job\n2:cpu,cpuacct:/job\n0::/\n");
  set("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "50000\n");
  set("sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  set("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  set("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  set("sys/fs/cgroup/memory/job/memory.limit_in_bytes", "9223372036854771712\n");
  set("sys/fs/cgroup/memory/memory.limit_in_bytes", "4096\n");
  EXPECT_THAT(read().processors, Optional(0.5));
  EXPECT_THAT(read().memory_bytes, Optional(4096U));
}

TEST_F(CgroupTest, AContainerOfVersion1ShowsThePathOfItsHost) {
  mount("32 31 0:29 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu");
  set_group("2:cpu:/docker/abc\n");
  set("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  set("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  EXPECT_THAT(read().processors, Optional(2.0));
  set_group("2:cpu:/elsewhere\n");
  EXPECT_THAT(read().processors, Optional(2.0));
}

TEST_F(CgroupTest, NonsenseIsNoLimit) {
  mount(kUnified);
  mount("33 31 0:30 /");
  set_group("0::/../..\nnonsense\n:\n");
  for (const char* const text :
       {"", "x", "100000", "100000 0", "-5 100000", "99999999999999999999 1"}) {
    set("sys/fs/cgroup/cpu.max", text);
    EXPECT_FALSE(read().processors) << text;
  }
}

TEST(AvailableTest, ThisProcessHasProcessorsAndMemory) {
  EXPECT_THAT(available_processors(), Ge(1));
  EXPECT_THAT(available_memory(), Optional(Ge(std::uint64_t{1} << 20)));
}

}  // namespace
}  // namespace weightlift
