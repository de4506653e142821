#include "weightlift/batch/summary.h"

#include <gmock/gmock.h>

#include <string>

#include "tests/support/temp_dir.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::TempDir;
using testing::write_file;

/// A batch of the items "0" to "5" in an output folder.
class SummaryTest : public ::testing::Test {
 protected:
  Manifest manifest(const std::string& digest = "d") const {
    Manifest made{ManifestKind::kList, {}, digest};
    for (std::size_t i = 0; i < 6; ++i) made.items.push_back({i + 1, "", "s", std::to_string(i)});
    return made;
  }
  Json line(const std::string& name, const std::string& status, const std::string& time) const {
    Json json = {{"source", "s"},
                 {"status", status},
                 {"options", {{"output", "elsewhere"}}},
                 {"folder", "elsewhere/" + name},
                 {"name", name},
                 {"line", std::stoi(name) + 1},
                 {"time", time}};
    if (status == "failed") {
      json["error"] = {{"kind", "io"}, {"where", ""}, {"message", "broken"}};
    }
    return json;
  }
  /// Runs a shard: all its items get that status.
  void run(Shard shard, const std::string& status = "converted", const std::string& time = "2",
           bool finish = true) {
    Ledger ledger(out_, manifest(), shard);
    for (std::size_t i = 0; i < 6; ++i) {
      if (!shard.has(i)) continue;
      const std::string name = std::to_string(i);
      if (status == "converted") fs::create_directories(out_ / name);
      ledger.append(line(name, status, time), name);
    }
    if (finish) ledger.finish();
  }
  BatchSummary merge() const { return merge_batch(out_, std::nullopt); }

  TempDir dir_;
  fs::path out_ = dir_ / "out";
};

TEST_F(SummaryTest, AllPartsDoneIsComplete) {
  run({0, 2});
  run({1, 2});
  const BatchSummary summary = merge();
  EXPECT_EQ(summary.items, 6U);
  EXPECT_EQ(summary.converted, 6U);
  EXPECT_EQ(summary.shards, 2U);
  EXPECT_TRUE(summary.complete());
  EXPECT_FALSE(failure_of(summary));
  EXPECT_EQ(to_json("out", summary)["status"], "ok");
}

TEST_F(SummaryTest, APartThatDidNotBeginIsMissing) {
  run({0, 3});
  run({2, 3});
  const BatchSummary summary = merge();
  ASSERT_THAT(summary.missing, SizeIs(2));
  EXPECT_EQ(summary.missing[1].name, "4");
  ASSERT_THAT(summary.unfinished, SizeIs(1));
  EXPECT_EQ(to_string(summary.unfinished[0].shard), "1/3");
  EXPECT_EQ(summary.unfinished[0].reason, "did not begin");
  EXPECT_STREQ(failure_of(summary)->what(), "of 6 items: 2 missing, 1 shard not finished");
}

TEST_F(SummaryTest, APartThatDidNotEndIsNotFinished) {
  run({0, 1}, "converted", "2", false);
  const BatchSummary summary = merge();
  EXPECT_THAT(summary.missing, IsEmpty());
  ASSERT_THAT(summary.unfinished, SizeIs(1));
  EXPECT_EQ(summary.unfinished[0].reason, "did not end");
  EXPECT_FALSE(summary.complete());
}

TEST_F(SummaryTest, TheNewestLineOfAnItemCounts) {
  run({0, 1}, "failed", "1");
  EXPECT_THAT(merge().failures, SizeIs(6));
  run({0, 2}, "converted", "3");
  run({1, 2}, "converted", "3");
  EXPECT_TRUE(merge().complete());
  EXPECT_EQ(merge().converted, 6U);
  run({0, 2}, "failed", "2");  // a late line of a machine that was thought dead
  EXPECT_TRUE(merge().complete());
  run({0, 2}, "failed", "4");
  const BatchSummary summary = merge();
  ASSERT_THAT(summary.failures, SizeIs(3));
  EXPECT_EQ(to_string(*summary.failures.front().error), "io: broken");
  EXPECT_EQ(failure_of(summary)->kind(), ErrorKind::kMismatch);
}

TEST_F(SummaryTest, AnotherManifestBeginsAnew) {
  run({0, 2});
  run({1, 2});
  Manifest grown = manifest("grown");
  grown.items.push_back({7, "", "s", "6"});
  Ledger(out_, grown, {0, 2}).finish();
  const BatchSummary summary = merge();
  EXPECT_EQ(summary.items, 7U);
  ASSERT_THAT(summary.missing, SizeIs(1));
  EXPECT_EQ(summary.missing.front().name, "6");
  ASSERT_THAT(summary.unfinished, SizeIs(1));
  EXPECT_EQ(to_string(summary.unfinished[0].shard), "1/2");
  EXPECT_EQ(summary.unfinished[0].reason, "began with another manifest");
}

TEST_F(SummaryTest, AnotherNumberOfShardsKeepsWhatIsDone) {
  run({0, 1});
  run({0, 3});
  const BatchSummary summary = merge();
  EXPECT_EQ(summary.converted, 6U);
  EXPECT_THAT(summary.missing, IsEmpty());
  EXPECT_THAT(summary.unfinished, SizeIs(2));
}

TEST_F(SummaryTest, AFolderThatIsGoneIsMissing) {
  run({0, 1});
  fs::remove(out_ / "3");
  const BatchSummary summary = merge();
  ASSERT_THAT(summary.missing, SizeIs(1));
  EXPECT_EQ(summary.missing.front().name, "3");
}

TEST_F(SummaryTest, ASourceThatIsAlreadyConvertedHasNoFolderHere) {
  Ledger ledger(out_, manifest(), {0, 1});
  Json json = line("3", "already", "1");
  json["folder"] = "in/3";
  ledger.append(json, "3");
  EXPECT_EQ(merge().already, 1U);
}

TEST_F(SummaryTest, AnUpToDateItemKeepsTheWarningsOfItsConversion) {
  Json json = line("3", "converted", "1");
  json["notes"] = {{{"severity", "warning"}, {"code", "labels-unknown"}}};
  fs::create_directories(out_ / "3");
  Ledger(out_, manifest(), {0, 2}).append(json, "3");
  Json failed = line("3", "failed", "2");
  Ledger(out_, manifest(), {0, 1}).append(failed, "3");
  Ledger(out_, manifest(), {0, 1}).append(line("3", "already", "3"), "3");
  EXPECT_EQ(merge().already, 1U);
  EXPECT_EQ(merge().warned, 1U);
  EXPECT_THAT(merge().warnings, ElementsAre(::testing::Pair("labels-unknown", 1)));
}

TEST_F(SummaryTest, TemporaryFoldersOfOtherMachinesAreListed) {
  run({0, 1});
  const std::string left = ".3.weightlift-0a1b2c3d4e5f-f0000000-1-1-abcdef";
  write_file(out_ / left / "f", "x");
  EXPECT_THAT(merge().temporary.kept, ElementsAre(left));
  const BatchSummary cleaned = merge_batch(out_, std::chrono::hours(0));
  EXPECT_THAT(cleaned.temporary.removed, ElementsAre(left));
  EXPECT_THAT(merge().temporary.kept, IsEmpty());
}

}  // namespace
}  // namespace weightlift
