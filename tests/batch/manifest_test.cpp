#include "weightlift/batch/manifest.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/error.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::refusal;
using ::testing::SizeIs;
using ::testing::StartsWith;
using testing::TempDir;
using testing::write_file;

class ManifestTest : public ::testing::Test {
 protected:
  Manifest read(const std::string& text, ManifestKind kind = ManifestKind::kJsonLines,
                const std::string& name_template = "") {
    write_file(dir_ / "manifest", text);
    return read_manifest({dir_ / "manifest", kind, name_template});
  }
  std::vector<std::string> names(const std::string& text, ManifestKind kind,
                                 const std::string& name_template = "") {
    std::vector<std::string> found;
    for (const BatchItem& item : read(text, kind, name_template).items) found.push_back(item.name);
    return found;
  }
  std::string refused(const std::string& text, ManifestKind kind = ManifestKind::kJsonLines,
                      const std::string& name_template = "") {
    return refusal<UsageError>([&] { read(text, kind, name_template); });
  }
  /// Why the only line of a manifest cannot be used.
  std::string refused_item(const std::string& line) {
    const Manifest manifest = read(line);
    return refusal<Error>([&] { parse_item(manifest.items.front(), manifest.kind, {}); });
  }

  TempDir dir_;
};

TEST_F(ManifestTest, ALineHasASourceAndOptionsOfConvert) {
  const Manifest manifest = read(
      R"({"source": "runs/7/best.pth", "name": "flowers-7", "id2label": "flowers.txt", "dtype": "float16"})"
      "\n\n  \t\r\n"
      R"({"source": "resnet50.a1_in1k"})");
  ASSERT_THAT(manifest.items, SizeIs(2));
  EXPECT_EQ(manifest.items[0].name, "flowers-7");
  EXPECT_EQ(manifest.items[1].name, "resnet-50");
  EXPECT_EQ(manifest.items[1].line, 4U);
  ConvertOptions defaults;
  defaults.request.license = "mit";
  const ConvertOptions options = parse_item(manifest.items[0], manifest.kind, defaults);
  EXPECT_EQ(options.request.source, "runs/7/best.pth");
  EXPECT_EQ(options.request.name, "flowers-7");
  EXPECT_EQ(options.id2label, "flowers.txt");
  EXPECT_EQ(options.dtype, "float16");
  EXPECT_EQ(options.request.license, "mit");
}

TEST_F(ManifestTest, APlainListHasOneSourcePerLine) {
  EXPECT_THAT(names("a/x.pth\r\n\nb/y.safetensors\nresnet18.tv_in1k\ntimm/resnet34.a1_in1k\n",
                    ManifestKind::kList),
              ElementsAre("x", "y", "resnet-18.tv_in1k", "resnet-34"));
}

TEST_F(ManifestTest, ATemplateNamesTheFolders) {
  EXPECT_THAT(names("runs/7/model_best.pth.tar\n/data/logs/v3/checkpoints/epoch=1.ckpt\n"
                    "hf-hub:timm/resnet18.a1_in1k\nruns/8/\n",
                    ManifestKind::kList, "{grandparent}_{parent}-{stem}"),
              ElementsAre("runs_7-model_best", "v3_checkpoints-epoch=1",
                          EndsWith("_timm-resnet18.a1_in1k"), EndsWith("_runs-8")));
}

TEST_F(ManifestTest, ANameInALineWinsOverTheTemplate) {
  EXPECT_THAT(
      names(R"({"source": "a/b.pth", "name": "mine"})", ManifestKind::kJsonLines, "x-{stem}"),
      ElementsAre("mine"));
}

TEST_F(ManifestTest, ANameWithoutAParentFailsAtItsTurn) {
  const Manifest manifest = read("resnet18.a1_in1k", ManifestKind::kList, "{parent}-{stem}");
  EXPECT_THAT(refusal<UsageError>([&] { parse_item(manifest.items[0], manifest.kind, {}); }),
              StartsWith("resnet18.a1_in1k: gives no name for its folder"));
}

TEST_F(ManifestTest, RefusesWrongTemplates) {
  for (const char* const text : {"{name}", "{parent", "parent}", "{}", "{stem}{", "{pa{rent}"}) {
    EXPECT_THAT(refused("a\n", ManifestKind::kList, text),
                StartsWith("name_template: expected {parent}, {grandparent} or {stem}"))
        << text;
  }
  EXPECT_THAT(refused("a\n", ManifestKind::kList, "x"),
              StartsWith("name_template: gives all folders one name"));
}

TEST_F(ManifestTest, TwoLinesForOneFolderAreRefused) {
  EXPECT_EQ(refused("a/best.pth\nb/c.pth\n\nd/best.pt\n", ManifestKind::kList),
            "lines 1 and 4: both would become the folder 'best'; give-names()");
  EXPECT_THAT(refused(R"({"source": "a", "name": "x"})"
                      "\n"
                      R"({"source": "x.pth"})"),
              StartsWith("lines 1 and 2: "));
}

TEST_F(ManifestTest, ABadLineFailsAlone) {
  const Manifest manifest = read("{\"source\": \"a\n[1]\n{\"source\": \"b\"}\n\xff\xfe\n");
  ASSERT_THAT(manifest.items, SizeIs(4));
  EXPECT_EQ(manifest.items[0].name, "");
  EXPECT_EQ(manifest.items[2].name, "b");
}

TEST_F(ManifestTest, RefusesWhatALineCannotHave) {
  EXPECT_THAT(refused_item("{\"source\": \"a"), StartsWith("line 1: invalid JSON"));
  EXPECT_THAT(refused_item("[1]"), HasSubstr("line 1: manifest: expected an object, got [1]"));
  EXPECT_THAT(refused_item(R"({"name": "x"})"), StartsWith("line 1: source: missing"));
  EXPECT_THAT(refused_item(R"({"source": 1})"), HasSubstr("source: expected a string, got 1"));
  EXPECT_THAT(refused_item(R"({"source": "a", "id2labels": "x"})"),
              StartsWith("id2labels: unknown option; did-you-mean(id2label)"));
  EXPECT_THAT(refused_item(R"({"source": "a", "output": "x"})"), StartsWith("output: "));
  EXPECT_THAT(refused_item(R"({"source": "a", "dry_run": true})"), StartsWith("dry_run: "));
  EXPECT_THAT(refused_item(R"({"source": "a", "if_changed": false})"), StartsWith("if_changed: "));
  EXPECT_THAT(refused_item(R"({"source": "a", "name": 3})"),
              HasSubstr("name: expected a string, got 3"));
  std::string many = R"({"source": "a")";
  for (int i = 0; i < 100; ++i) many += ", \"k" + std::to_string(i) + "\": 1";
  EXPECT_THAT(refused_item(many + "}"), StartsWith("line 1: expected at most 100 members"));
}

TEST_F(ManifestTest, AnEmptyManifestIsRefused) {
  for (const char* const text : {"", "\n \n"}) EXPECT_THAT(refused(text), EndsWith(": no sources"));
}

TEST_F(ManifestTest, BlanksAroundALineDoNotCount) {
  EXPECT_THAT(names("  a.pth\t\n b c.pth \r\n", ManifestKind::kList), ElementsAre("a", "b c"));
}

TEST_F(ManifestTest, TheDigestDependsOnAllOfIt) {
  const std::string first = read("{\"source\": \"a\"}\n").digest;
  EXPECT_EQ(read("{\"source\": \"a\"}\n").digest, first);
  EXPECT_NE(read("{\"source\": \"b\"}\n").digest, first);
  EXPECT_NE(read("{\"source\": \"a\"}\n", ManifestKind::kJsonLines, "{stem}-x").digest, first);
}

TEST_F(ManifestTest, APipeIsReadToItsEnd) {
  const std::string pipe = dir_ / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  std::thread writer([&] { write_file(pipe, "a.pth\nb.pth\n"); });
  const Manifest manifest = read_manifest({pipe, ManifestKind::kList});
  writer.join();
  EXPECT_THAT(manifest.items, SizeIs(2));
}

TEST_F(ManifestTest, NamesAreThoseOfTheForm) {
  EXPECT_THAT(names(R"({"source": "resnet18.a1_in1k", "to": "timm"})"
                    "\n"
                    R"({"source": "resnet18.a1_in1k"})",
                    ManifestKind::kJsonLines),
              ElementsAre("resnet18.a1_in1k", "resnet-18"));
}

TEST_F(ManifestTest, ANameThatIsNotUtf8IsRefused) {
  const Manifest manifest = read("a\xff.pth\nb.pth\n", ManifestKind::kList);
  EXPECT_EQ(manifest.items[0].name, "");
  EXPECT_EQ(manifest.items[1].name, "b");
  EXPECT_THAT(refusal<UsageError>([&] { parse_item(manifest.items[0], manifest.kind, {}); }),
              HasSubstr("not UTF-8"));
}

TEST_F(ManifestTest, AMissingFileIsReported) {
  EXPECT_THAT(refusal<NotFoundError>([&] { read_manifest({dir_ / "absent"}); }),
              HasSubstr("absent"));
}

}  // namespace
}  // namespace weightlift
