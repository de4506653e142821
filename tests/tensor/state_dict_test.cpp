#include "weightlift/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/tensor.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

template <class Call>
std::string mismatch(Call call) {
  return testing::refusal<MismatchError>(call);
}

TEST(StateDictTest, KeepsInsertionOrderAndUniqueNames) {
  StateDict tensors;
  tensors.insert("b", Tensor::of<float>({1}, {1}));
  tensors.insert("a", Tensor::of<float>({1}, {2}));
  EXPECT_EQ(tensors.begin()->first, "b");
  EXPECT_EQ(tensors.size(), 2U);
  EXPECT_TRUE(tensors.contains("a"));
  EXPECT_EQ(tensors.find("c"), nullptr);
  EXPECT_THAT(mismatch([&] { tensors.insert("a", Tensor()); }), "tensor 'a': duplicate name");
  EXPECT_EQ(testing::refusal<NotFoundError>([&] { (void)tensors.at("c"); }),
            "tensor 'c': not found");
  EXPECT_EQ(tensors.size(), 2U);
}

Tensor one(float value) { return Tensor::of<float>({1}, {value}); }

/// Tensors of one element each: 0, 1, ...
StateDict with_names(const std::vector<std::string>& names) {
  StateDict tensors;
  for (const std::string& name : names) {
    tensors.insert(name, one(static_cast<float>(tensors.size())));
  }
  return tensors;
}

/// "name=value" of each entry, in order, where find() agrees with the iteration.
std::vector<std::string> entries_of(const StateDict& tensors) {
  std::vector<std::string> entries;
  for (const auto& [name, tensor] : tensors) {
    EXPECT_EQ(tensors.find(name), &tensor) << name;
    entries.push_back(name + "=" + std::to_string(static_cast<int>(tensor.data<float>()[0])));
  }
  return entries;
}

TEST(StateDictTest, ErasesAndKeepsTheOrder) {
  StateDict tensors = with_names({"d", "a", "c", "b"});
  EXPECT_TRUE(tensors.erase("a"));
  EXPECT_THAT(entries_of(tensors), ElementsAre("d=0", "c=2", "b=3"));
  EXPECT_FALSE(tensors.contains("a"));
  EXPECT_FALSE(tensors.erase("a"));
  EXPECT_EQ(tensors.size(), 3U);
  tensors.insert("a", one(4));
  EXPECT_THAT(entries_of(tensors), ElementsAre("d=0", "c=2", "b=3", "a=4"));
  EXPECT_TRUE(tensors.erase("a"));
  EXPECT_TRUE(tensors.erase("d"));
  EXPECT_THAT(entries_of(tensors), ElementsAre("c=2", "b=3"));
}

TEST(StateDictTest, ErasesByItsOwnName) {
  // The entry's own text is the argument, and dies with it.
  StateDict tensors = with_names({std::string(100, 'x'), std::string(100, 'y'), "z"});
  while (!tensors.empty()) EXPECT_TRUE(tensors.erase(tensors.begin()->first));
  EXPECT_THAT(entries_of(tensors), IsEmpty());
}

TEST(StateDictTest, ErasedTensorsLiveInTheirCopies) {
  StateDict tensors = with_names({"a", "b"});
  const StateDict before = tensors;
  const Tensor kept = tensors.at("b");
  tensors.erase("b");
  EXPECT_EQ(kept.data<float>()[0], 1);
  EXPECT_THAT(entries_of(before), ElementsAre("a=0", "b=1"));
}

TEST(StateDictTest, ReplacesInPlace) {
  StateDict tensors = with_names({"a", "b", "c"});
  tensors.replace("b", one(7));
  EXPECT_THAT(entries_of(tensors), ElementsAre("a=0", "b=7", "c=2"));
  EXPECT_EQ(testing::refusal<NotFoundError>([&] { tensors.replace("d", one(8)); }),
            "tensor 'd': not found");
  EXPECT_THAT(entries_of(tensors), ElementsAre("a=0", "b=7", "c=2"));
}

TEST(StateDictTest, AMovedOneIsEmpty) {
  StateDict tensors;
  tensors.insert("a", Tensor::of<float>({2}, {1, 2}));
  StateDict moved = std::move(tensors);
  EXPECT_FALSE(tensors.contains("a"));  // NOLINT(bugprone-use-after-move): what it is then
  EXPECT_EQ(moved.at("a").numel(), 2);
  StateDict& same = moved;
  moved = std::move(same);
  EXPECT_TRUE(moved.empty() || moved.contains("a"));
  EXPECT_EQ(moved.empty(), !moved.contains("a"));
}

TEST(TensorTest, AMovedOneKeepsItsElements) {
  Tensor tensor = Tensor::of<float>({2}, {1, 2});
  { const Tensor other = std::move(tensor); }
  EXPECT_EQ(tensor.data<float>()[1], 2);  // NOLINT(bugprone-use-after-move): a copy was made
  EXPECT_EQ(tensor.shape(), (Shape{2}));
}

}  // namespace
}  // namespace weightlift
