#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <filesystem>
#include <regex>
#include <sstream>

#include "tests/cli/program.h"
#include "tests/support/hub_server.h"
#include "weightlift/base/message.h"
#include "weightlift/progress.h"

namespace weightlift::testing {
namespace {

/// A command of a document, and the output that the document shows for both streams.
struct Example {
  std::string command;
  std::string output;
};

/// The commands after "$ " in the ```console blocks.
std::vector<Example> console_examples(const std::string& text) {
  std::vector<Example> examples;
  std::istringstream lines(text);
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = line == "```console";
    } else if (inside && line.starts_with("$ ")) {
      examples.push_back({line.substr(2), ""});
    } else if (inside && !examples.empty()) {
      examples.back().output += line + "\n";
    }
  }
  return examples;
}

/// A Hub with timm's resnet18 of random weights, as the Hub itself would look: its address and its
/// commits are what a document cannot foresee.
class DocumentedHub {
 public:
  DocumentedHub() {
    const TempDir folder;
    resnet18_checkpoint().write_folder(folder / "resnet18");
    server_.add_repo("timm/resnet18.a1_in1k", folder / "resnet18");
  }

  std::string environment() const {
    return "HF_ENDPOINT='" + server_.url() + "' HF_TOKEN=hf_alice_write ";
  }

  std::string as_documented(std::string output) const {
    for (std::size_t at; (at = output.find(server_.url())) != std::string::npos;) {
      output.replace(at, server_.url().size(), "https://huggingface.co");
    }
    return without_commits(output);
  }

  static std::string without_commits(const std::string& output) {
    return std::regex_replace(output, std::regex("[0-9a-f]{40}"), "COMMIT");
  }

 private:
  HubServer server_;
};

/// A document, and how many commands it shows.
struct Document {
  const char* path;
  std::size_t count;
};

class DocsTest : public ::testing::TestWithParam<Document> {};

TEST_P(DocsTest, CommandsPrintWhatTheDocumentShows) {
  const std::filesystem::path root = WEIGHTLIFT_SOURCE_DIR;
  const std::vector<Example> examples = console_examples(read_file(root / GetParam().path));
  EXPECT_EQ(examples.size(), GetParam().count);
  const TempDir dir;
  std::filesystem::create_directory_symlink(root / "examples", dir / "examples");
  const std::string bin = std::filesystem::path(WEIGHTLIFT_PROGRAM).parent_path().string();
  const DocumentedHub hub;
  const std::string place = "cd '" + dir.path().string() + "' && PATH='" + bin +
                            "':$PATH HF_HOME=home " + hub.environment();
  for (const Example& example : examples) {
    ASSERT_THAT(example.command, ::testing::StartsWith("weightlift "));
    const Outcome run = run_program({"/bin/sh", "-c", place + example.command + " 2>&1"});
    EXPECT_EQ(hub.as_documented(run.out), DocumentedHub::without_commits(example.output))
        << "$ " << example.command;
  }
}

std::string name_of(const ::testing::TestParamInfo<Document>& document) {
  std::string name = document.param.path;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    All, DocsTest,
    ::testing::Values(Document{"README.md", 3}, Document{"docs/getting-started.md", 4},
                      Document{"docs/checkpoints.md", 6},
                      Document{"docs/labels-and-image-processors.md", 2},
                      Document{"docs/verification.md", 3}, Document{"docs/publishing.md", 3},
                      Document{"docs/classification.md", 4}, Document{"docs/exit-codes.md", 4},
                      Document{"docs/json.md", 5}, Document{"docs/scale.md", 5},
                      Document{"docs/families.md", 1}),
    name_of);

std::string page(const std::string& path) {
  return read_file(std::filesystem::path(WEIGHTLIFT_SOURCE_DIR) / path);
}

/// The first groups of all matches.
std::vector<std::string> matches(const std::string& text, const std::string& pattern) {
  const std::regex regex(pattern);
  std::vector<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at) {
    found.push_back((*at)[1].str());
  }
  return found;
}

TEST(ReferenceTest, NotesHasAParagraphForEachCode) {
  std::vector<std::string> paragraphs;  // as far as the word for the severity
  for (int i = 0; i <= static_cast<int>(NoteCode::kExifInvalid); ++i) {
    const auto code = static_cast<NoteCode>(i);
    paragraphs.push_back(std::string(to_string(code)) +
                         (severity_of(code) == Severity::kWarning ? "\n\nWarning" : "\n\nNote"));
  }
  EXPECT_EQ(matches(page("docs/notes.md"), "\n### ([a-z-]+\n\n(?:Note|Warning))\\. "), paragraphs);
}

TEST(ReferenceTest, ExitCodesListsEachKindOfError) {
  std::vector<std::string> kinds;
  for (int i = 0; i <= static_cast<int>(ErrorKind::kInternal); ++i) {
    kinds.emplace_back(to_string(static_cast<ErrorKind>(i)));
  }
  EXPECT_EQ(matches(page("docs/exit-codes.md"), "\n\\| `([a-z_]+)` \\|"), kinds);
}

TEST(ReferenceTest, CliListsEachOption) {
  const std::string cli = page("docs/cli.md");
  const std::string help = run_weightlift({"--help"}).out;
  std::vector<std::string> commands = matches(cli, "\n## weightlift ([a-z]+)");
  EXPECT_EQ(commands.size(), 14U);
  std::string all = help;
  for (const std::string& command : commands) {
    EXPECT_THAT(help, ::testing::HasSubstr("\n  " + command + " "));
    all += run_weightlift({command, "--help"}).out;
  }
  for (const std::string& option : matches(all, "(--[a-z][a-z0-9_-]*[a-z0-9])")) {
    EXPECT_TRUE(std::regex_search(cli, std::regex(option + "[^a-z0-9_-]"))) << option;
  }
}

TEST(ReferenceTest, LinksLeadToFiles) {
  namespace fs = std::filesystem;
  const fs::path root = WEIGHTLIFT_SOURCE_DIR;
  std::vector<fs::path> pages;
  for (const char* folder : {"", "docs"}) {
    for (const auto& entry : fs::directory_iterator(root / folder)) {
      if (entry.path().extension() == ".md") pages.push_back(entry.path());
    }
  }
  EXPECT_GT(pages.size(), 15U);
  for (const fs::path& from : pages) {
    for (const std::string& link : matches(read_file(from), "\\]\\(([^)#:]+)(?:#[^)]*)?\\)")) {
      EXPECT_TRUE(fs::exists(from.parent_path() / link)) << from << " -> " << link;
    }
  }
}

}  // namespace
}  // namespace weightlift::testing
