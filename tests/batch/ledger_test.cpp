#include "weightlift/batch/ledger.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "tests/support/folder.h"
#include "tests/support/temp_dir.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::names_in;
using ::testing::Not;
using testing::read_file;
using ::testing::SizeIs;
using testing::TempDir;
using testing::write_file;

class LedgerTest : public ::testing::Test {
 protected:
  Manifest manifest() const {
    Manifest made{ManifestKind::kList, {}, "digest"};
    for (std::size_t i = 1; i <= 5; ++i) {
      const std::string name(1, static_cast<char>('a' + i - 1));
      made.items.push_back({i, name, name, i == 3 ? "" : name});
    }
    return made;
  }
  static Json line(const std::string& name, const std::string& status) {
    return {{"type", "convert"}, {"source", name}, {"status", status},
            {"name", name},      {"line", 1},      {"time", utc_now()}};
  }
  std::vector<LedgerLine> lines(const fs::path& file) const {
    std::vector<LedgerLine> found;
    read_ledger(file, [&](LedgerLine&& one) { found.push_back(std::move(one)); });
    return found;
  }
  fs::path record() const { return dir_ / "out/.batch/00001-of-00002.jsonl"; }

  TempDir dir_;
  Shard shard_{1, 2};
};

TEST_F(LedgerTest, AppendsWholeLines) {
  Ledger ledger(dir_ / "out", manifest(), shard_);
  EXPECT_EQ(ledger.path(), record());
  ledger.append(line("b", "converted"), "b");
  ledger.append(line("d", "failed"), "d");
  const auto found = lines(record());
  ASSERT_THAT(found, SizeIs(2));
  EXPECT_EQ(found[0].key, "b");
  EXPECT_TRUE(found[0].done());
  EXPECT_FALSE(found[1].done());
  EXPECT_THAT(found[0].time, MatchesRegex("20[0-9-]+T[0-9:]+\\.[0-9]{6}Z"));
}

TEST_F(LedgerTest, WhatIsDoneIsRecordedOnce) {
  Ledger(dir_ / "out", manifest(), shard_).append(line("b", "converted"), "b");
  Ledger again(dir_ / "out", manifest(), shard_);
  again.append(line("b", "already"), "b");
  EXPECT_THAT(lines(record()), SizeIs(1));
  again.append(line("d", "already"), "d");  // published, but not recorded before a crash
  again.append(line("d", "already"), "d");
  EXPECT_THAT(lines(record()), SizeIs(2));
  again.append(line("b", "converted"), "b");  // its source changed
  again.append(line("d", "failed"), "d");
  again.append(line("d", "already"), "d");
  EXPECT_THAT(lines(record()), SizeIs(5));
}

TEST_F(LedgerTest, ALaterFailureInAnotherRecordIsHealed) {
  { Ledger(dir_ / "out", manifest(), {0, 1}).append(line("b", "converted"), "b"); }
  { Ledger(dir_ / "out", manifest(), shard_).append(line("b", "failed"), "b"); }
  { Ledger(dir_ / "out", manifest(), {0, 1}).append(line("b", "already"), "b"); }
  EXPECT_THAT(lines(dir_ / "out/.batch/00000-of-00001.jsonl"), SizeIs(2));
}

TEST_F(LedgerTest, SecretsAreNotRecorded) {
  Json json = line("b", "failed");
  json["source"] = "http://user:secret@host/x";
  Ledger(dir_ / "out", manifest(), shard_).append(json, "b");
  EXPECT_THAT(read_file(record()), Not(HasSubstr("secret")));
}

TEST_F(LedgerTest, ACutLastLineIsDropped) {
  Ledger(dir_ / "out", manifest(), shard_).append(line("b", "converted"), "b");
  const std::string whole = read_file(record());
  for (const std::size_t cut : {std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
    write_file(record(), whole + whole.substr(0, cut));
    const Ledger ledger(dir_ / "out", manifest(), shard_);
    EXPECT_EQ(read_file(record()), whole);
  }
  write_file(record(), whole.substr(0, 5));
  Ledger ledger(dir_ / "out", manifest(), shard_);
  EXPECT_EQ(read_file(record()), "");
  ledger.append(line("b", "already"), "b");
  EXPECT_THAT(lines(record()), SizeIs(1));
}

TEST_F(LedgerTest, LinesThatAreNoRecordsAreSkipped) {
  write_file(
      record(),
      "nonsense\n[1]\n{}\n{\"status\": \"converted\"}\n{\"time\": 1, \"status\": 2}\n\n\xff\n" +
          line("b", "converted").dump() + "\n" + R"({"status": "con)");
  EXPECT_THAT(lines(record()), SizeIs(1));
}

TEST_F(LedgerTest, ALineHasTheFailureAndTheWarnings) {
  Json failed = line("", "failed");
  failed["line"] = 7;
  failed["error"] = {
      {"kind", "not_found"}, {"where", "x.pth"}, {"message", "no such file or folder"}};
  failed["notes"] = {{{"severity", "warning"}, {"code", "labels-unknown"}}, {{"severity", "note"}}};
  write_file(record(), failed.dump() + "\n");
  const LedgerLine found = lines(record()).front();
  EXPECT_EQ(found.key, "/line 7");
  ASSERT_TRUE(found.error);
  EXPECT_EQ(found.error->kind, "not_found");
  EXPECT_EQ(found.error->where, "x.pth");
  EXPECT_EQ(found.error->message, "no such file or folder");
  EXPECT_THAT(found.warnings, ElementsAre("labels-unknown"));
}

TEST_F(LedgerTest, TheItemsAreThoseOfAllShards) {
  Ledger ledger(dir_ / "out", manifest(), shard_);
  LedgerFiles files = find_ledgers(dir_ / "out");
  ASSERT_THAT(files.plans, SizeIs(1));
  const ShardPlan& plan = files.plans.front();
  EXPECT_EQ(plan.manifest, "digest");
  EXPECT_EQ(to_string(plan.shard), "1/2");
  EXPECT_FALSE(plan.finished);
  EXPECT_EQ(files.manifest, "digest");
  ASSERT_THAT(files.items, SizeIs(5));
  EXPECT_EQ(files.items[3].name, "d");
  EXPECT_EQ(files.items[3].line, 4U);
  EXPECT_THAT(files.records, ElementsAre(record()));
  ledger.finish();
  EXPECT_TRUE(find_ledgers(dir_ / "out").plans.front().finished);
  const Ledger next(dir_ / "out", manifest(), shard_);
  EXPECT_FALSE(find_ledgers(dir_ / "out").plans.front().finished);
  EXPECT_THAT(names_in(dir_ / "out/.batch"),
              ElementsAre("00001-of-00002.jsonl", "00001-of-00002.plan.json", "manifest.json"));
}

TEST_F(LedgerTest, APlanThatCannotBeReadIsMissing) {
  { const Ledger ledger(dir_ / "out", manifest(), shard_); }
  for (const char* const text : {"", "{", "[]", R"({"schema": "weightlift-plan/1"})",
                                 R"({"schema": "weightlift-plan/1", "index": 3, "count": 3})"}) {
    write_file(dir_ / "out/.batch/00001-of-00002.plan.json", text);
    EXPECT_THROW(find_ledgers(dir_ / "out"), NotFoundError) << text;
  }
}

TEST_F(LedgerTest, ItemsThatCannotBeReadAreMissing) {
  { const Ledger ledger(dir_ / "out", manifest(), shard_); }
  write_file(dir_ / "out/.batch/manifest.json", "{");
  EXPECT_THROW(find_ledgers(dir_ / "out"), NotFoundError);
  const Ledger again(dir_ / "out", manifest(), shard_);
  EXPECT_THAT(find_ledgers(dir_ / "out").items, SizeIs(5));
}

TEST_F(LedgerTest, WithoutABatchThereIsNothingToRead) {
  EXPECT_THROW(find_ledgers(dir_.path()), NotFoundError);
}

TEST_F(LedgerTest, ALinkIsNotWrittenThrough) {
  write_file(dir_ / "target", "mine");
  fs::create_directories(dir_ / "out/.batch");
  fs::create_symlink(dir_ / "target", record());
  EXPECT_THROW(Ledger(dir_ / "out", manifest(), shard_), IoError);
  EXPECT_EQ(read_file(dir_ / "target"), "mine");
}

}  // namespace
}  // namespace weightlift
