#include "weightlift/report/phrase.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "weightlift/error.h"
#include "weightlift/progress.h"
#include "weightlift/report/json_object.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;

std::string loud_hints(const Hints& hints) { return hints.empty() ? "" : "; DO SOMETHING"; }
std::string loud_place(const std::string& where) { return where == "as" ? "AS" : where; }

TEST(PhraseTest, TextsWithoutAFrontEndHaveOnlyAdvice) {
  set_words(Words());
  const UsageError error("as", "wrong",
                         {{HintCode::kReplace, {}}, {HintCode::kAdvice, {"try again"}}});
  EXPECT_EQ(phrase(error), "as: wrong; try again");
}

TEST(PhraseTest, AFrontEndChoosesTheWordsOfHintsAndPlaces) {
  set_words({loud_hints, loud_place});
  EXPECT_EQ(phrase(UsageError("as", "wrong", {{HintCode::kReplace, {}}})),
            "AS: wrong; DO SOMETHING");
  EXPECT_EQ(to_json(UsageError("as", "wrong", {{HintCode::kReplace, {}}}))["where"], "AS");
  const Note note{NoteCode::kLabelsUnknown, "", {{"classes", "3"}}, {{HintCode::kGiveLabels, {}}}};
  EXPECT_EQ(phrase(note), "no labels for the 3 classes; named LABEL_0, LABEL_1, ...; DO SOMETHING");
  set_words(Words());
}

TEST(PhraseTest, EachNoteHasAText) {
  for (int code = 0; code <= static_cast<int>(NoteCode::kExifInvalid); ++code) {
    const auto note = static_cast<NoteCode>(code);
    EXPECT_NE(phrase_message(Note{note}), to_string(note)) << to_string(note);
  }
}

}  // namespace
}  // namespace weightlift
