#include "weightlift/batch/shard.h"

#include <gmock/gmock.h>

#include <map>
#include <optional>
#include <string>

#include "tests/support/refusal.h"
#include "weightlift/error.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::refusal;
using ::testing::StartsWith;
using Variables = std::map<std::string, std::string>;

Variables slurm(int id, int min, int max, int count) {
  return {{"SLURM_ARRAY_TASK_ID", std::to_string(id)},
          {"SLURM_ARRAY_TASK_MIN", std::to_string(min)},
          {"SLURM_ARRAY_TASK_MAX", std::to_string(max)},
          {"SLURM_ARRAY_TASK_COUNT", std::to_string(count)}};
}

std::string choose(const Variables& variables, const std::string& given = "",
                   std::optional<std::size_t> shards = {}) {
  return to_string(choose_shard(given, shards, [&](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? "" : found->second;
  }));
}

std::string refused(const Variables& variables, const std::string& given = "",
                    std::optional<std::size_t> shards = {}) {
  return refusal<UsageError>([&] { choose(variables, given, shards); });
}

TEST(ShardTest, EachItemBelongsToOnePart) {
  for (std::size_t item = 0; item < 20; ++item) {
    int parts = 0;
    for (std::size_t index = 0; index < 7; ++index) parts += Shard{index, 7, ""}.has(item) ? 1 : 0;
    EXPECT_EQ(parts, 1);
  }
  EXPECT_TRUE((Shard{3, 7, ""}.has(10)));
}

TEST(ShardTest, TheUserNamesAPart) {
  EXPECT_EQ(choose({}), "0/1");
  EXPECT_EQ(choose({}, "3/10"), "3/10");
  EXPECT_EQ(choose({}, "3/10", 10), "3/10");
  EXPECT_EQ(choose(slurm(5, 0, 9, 10), "3/10"), "3/10");
}

TEST(ShardTest, ASlurmArrayGivesThePart) {
  EXPECT_EQ(choose(slurm(0, 0, 15, 16)), "0/16");
  EXPECT_EQ(choose(slurm(16, 1, 16, 16)), "15/16");
  EXPECT_EQ(choose(slurm(7, 7, 7, 1)), "0/1");
  EXPECT_EQ(choose(slurm(4, 0, 9, 10), "", 10), "4/10");
}

TEST(ShardTest, AnArrayWithGapsIsRefused) {
  EXPECT_EQ(refused(slurm(3, 3, 17, 2)),
            "SLURM_ARRAY_TASK_ID: the array has 2 tasks from 3 to 17: with gaps they are no shards "
            "from 0 to N-1; give-shard()");
  EXPECT_THAT(refused(slurm(5, 0, 15, 4)), HasSubstr("4 tasks from 0 to 15"));
  EXPECT_THAT(refused(slurm(16, 0, 15, 16)), HasSubstr("expected an id from 0 to 15, got 16"));
  EXPECT_THAT(refused(slurm(0, 0, 0, 0)), HasSubstr("give-shard()"));
  EXPECT_THAT(refused({{"SLURM_ARRAY_TASK_ID", "3"}}),
              StartsWith("SLURM_ARRAY_TASK_MIN: expected a number, got ''"));
  EXPECT_THAT(refused({{"SLURM_ARRAY_TASK_ID", "3x"}}),
              StartsWith("SLURM_ARRAY_TASK_ID: expected a number, got '3x'"));
}

TEST(ShardTest, OneTaskSubmittedAgainIsNotTheWholeBatch) {
  EXPECT_THAT(refused(slurm(3, 3, 3, 1), "", 10),
              StartsWith("shards: expected 1, the number of tasks of the Slurm array, got 10; "
                         "give-shard(3/10)"));
}

TEST(ShardTest, AnIndexedJobNeedsTheNumberOfParts) {
  const Variables pod = {{"JOB_COMPLETION_INDEX", "3"}};
  EXPECT_EQ(choose(pod, "", 8), "3/8");
  EXPECT_THAT(refused(pod), StartsWith("shards: missing; JOB_COMPLETION_INDEX is set"));
  EXPECT_THAT(refused(pod, "", 3), StartsWith("JOB_COMPLETION_INDEX: expected an index below 3"));
  Variables both = slurm(0, 0, 7, 8);
  both.insert(pod.begin(), pod.end());
  EXPECT_THAT(refused(both, "", 8), StartsWith("shard: missing; both"));
}

TEST(ShardTest, RefusesNonsense) {
  for (const char* const text : {"3", "3/", "/3", "3/3", "-1/3", "1/0", "a/b", "0/100000", "1/2/3",
                                 "0x1/3", "99999999999999999999/3"}) {
    EXPECT_THAT(refused({}, text), StartsWith("shard: expected I/N with I from 0 to N-1")) << text;
  }
  EXPECT_THAT(refused({}, "1/3", 4), StartsWith("shards: contradicts shard 1/3"));
  EXPECT_THAT(refused({}, "", 0), StartsWith("shards: expected 1 to 99999"));
  EXPECT_THAT(refused({}, "", 4), StartsWith("shards: does not tell which shard to do"));
}

}  // namespace
}  // namespace weightlift
