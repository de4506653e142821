#include "weightlift/predict/scores.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"
#include "weightlift/predict/evaluation.h"

namespace weightlift {
namespace {

using testing::refusal;
using Floats = std::vector<float>;
using Ids = std::vector<std::int64_t>;

TEST(ScoresTest, SoftmaxDoesNotOverflow) {
  const Floats scores = to_scores(Floats{1000, 1000, 0}, {});
  EXPECT_NEAR(scores[0], 0.5, 1e-6);
  EXPECT_NEAR(scores[1], 0.5, 1e-6);
  EXPECT_EQ(scores[2], 0);
}

TEST(ScoresTest, SingleLabelAndMultiLabelScoresAreSigmoids) {
  EXPECT_EQ(to_scores(Floats{0}, {}), Floats{0.5});
  const Floats scores = to_scores(Floats{0, std::log(3.0F)}, ProblemType::kMultiLabel);
  EXPECT_NEAR(scores[0], 0.5, 1e-6);
  EXPECT_NEAR(scores[1], 0.75, 1e-6);
}

TEST(ScoresTest, ARegressionKeepsItsLogits) {
  EXPECT_EQ(to_scores(Floats{-7}, ProblemType::kRegression), Floats{-7});
}

TEST(ScoresTest, RefusesLogitsThatAreNotFinite) {
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), INFINITY}) {
    const auto message = refusal<UnsupportedError>([&] { to_scores(Floats{1, odd}, {}); });
    EXPECT_NE(message.find("for class 1"), message.npos) << message;
  }
}

TEST(ScoresTest, EqualScoresKeepTheOrderOfClasses) {
  const Floats scores = {0.1F, 0.4F, 0.1F, 0.4F};
  EXPECT_EQ(top_classes(scores, 3), (Ids{1, 3, 0}));
  EXPECT_EQ(top_classes(scores, 9), (Ids{1, 3, 0, 2}));
}

TEST(ScoresTest, AnImageWithoutScores) {
  EXPECT_TRUE(to_scores(Floats{}, {}).empty());
  EXPECT_TRUE(top_classes(Floats{}, 5).empty());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(top_classes(Floats{nan, 1, nan, 3}, 9), (Ids{3, 1, 0, 2}));
  EXPECT_EQ(refusal<UsageError>([&] { judge({}, 0); }),
            "scores: expected one per class, among them class 0, got 0");
}

}  // namespace
}  // namespace weightlift
