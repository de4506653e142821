#include "weightlift/predict/evaluation.h"

#include <gtest/gtest.h>

#include <vector>

namespace weightlift {
namespace {

TEST(EvaluationTest, CountsByClass) {
  const std::vector<float> scores = {0.5F, 0.1F, 0.09F, 0.08F, 0.07F, 0.06F};
  Evaluation evaluation;
  add_scores(evaluation, 0, scores);
  add_scores(evaluation, 4, scores);
  add_scores(evaluation, 5, scores);
  EXPECT_EQ(evaluation.all.images, 3);
  EXPECT_EQ(evaluation.all.top1, 1);
  EXPECT_EQ(evaluation.all.top5, 2);
  EXPECT_EQ(evaluation.classes.at(4).top1, 0);
  EXPECT_EQ(evaluation.classes.at(4).top5, 1);
  EXPECT_EQ(evaluation.classes.at(5).top5, 0);
}

}  // namespace
}  // namespace weightlift
