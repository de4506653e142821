#include "weightlift/predict/in_order.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>

namespace weightlift {
namespace {

TEST(InOrderTest, HandsOverInOrderAndStaysInTheWindow) {
  std::atomic<std::size_t> begun = 0;
  std::atomic<std::size_t> taken = 0;
  std::atomic<bool> beyond = false;
  constexpr std::size_t kWindow = 4;
  const auto make = [&](std::size_t i) {
    if (++begun > taken + kWindow + 1) beyond = true;
    std::this_thread::sleep_for(std::chrono::microseconds(i % 3 * 200));
    return i * i;
  };
  std::vector<std::size_t> results;
  InOrder<std::size_t>(100, kWindow, make).run(3, [&](std::size_t i, std::size_t&& result) {
    EXPECT_EQ(result, i * i);
    results.push_back(result);
    ++taken;
  });
  EXPECT_EQ(results.size(), 100U);
  EXPECT_FALSE(beyond);
}

TEST(InOrderTest, ExceptionsPassThrough) {
  const auto fails = [](std::size_t i) {
    if (i == 5) throw std::runtime_error("five");
    return i;
  };
  std::size_t last = 0;
  EXPECT_THROW(
      InOrder<std::size_t>(1000, 4, fails).run(2, [&](std::size_t i, std::size_t&&) { last = i; }),
      std::runtime_error);
  EXPECT_EQ(last, 4U);
  const auto same = [](std::size_t i) { return i; };
  const auto refuses = [](std::size_t, std::size_t&&) { throw std::invalid_argument("no"); };
  EXPECT_THROW(InOrder<std::size_t>(1000, 4, same).run(2, refuses), std::invalid_argument);
}

}  // namespace
}  // namespace weightlift
