// ConversionRequest::if_changed: what is up to date is left alone, what differs is replaced.

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <string>

#include "tests/convert/job.h"
#include "tests/support/folder.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::EndsWith;
using testing::files_of;
using ::testing::HasSubstr;
using testing::merged;
using testing::names_in;
using ::testing::Not;
using testing::read_file;
using testing::refusal;
using testing::request_for;
using testing::small_checkpoint;
using testing::TempDir;
using testing::TimmCheckpoint;
using testing::write_file;

class IfChangedTest : public ::testing::Test {
 protected:
  IfChangedTest() {
    small_checkpoint().write_folder(source_);
    request_ = request_for(source_, dir_ / "out");
    request_.if_changed = true;
  }
  /// "converted", "unchanged", or the reason why it was converted again.
  std::string run() { return run(request_); }
  std::string run(const ConversionRequest& request) {
    const Conversion result = testing::run(request);
    if (result.unchanged) return result.written ? "both" : "unchanged";
    if (!result.written) return "not written";
    for (const Note& note : result.notes) {
      if (note.code == NoteCode::kConvertedAgain) return note.parameters.front().second;
    }
    return "converted";
  }
  fs::path folder() const { return dir_ / "out/small"; }
  fs::path weights() const { return source_ / "model.safetensors"; }
  void touch(const fs::path& file) {
    fs::last_write_time(file, fs::last_write_time(file) + std::chrono::seconds(1));
  }

  TempDir dir_;
  fs::path source_ = dir_ / "in/small";
  ConversionRequest request_;
};

TEST_F(IfChangedTest, ASecondRunDoesNothing) {
  EXPECT_EQ(run(), "converted");
  const auto before = files_of(folder());
  EXPECT_EQ(run(), "unchanged");
  EXPECT_EQ(files_of(folder()), before);
  request_.checksum = true;
  EXPECT_EQ(run(), "unchanged");
}

TEST_F(IfChangedTest, TheResultOfASkipNamesTheFolder) {
  run();
  const Conversion result = testing::run(request_);
  EXPECT_EQ(result.folder, folder());
  EXPECT_FALSE(result.already || result.written || result.verification);
  ASSERT_EQ(result.notes.size(), 1U);
  EXPECT_EQ(result.notes.front().code, NoteCode::kUpToDate);
}

TEST_F(IfChangedTest, WithoutItThereIsNoRecord) {
  request_.if_changed = false;
  testing::run(request_);
  EXPECT_THAT(names_in(folder()), Not(Contains(kRecordFile)));
}

TEST_F(IfChangedTest, TheRecordHasNoPaths) {
  run();
  EXPECT_THAT(read_file(folder() / kRecordFile),
              AllOf(Not(HasSubstr(dir_.path().filename().string())), Not(HasSubstr("in/small"))));
}

TEST_F(IfChangedTest, ATouchedSourceIsConvertedAgainUnlessItsBytesDecide) {
  run();
  touch(weights());
  request_.checksum = true;
  EXPECT_EQ(run(), "unchanged");
  request_.checksum = false;
  EXPECT_EQ(run(), "the source changed");
  EXPECT_EQ(run(), "unchanged");
}

TEST_F(IfChangedTest, OtherBytesOfTheSameSizeAndTimeNeedTheChecksum) {
  run();
  const auto time = fs::last_write_time(weights());
  small_checkpoint(LayerType::kBasic, 2).write_folder(source_);
  fs::last_write_time(weights(), time);
  EXPECT_EQ(run(), "unchanged");
  request_.checksum = true;
  EXPECT_EQ(run(), "the source changed");
  EXPECT_EQ(run(), "unchanged");
}

TEST_F(IfChangedTest, AnotherConfigOfTheSourceIsAChange) {
  run();
  const fs::path config = source_ / "config.json";
  const auto time = fs::last_write_time(config);
  write_file(config, merged(read_file(config), R"({"label_names": ["a", "b", "c", "d", "e"]})"));
  fs::last_write_time(config, time);
  EXPECT_EQ(run(), "the source changed");
  EXPECT_THAT(read_file(folder() / "config.json"), HasSubstr("\"a\""));
}

TEST_F(IfChangedTest, AnotherWeightsFileThatIsPreferredIsAChange) {
  const fs::path pickled = source_ / "pytorch_model.bin";
  fs::rename(weights(), pickled);
  run();
  EXPECT_EQ(run(), "unchanged");
  fs::copy_file(pickled, weights());
  EXPECT_EQ(run(), "the source changed");
}

TEST_F(IfChangedTest, EveryShardCounts) {
  fs::remove_all(source_);
  small_checkpoint().write_sharded_folder(source_);
  run();
  EXPECT_EQ(run(), "unchanged");
  for (const std::string& name : names_in(source_)) {
    if (!name.ends_with(".safetensors")) continue;
    touch(source_ / name);
    EXPECT_EQ(run(), "the source changed") << name;
  }
  request_.checksum = true;
  EXPECT_EQ(run(), "unchanged");
}

TEST_F(IfChangedTest, FilesOfOptionsAreComparedByContent) {
  const fs::path labels = dir_ / "labels.txt";
  write_file(labels, "a\nb\nc\nd\ne\n");
  request_.id2label = File{labels};
  run();
  touch(labels);
  EXPECT_EQ(run(), "unchanged");
  const auto time = fs::last_write_time(labels);
  write_file(labels, "a\nb\nc\nd\nf\n");
  fs::last_write_time(labels, time);
  EXPECT_EQ(run(), "the options differ");
  fs::rename(labels, dir_ / "else.txt");
  EXPECT_THAT(refusal<NotFoundError>([&] { run(); }), HasSubstr("labels.txt"));
}

TEST_F(IfChangedTest, OptionsThatDecideOnTheFolderAreAChange) {
  run();
  const auto changed = [&](auto&& change) {
    ConversionRequest request = request_;
    change(request);
    const std::string outcome = run(request);
    EXPECT_EQ(run(request), "unchanged");
    return outcome;
  };
  EXPECT_EQ(changed([](auto& r) { r.dtype = DType::F16; }), "the options differ");
  EXPECT_EQ(changed([](auto& r) { r.license = "mit"; }), "the options differ");
  EXPECT_EQ(changed([](auto& r) { r.head = Head::kNone; }), "the options differ");
  EXPECT_EQ(changed([](auto& r) { r.verify_options.samples = 2; }), "the options differ");
}

TEST_F(IfChangedTest, OptionsOfTheWayAreNoChange) {
  run();
  request_.fsync = request_.force = true;
  request_.verify_options.threads = 2;
  request_.publish.emplace();
  EXPECT_EQ(run(), "unchanged");
}

TEST_F(IfChangedTest, ADamagedFolderIsReplaced) {
  run();
  fs::resize_file(folder() / "model.safetensors", 100);
  EXPECT_THAT(run(), HasSubstr("model.safetensors has 100 bytes, written were "));
  fs::remove(folder() / "config.json");
  EXPECT_THAT(run(), EndsWith("config.json is missing"));
  write_file(folder() / kRecordFile, "{\"schema\":");
  EXPECT_EQ(run(), "its record cannot be read");
  write_file(folder() / kRecordFile, R"({"schema": "weightlift-record/0", "files": {}})");
  EXPECT_EQ(run(), "its record cannot be read");
  fs::remove_all(folder());
  EXPECT_EQ(run(), "converted");
}

TEST_F(IfChangedTest, AFolderThatIsReplacedKeepsHavingARecord) {
  run();
  ConversionRequest again = request_;
  again.if_changed = false;
  again.force = true;
  EXPECT_TRUE(testing::run(again).written);
  EXPECT_EQ(run(), "unchanged");
}

TEST_F(IfChangedTest, AnEditedCardStays) {
  run();
  write_file(folder() / "README.md", "my words");
  EXPECT_EQ(run(), "unchanged");
  EXPECT_EQ(read_file(folder() / "README.md"), "my words");
}

TEST_F(IfChangedTest, AFolderWithoutARecordIsRefused) {
  request_.if_changed = false;
  testing::run(request_);
  request_.if_changed = true;
  EXPECT_THAT(refusal<ExistsError>([&] { run(); }),
              EndsWith("out/small: already exists, and has no record of its source; replace()"));
  request_.force = true;
  EXPECT_EQ(run(), "converted");
  request_.force = false;
  EXPECT_EQ(run(), "unchanged");
}

TEST_F(IfChangedTest, AFileThatIsNoRecordProtectsAFolderOfOthers) {
  write_file(folder() / "photo.jpg", "mine");
  write_file(folder() / kRecordFile, "{}");
  EXPECT_THAT(refusal<ExistsError>([&] { run(); }), HasSubstr("not a model folder"));
  EXPECT_EQ(read_file(folder() / "photo.jpg"), "mine");
}

TEST_F(IfChangedTest, WhatTheConversionDoesNotNeedMayBeUnreadable) {
  fs::create_directory(source_ / "preprocessor_config.json");
  EXPECT_EQ(run(), "converted");
  EXPECT_EQ(run(), "unchanged");
}

TEST_F(IfChangedTest, AShardThatIsReplacedMeanwhileIsAChange) {
  fs::remove_all(source_);
  small_checkpoint().write_sharded_folder(source_);
  small_checkpoint(LayerType::kBasic, 2).write_sharded_folder(dir_ / "other");
  testing::Listener listener;
  listener.at_step = [&](std::string_view name) {
    if (name != "verify") return;
    for (const std::string& shard : names_in(source_)) {
      if (shard.ends_with(".safetensors")) fs::rename(dir_ / "other" / shard, source_ / shard);
    }
  };
  EXPECT_TRUE(testing::convert(request_, listener).written);
  for (const bool checksum : {true, false}) {
    request_.checksum = checksum;
    request_.dry_run = true;
    EXPECT_EQ(run(), "not written") << checksum;
  }
}

TEST_F(IfChangedTest, AnotherNameOrCommitIsAChange) {
  testing::Listener listener;
  LocalSource source{source_.string(), "small", SourceOrigin{"me/m", "c1"}};
  EXPECT_TRUE(convert_local(request_, source, listener).written);
  EXPECT_TRUE(convert_local(request_, source, listener).unchanged);
  source.origin->commit = "c2";
  EXPECT_FALSE(convert_local(request_, source, listener).unchanged);
  fs::rename(folder(), dir_ / "out/moved");
  request_.name = "moved";
  EXPECT_FALSE(convert_local(request_, source, listener).unchanged);
}

TEST_F(IfChangedTest, ADryRunTellsAndWritesNothing) {
  run();
  request_.dry_run = true;
  EXPECT_EQ(run(), "unchanged");
  request_.dtype = DType::F16;
  EXPECT_EQ(run(), "not written");
  request_.dry_run = false;
  request_.dtype.reset();
  EXPECT_EQ(run(), "unchanged");
}

TEST_F(IfChangedTest, ABlobOfTheHubsCacheIsKnownByItsName) {
  const fs::path model = dir_ / "models--me--m";
  const fs::path snapshot = model / "snapshots/0123456789012345678901234567890123456789";
  fs::create_directories(model / "blobs");
  fs::create_directories(snapshot);
  for (const char* const name : {"config.json", "model.safetensors"}) {
    const fs::path blob = model / "blobs" / (std::string("of-") + name);
    fs::rename(source_ / name, blob);
    fs::create_symlink(blob, snapshot / name);
  }
  request_.source = snapshot.string();
  ConversionRequest request = request_;
  const auto convert = [&] {
    testing::Listener listener;
    return convert_local(request, {snapshot.string(), "small"}, listener).unchanged;
  };
  EXPECT_FALSE(convert());
  touch(model / "blobs/of-model.safetensors");  // downloaded again
  EXPECT_TRUE(convert());
  fs::rename(model / "blobs/of-model.safetensors", model / "blobs/other");
  fs::remove(snapshot / "model.safetensors");
  fs::create_symlink(model / "blobs/other", snapshot / "model.safetensors");
  EXPECT_FALSE(convert());
}

TEST_F(IfChangedTest, AFolderThatIsCalledBlobsIsNoCache) {
  const fs::path file = dir_ / "models--mine/blobs/best.safetensors";
  fs::create_directories(file.parent_path());
  fs::rename(weights(), file);
  request_.source = file.string();
  run();
  EXPECT_EQ(run(), "unchanged");
  touch(file);
  EXPECT_EQ(run(), "the source changed");
}

TEST_F(IfChangedTest, AFolderThatAnotherRunMadeMeanwhileIsTaken) {
  testing::Listener listener;
  bool made = false;
  listener.at_step = [&](std::string_view name) {
    if (name != "verify" || made) return;
    made = true;
    EXPECT_EQ(run(), "converted");
  };
  const Conversion result = testing::convert(request_, listener);
  EXPECT_TRUE(made);
  EXPECT_TRUE(result.unchanged);
  EXPECT_FALSE(result.written);
  EXPECT_THAT(names_in(dir_ / "out"), ::testing::ElementsAre("small"));
}

TEST_F(IfChangedTest, WhatChangesDuringTheConversionIsAChangeForTheNext) {
  testing::Listener listener;
  const fs::path config = source_ / "config.json";
  listener.at_step = [&](std::string_view name) {
    if (name == "verify")
      write_file(config,
                 merged(read_file(config), R"({"label_names": ["v", "w", "x", "y", "z"]})"));
  };
  EXPECT_TRUE(testing::convert(request_, listener).written);
  EXPECT_EQ(run(), "the source changed");
}

TEST_F(IfChangedTest, ASourceThatCannotBeUsedIsReportedAsAlways) {
  fs::remove(weights());
  ConversionRequest plain = request_;
  plain.if_changed = false;
  const std::string expected = refusal<Error>([&] { testing::run(plain); });
  EXPECT_EQ(refusal<Error>([&] { run(); }), expected);
}

}  // namespace
}  // namespace weightlift
