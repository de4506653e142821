#include "weightlift/predict/evaluation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

const std::vector<float> kScores = {0.5F, 0.1F, 0.09F, 0.08F, 0.07F, 0.06F};

TEST(EvaluationTest, CountsByClass) {
  Evaluation evaluation;
  for (const std::int64_t shown : {0, 4, 5, 5}) add(evaluation, shown, judge(kScores, shown));
  EXPECT_EQ(evaluation.all.images, 4);
  EXPECT_EQ(evaluation.all.top1, 1);
  EXPECT_EQ(evaluation.all.top5, 2);
  EXPECT_EQ(evaluation.classes.at(4).top1, 0);
  EXPECT_EQ(evaluation.classes.at(4).top5, 1);
  EXPECT_EQ(evaluation.classes.at(5).top5, 0);
  EXPECT_THAT(evaluation.confusion,
              ElementsAre(Pair(Pair(0, 0), 1), Pair(Pair(4, 0), 1), Pair(Pair(5, 0), 2)));
}

TEST(EvaluationTest, JudgesOneImage) {
  const Judgement judgement = judge(kScores, 2);
  EXPECT_EQ(judgement.predicted, 0);
  EXPECT_EQ(judgement.predicted_score, 0.5F);
  EXPECT_EQ(judgement.shown_score, 0.09F);
  EXPECT_EQ(judgement.shown_rank, 3);
}

TEST(EvaluationTest, OfEqualScoresTheLowerClassComesFirst) {
  const std::vector<float> scores = {0.1F, 0.4F, 0.4F, 0.1F};
  EXPECT_EQ(judge(scores, 1).predicted, 1);
  EXPECT_EQ(judge(scores, 1).shown_rank, 1);
  EXPECT_EQ(judge(scores, 2).predicted, 1);
  EXPECT_EQ(judge(scores, 2).shown_rank, 2);
  EXPECT_EQ(judge(scores, 3).shown_rank, 4);
}

}  // namespace
}  // namespace weightlift
