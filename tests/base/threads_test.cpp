#include "weightlift/base/threads.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/base/child.h"
#include "weightlift/progress.h"

namespace weightlift {
namespace {

/// Runs `body` in a process that can start no thread.
std::string without_threads(const std::function<std::string()>& body) {
  return testing::in_child([&] {
    testing::forbid_system_call(SYS_clone3, EAGAIN);
    testing::forbid_system_call(SYS_clone, EAGAIN);
    return body();
  });
}

TEST(ThreadsTest, StartsAsManyAsWanted) {
  EXPECT_EQ(startable_threads(0), 0);
  EXPECT_EQ(startable_threads(5), 5);
  Notes refused;
  EXPECT_EQ(usable_threads(4, 2, refused), 4);
  EXPECT_GE(usable_threads(0, 0, refused), 1);
  EXPECT_TRUE(refused.empty());
}

TEST(ThreadsTest, UsesThisThreadWhereTheSystemRefusesAll) {
  EXPECT_EQ(without_threads([] { return std::to_string(startable_threads(3)); }), "0");
  EXPECT_EQ(without_threads([] {
              Notes refused;
              const int usable = usable_threads(4, 2, refused);
              return std::to_string(usable) + " " + to_string(refused.at(0));
            }),
            "1 fewer-threads wanted='4' used='1'");
}

TEST(ThreadsTest, RunsBesideOrLater) {
  EXPECT_NE(run_beside([] { return std::this_thread::get_id(); }).get(),
            std::this_thread::get_id());
  EXPECT_THROW(run_beside([] { throw std::runtime_error("x"); }).get(), std::runtime_error);
  EXPECT_EQ(without_threads([] {
              const auto here = std::this_thread::get_id();
              const bool same = run_beside([] { return std::this_thread::get_id(); }).get() == here;
              return std::string(same ? "same" : "other");
            }),
            "same");
}

}  // namespace
}  // namespace weightlift
