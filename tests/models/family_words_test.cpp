// Layers above models ask a family; they never see its name, nor a name of its tensors. This test
// looks at the identifiers and string literals of their sources. The words come from the families.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "weightlift/models/families.h"

namespace weightlift {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

/// What the compiler sees of a source besides operators.
struct Tokens {
  std::vector<std::string> identifiers, literals;
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// The end of a literal in quotes that begins at `at`.
std::size_t end_of_quoted(const std::string& text, std::size_t at) {
  const char quote = text[at];
  for (++at; at < text.size() && text[at] != quote && text[at] != '\n'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at;
}

/// Identifiers and string literals, without comments and #include lines.
Tokens tokens_of(const std::string& text) {
  Tokens tokens;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto skip_to = [&](const std::string& end) {
      i = std::min(text.find(end, i), text.size() - 1);
    };
    if (text.compare(i, 2, "//") == 0 || text.compare(i, 8, "#include") == 0) {
      skip_to("\n");
    } else if (text.compare(i, 2, "/*") == 0) {
      skip_to("*/");
    } else if (text.compare(i, 3, "R\"(") == 0) {
      const std::size_t begin = i + 3;
      skip_to(")\"");
      tokens.literals.push_back(text.substr(begin, i - begin));
      ++i;
    } else if (text[i] == '"' || text[i] == '\'') {
      const std::size_t end = end_of_quoted(text, i);
      if (text[i] == '"') tokens.literals.push_back(text.substr(i + 1, end - i - 1));
      i = end;
    } else if (is_word(text[i])) {
      const std::size_t begin = i;
      while (i + 1 < text.size() && (is_word(text[i + 1]) || text[i + 1] == '\'')) ++i;
      tokens.identifiers.push_back(text.substr(begin, i - begin + 1));
    }
  }
  return tokens;
}

std::string in_lower_case(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// The first parts of the families' tensor names ("layer1", "stem"), except numbers.
std::set<std::string> tensor_words() {
  std::set<std::string> words;
  const auto add = [&](std::string_view name) {
    const std::string word(name.substr(0, name.find('.')));
    if (std::isalpha(static_cast<unsigned char>(word.front())) != 0) words.insert(word);
  };
  for (const Family* family : families()) {
    for (const Form tree : {Form::kTimm, Form::kTransformers, Form::kTorchvision}) {
      add(family->head(tree));
    }
    add(family->first_convolution());
    for (const Dialect& dialect : family->dialects()) {
      add(dialect.anchor);
      std::ranges::for_each(dialect.needed, add);
    }
  }
  return words;
}

/// The identifiers and literals of a source that name a family or a tensor of one.
std::vector<std::string> words_of_families(const std::string& source) {
  std::vector<std::string> found;
  const Tokens tokens = tokens_of(source);
  for (const auto* list : {&tokens.identifiers, &tokens.literals}) {
    for (const std::string& token : *list) {
      const bool named = std::ranges::any_of(families(), [&](const Family* family) {
        return in_lower_case(token).find(family->model_type()) != std::string::npos;
      });
      if (named) found.push_back(token);
    }
  }
  for (const std::string& literal : tokens.literals) {
    const std::string first = literal.substr(0, literal.find('.'));
    // A word alone may be any word: "head", "classifier".
    if (first != literal && tensor_words().contains(first)) found.push_back(literal);
  }
  return found;
}

TEST(FamilyWordsTest, FindsWhatItLooksFor) {
  EXPECT_THAT(words_of_families("auto n = make_hf_resnet(c);"), Contains("make_hf_resnet"));
  EXPECT_THAT(words_of_families("f(\"fc.weight\");"), Contains("fc.weight"));
  EXPECT_THAT(words_of_families("f(R\"(layer1.0)\");"), Contains("layer1.0"));
  EXPECT_THAT(words_of_families("// a ResNet's fc.weight\n/* resnet */ f(\"head\", '\"');"),
              IsEmpty());
}

TEST(FamilyWordsTest, OtherLayersDoNotNameFamiliesOrTheirTensors) {
  const fs::path root = fs::path(WEIGHTLIFT_SOURCE_DIR) / "weightlift";
  std::size_t count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const fs::path file = entry.path();
    const bool source = file.extension() == ".h" || file.extension() == ".cpp";
    if (!source || *file.lexically_relative(root).begin() == "models") continue;
    EXPECT_THAT(words_of_families(testing::read_file(file)), IsEmpty()) << file;
    ++count;
  }
  EXPECT_GT(count, 100U);
}

}  // namespace
}  // namespace weightlift
