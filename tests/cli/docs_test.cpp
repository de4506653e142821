#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <sstream>

#include "tests/cli/program.h"
#include "tests/support/hub_server.h"

namespace weightlift::testing {
namespace {

/// A command of a document and what it is said to print, on both streams.
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
  for (char& c : name) c = c == '/' || c == '.' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, DocsTest,
                         ::testing::Values(Document{"README.md", 6}, Document{"docs/cli.md", 7},
                                           Document{"docs/hub.md", 1}),
                         name_of);

}  // namespace
}  // namespace weightlift::testing
