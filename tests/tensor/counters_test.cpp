#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/state_dict.h"
#include "weightlift/tensor.h"
#include "weightlift/tensor/compare.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;

const std::string kName = "bn.num_batches_tracked";

Tensor statistics() { return Tensor::of<float>({2}, {0, 0}); }

template <class T>
Tensor integers(DType dtype, Shape shape, std::vector<T> values) {
  const auto owner = std::make_shared<const std::vector<T>>(std::move(values));
  return Tensor::view(dtype, std::move(shape), std::as_bytes(std::span(*owner)), owner);
}

/// A dict with this counter between two other tensors, completed.
StateDict completed(const Tensor& counter, CounterChanges& changes) {
  StateDict tensors;
  tensors.insert("bn.running_mean", statistics());
  tensors.insert(kName, counter);
  tensors.insert("bn.weight", statistics());
  changes = complete_counters(tensors);
  EXPECT_EQ(changes.added, 0);
  return tensors;
}

/// The value of the int64 scalar that this counter becomes.
std::int64_t mended(const Tensor& counter) {
  CounterChanges changes;
  const StateDict tensors = completed(counter, changes);
  EXPECT_EQ(changes.mended, 1);
  EXPECT_EQ((tensors.begin() + 1)->first, kName) << "it keeps its place";
  const Tensor& found = tensors.at(kName);
  EXPECT_EQ(found.shape(), Shape{});
  return found.data<std::int64_t>()[0];
}

bool is_kept(const Tensor& counter) {
  CounterChanges changes;
  const StateDict tensors = completed(counter, changes);
  return changes.mended == 0 && tensors.at(kName).bytes().data() == counter.bytes().data();
}

std::vector<std::string> names_of(const StateDict& tensors) { return name_tensors(tensors).names; }

TEST(CountersTest, AddsMissingOnesAtTheEnd) {
  StateDict tensors;
  tensors.insert("running_mean", statistics());  // a batch norm alone
  tensors.insert("b.running_mean", statistics());
  tensors.insert("a.running_mean", statistics());
  tensors.insert("a.num_batches_tracked", Tensor::of<std::int64_t>({}, {3}));
  tensors.insert("a.my_running_mean", statistics());
  tensors.insert("c.weight", statistics());
  const CounterChanges changes = complete_counters(tensors);
  EXPECT_EQ(changes.added, 2);
  EXPECT_EQ(changes.mended, 0);
  EXPECT_THAT(
      names_of(tensors),
      ElementsAre("running_mean", "b.running_mean", "a.running_mean", "a.num_batches_tracked",
                  "a.my_running_mean", "c.weight", "num_batches_tracked", "b.num_batches_tracked"));
  const Tensor zero = Tensor::of<std::int64_t>({}, {0});
  EXPECT_TRUE(bit_equal(tensors.at("num_batches_tracked"), zero));
  EXPECT_TRUE(bit_equal(tensors.at("b.num_batches_tracked"), zero));
  EXPECT_EQ(tensors.at("a.num_batches_tracked").data<std::int64_t>()[0], 3);
}

TEST(CountersTest, ChangesNothingTheSecondTime) {
  StateDict tensors;
  tensors.insert("bn.running_mean", statistics());
  EXPECT_EQ(complete_counters(tensors).added, 1);
  const CounterChanges again = complete_counters(tensors);
  EXPECT_EQ(again.added, 0);
  EXPECT_EQ(again.mended, 0);
  EXPECT_EQ(tensors.size(), 2U);
}

TEST(CountersTest, MendsDimensionsAndDtypes) {
  EXPECT_EQ(mended(Tensor::of<std::int64_t>({1}, {5})), 5);
  EXPECT_EQ(mended(Tensor::of<float>({}, {-7})), -7);
  EXPECT_EQ(mended(Tensor::of<double>({1}, {2.5})), 2);
  EXPECT_EQ(mended(to_dtype(Tensor::of<float>({}, {8}), DType::BF16)), 8);
  EXPECT_EQ(mended(integers<std::int32_t>(DType::I32, {}, {-9})), -9);
  EXPECT_EQ(mended(integers<std::uint8_t>(DType::U8, {}, {255})), 255);
  EXPECT_EQ(mended(integers<std::uint64_t>(DType::U64, {1}, {10})), 10);
}

TEST(CountersTest, ReadsThemAtAnyAddress) {
  alignas(8) static constexpr std::array<unsigned char, 9> kBytes = {0, 4, 1};
  const auto odd = std::as_bytes(std::span(kBytes)).subspan(1);
  EXPECT_EQ(mended(Tensor::view(DType::I64, {1}, odd, {})), 0x104);
}

TEST(CountersTest, KeepsWhatIsNotOneNumber) {
  EXPECT_TRUE(is_kept(Tensor::of<std::int64_t>({}, {3})));
  EXPECT_TRUE(is_kept(Tensor::of<std::int64_t>({2}, {5, 6})));
  EXPECT_TRUE(is_kept(Tensor::of<std::int64_t>({1, 1}, {5})));
  EXPECT_TRUE(is_kept(Tensor::of<std::int64_t>({0}, {})));
  EXPECT_TRUE(is_kept(Tensor::of<float>({}, {NAN})));
  EXPECT_TRUE(is_kept(Tensor::of<double>({}, {1e300})));
  EXPECT_TRUE(is_kept(
      integers<std::uint64_t>(DType::U64, {}, {std::numeric_limits<std::uint64_t>::max()})));
}

}  // namespace
}  // namespace weightlift
