#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/folder.h"
#include "tests/support/hub_server.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "weightlift/base/digest.h"
#include "weightlift/base/message.h"
#include "weightlift/hub/hub_client.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::files_of;
using ::testing::HasSubstr;
using testing::HubServer;
using ::testing::IsEmpty;
using testing::names_in;
using ::testing::Not;
using testing::read_file;
using testing::refusal;
using ::testing::SizeIs;
using testing::TempDir;
using testing::told;
using testing::write_file;

/// Keeps the notes.
class KeptNotes : public ProgressSink {
 public:
  void note(const Note& note) override { notes.push_back(note); }
  Notes notes;
};

class DownloadTest : public ::testing::Test {
 protected:
  DownloadTest() {
    write_file(dir_ / "m/config.json", "{}");
    write_file(dir_ / "m/model.safetensors", std::string(200'000, 'w'));
    write_file(dir_ / "m/sub/a b#\xc3\xa9.txt", "text");
    write_file(dir_ / "m/empty.txt", "");
    commit_ = hub_.add_repo("alice/m", dir_ / "m");
    hub_.clear_log();
    settings_.endpoint = hub_.url();
    settings_.cache = dir_ / "hub";
    settings_.first_wait = std::chrono::milliseconds(1);
  }
  Snapshot pull(const std::string& what = "alice/m", const HubClient::Wanted& wanted = {}) {
    HttpClient http(settings_);
    return HubClient(http, notes_).snapshot_download(RepoRevision::parse(what), wanted);
  }
  std::string pull_to(const fs::path& folder) {
    HttpClient http(settings_);
    return HubClient(http, notes_).download_to_folder(RepoRevision::parse("alice/m"), folder);
  }
  std::string refused(const std::string& what = "alice/m") {
    return refusal<HubError>([&] { pull(what); });
  }
  void expect_whole(const fs::path& folder) const {
    EXPECT_EQ(read_file(folder / "config.json"), "{}");
    EXPECT_TRUE(read_file(folder / "model.safetensors") == std::string(200'000, 'w'));
    EXPECT_EQ(read_file(folder / "sub/a b#\xc3\xa9.txt"), "text");
    EXPECT_EQ(read_file(folder / "empty.txt"), "");
  }
  fs::path repo() const { return dir_ / "hub/models--alice--m"; }

  const std::string weights_ = std::string(200'000, 'w');
  TempDir dir_;
  HubServer hub_;
  HubSettings settings_;
  KeptNotes notes_;
  std::string commit_;
};

TEST_F(DownloadTest, PutsARepositoryIntoTheCache) {
  const Snapshot snapshot = pull();
  EXPECT_EQ(snapshot.commit, commit_);
  EXPECT_EQ(snapshot.folder, repo() / "snapshots" / commit_);
  expect_whole(snapshot.folder);
  EXPECT_EQ(read_file(repo() / "refs/main"), commit_);
  EXPECT_THAT(read_file(repo() / "trees" / (commit_ + ".json")),
              HasSubstr("\"format_version\": 1"));
  // No request for an empty file.
  EXPECT_THAT(hub_.requests("/resolve/"), SizeIs(4));  // with .gitattributes
  EXPECT_THAT(hub_.requests("empty.txt"), IsEmpty());
  EXPECT_THAT(names_in(repo() / "blobs"), Not(Contains(HasSubstr("incomplete"))));
}

TEST_F(DownloadTest, RequestsNothingThatTheCacheHas) {
  pull();
  hub_.clear_log();
  pull();
  EXPECT_THAT(hub_.requests(), ElementsAre(HasSubstr("/revision/main")));
  hub_.clear_log();
  pull("alice/m@" + commit_);
  EXPECT_THAT(hub_.requests(), IsEmpty());
}

TEST_F(DownloadTest, SharesBlobsBetweenCommits) {
  pull();
  write_file(dir_ / "m/config.json", R"({"new": 1})");
  const std::string next = hub_.add_repo("alice/m", dir_ / "m");
  hub_.clear_log();
  const Snapshot snapshot = pull();
  EXPECT_EQ(snapshot.commit, next);
  EXPECT_EQ(read_file(snapshot.folder / "config.json"), R"({"new": 1})");
  EXPECT_THAT(hub_.requests("/resolve/"), ElementsAre(HasSubstr("config.json")));
}

TEST_F(DownloadTest, FetchesOnlyTheWantedFiles) {
  const auto config = [](const RepoFile& file) { return file.path == "config.json"; };
  const Snapshot snapshot = pull("alice/m", config);
  EXPECT_THAT(names_in(snapshot.folder), ElementsAre("config.json"));
  settings_.offline = true;
  pull("alice/m", config);
  EXPECT_THAT(refused(), HasSubstr("offline"));
}

TEST_F(DownloadTest, ReadsTheCacheWhenOffline) {
  pull();
  hub_.clear_log();
  settings_.offline = true;
  expect_whole(pull().folder);
  expect_whole(pull("alice/m@" + commit_).folder);
  EXPECT_THAT(hub_.requests(), IsEmpty());
  EXPECT_THAT(told(notes_.notes), IsEmpty());
  EXPECT_THAT(
      refused("alice/other"),
      AllOf(::testing::StartsWith("alice/other@main: "),
            HasSubstr("models--alice--other is not in the cache, and weightlift is offline"),
            HasSubstr("advice(unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE")));
  fs::remove(repo() / "snapshots" / commit_ / "config.json");
  EXPECT_THAT(refused(), HasSubstr("config.json"));
}

TEST_F(DownloadTest, ReadsTheCacheWhenTheHubFails) {
  pull();
  for (const char* fault : {R"({"status": 503})", R"({"status": 429})", R"({"close_after": 0})"}) {
    std::string rule(fault);
    rule.insert(1, R"("path": ".", "times": -1, )");
    hub_.set_faults("[" + rule + "]");
    notes_.notes.clear();
    expect_whole(pull().folder);
    EXPECT_THAT(told(notes_.notes), ElementsAre(HasSubstr("cache-used reason='" + hub_.url())))
        << fault;
    EXPECT_THAT(refused("alice/other"), HasSubstr("models--alice--other is not in the cache"))
        << fault;
    hub_.clear_faults();
  }
}

TEST_F(DownloadTest, KeepsStatusAndRequestIdWhenTheCacheLacksTheFile) {
  hub_.set_faults(R"([{"path": ".", "times": -1, "status": 503}])");
  try {
    pull();
    FAIL() << "accepted";
  } catch (const HubUnreachable& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kNetwork);
    EXPECT_EQ(error.status(), 503);
    EXPECT_THAT(error.request_id(), Not(IsEmpty()));
    EXPECT_THAT(error.where(), HasSubstr("/revision/main"));
    EXPECT_THAT(error.message(), HasSubstr("models--alice--m is not in the cache"));
  }
}

TEST_F(DownloadTest, KeepsTheOldCommitWhenAnUpdateFails) {
  pull();
  write_file(dir_ / "m/config.json", R"({"new": 1})");
  hub_.add_repo("alice/m", dir_ / "m");
  hub_.set_faults(R"([{"path": "resolve", "times": -1, "status": 503}])");
  expect_whole(pull().folder);
  EXPECT_EQ(read_file(repo() / "refs/main"), commit_);
}

TEST_F(DownloadTest, DoesNotHideARefusalWithTheCache) {
  pull();
  hub_.set_faults(R"([{"path": "revision", "times": -1, "status": 403,
                       "headers": {"X-Error-Code": "GatedRepo"}}])");
  EXPECT_THAT(refused(), HasSubstr("status 403 GatedRepo"));
}

TEST_F(DownloadTest, ReadsAReadOnlyCache) {
  pull();
  if (::geteuid() == 0) fs::remove_all(repo() / "trees");  // root may write everywhere
  fs::permissions(repo(), fs::perms::owner_read | fs::perms::owner_exec);
  expect_whole(pull().folder);
  fs::permissions(repo(), fs::perms::owner_all);
}

TEST_F(DownloadTest, AcceptsRealFilesInASnapshot) {
  const Snapshot snapshot = pull();
  for (const char* name : {"config.json", "model.safetensors"}) {
    const std::string bytes = read_file(snapshot.folder / name);
    fs::remove(snapshot.folder / name);
    write_file(snapshot.folder / name, bytes);
  }
  fs::remove_all(repo() / "blobs");
  fs::create_directory(repo() / "blobs");
  hub_.clear_log();
  expect_whole(pull().folder);
  EXPECT_THAT(hub_.requests("model.safetensors"), IsEmpty());
}

TEST_F(DownloadTest, ResumesTheDownloadOfAnotherProgram) {
  const std::string sha = sha256(std::as_bytes(std::span(weights_)));
  write_file(repo() / "blobs" / (sha + ".incomplete"), std::string(150'000, 'w'));
  expect_whole(pull().folder);
  const auto log = hub_.log();
  EXPECT_THAT(log, Contains(::testing::Truly([](const auto& entry) {
                return entry["headers"].value("range", "") == "bytes=150000-";
              })));
}

TEST_F(DownloadTest, ReplacesADamagedIncompleteFile) {
  const std::string sha = sha256(std::as_bytes(std::span(weights_)));
  write_file(repo() / "blobs" / (sha + ".incomplete"), std::string(150'000, 'X'));
  expect_whole(pull().folder);
}

TEST_F(DownloadTest, SuggestsTheNearestRevisions) {
  hub_.add_repo("alice/m", dir_ / "m", {{"tags", {"v1.0", "v2.0"}}});
  EXPECT_THAT(refused("alice/m@v1.1"),
              AllOf(HasSubstr("RevisionNotFound"), HasSubstr("; did-you-mean(v1.0")));
}

TEST_F(DownloadTest, SuggestsOnlyPrintableRevisionsWithoutTheToken) {
  settings_.token = "hf_WqTzLmNvKc";
  hub_.set_faults(R"([{"path": "/revision/", "status": 404, "times": -1,
                       "headers": {"X-Error-Code": "RevisionNotFound"}},
                      {"path": "/refs", "status": 200, "times": -1, "body":
     "{\"branches\": [{\"name\": \"v1.0\\u001b\"}, {\"name\": \"hf_WqTzLmNvKc\"}]}"}])");
  EXPECT_THAT(refused("alice/m@v1.0"), HasSubstr("did-you-mean(v1.0\\x1b"));
  EXPECT_THAT(refused("alice/m@hf_WqTzLmNvKd"), Not(HasSubstr("WqTzLmNv")));
}

TEST_F(DownloadTest, RefusesPagesOnAnotherHost) {
  hub_.set_faults(R"([{"path": "/tree/", "headers": {"Link": "<)" + hub_.cdn_url() +
                  R"(/x>; rel=\"next\""}}])");
  EXPECT_THAT(refused(), HasSubstr("Link: expected a page of the same host"));
}

// Listings that never end

TEST_F(DownloadTest, EndsAnEndlessListing) {
  hub_.set_mode(R"({"endless_pages": 1000})");
  EXPECT_THAT(refused(),
              HasSubstr("the list of files does not end: expected at most 200000 entries"));
  hub_.set_mode(R"({"endless_pages": 1000, "long_paths": true})");
  EXPECT_THAT(refused(),
              HasSubstr("the list of files does not end: expected at most 100663296 bytes"));
  hub_.set_mode(R"({"endless_pages": 2000})");
  EXPECT_THAT(refused(), HasSubstr("reply: expected at most 4194304 bytes, got more"));
  hub_.set_mode(R"({"endless_pages": 1, "long_paths": false})");
  EXPECT_THAT(refused(), HasSubstr("expected at most 1000 pages"));
  settings_.listing_time = std::chrono::seconds(1);
  hub_.set_faults(R"([{"path": "/tree/", "delay": 0.6, "times": -1}])");
  EXPECT_THAT(refused(), HasSubstr("unfinished after 1 s"));
  hub_.clear_faults();
  hub_.set_mode(R"({"endless_pages": 0})");
  hub_.set_faults(
      R"([{"path": "/tree/", "headers": {"Link": "</api/models/alice/m/tree/main>; rel=\"next\""},
                       "times": -1}])");
  EXPECT_THAT(refused(), HasSubstr("a page follows itself"));
}

// Damage in the cache

TEST_F(DownloadTest, FetchesADamagedCachedFileAgain) {
  const Snapshot snapshot = pull();
  for (const char* name : {"config.json", "model.safetensors", "sub/a b#\xc3\xa9.txt"}) {
    const fs::path file = fs::canonical(snapshot.folder / name);
    std::string bytes = read_file(file);
    bytes.front() ^= 1;
    for (const std::string& damaged : {bytes, bytes.substr(1)}) {
      write_file(file, damaged);
      notes_.notes.clear();
      expect_whole(pull().folder);
      EXPECT_THAT(told(notes_.notes), ElementsAre(HasSubstr("cache-repaired files='")));
    }
  }
}

TEST_F(DownloadTest, FetchesADamagedListAgain) {
  pull();
  const fs::path tree = repo() / "trees" / (commit_ + ".json");
  std::string text = read_file(tree);
  const std::string sha = sha256(std::as_bytes(std::span(weights_)));
  text[text.find(sha)] = sha.front() == '0' ? '1' : '0';
  write_file(tree, text);
  expect_whole(pull().folder);
  EXPECT_THAT(read_file(tree), HasSubstr(sha));
}

TEST_F(DownloadTest, ReportsADamagedCachedFileWhenOffline) {
  const Snapshot snapshot = pull();
  write_file(fs::canonical(snapshot.folder / "config.json"), "[]");
  settings_.offline = true;
  const auto refused_now = [&] { return refusal<CacheDamaged>([&] { pull(); }); };
  EXPECT_THAT(refused_now(),
              AllOf(HasSubstr("config.json: the cached copy is damaged: its git SHA-1 is not "),
                    HasSubstr("advice(connect to the Hub and run again to download it again")));
  fs::remove(repo() / "trees" / (commit_ + ".json"));  // the link also names the digest
  EXPECT_THAT(refused_now(), HasSubstr("the cached copy is damaged"));
  const auto weights = [](const RepoFile& file) { return file.path == "model.safetensors"; };
  pull("alice/m", weights);  // other files are not used
  settings_.offline = false;
  hub_.set_faults(R"([{"path": ".", "times": -1, "status": 503}])");
  EXPECT_THAT(refused_now(), HasSubstr("the cached copy is damaged"));
}

// Downloads into a folder

TEST_F(DownloadTest, KeepsItsOwnMetadataInAFolder) {
  write_file(dir_ / "m/.cache/huggingface/.gitignore", "theirs");
  write_file(dir_ / "m/.cache/huggingface/download/config.json.metadata", "theirs");
  write_file(dir_ / "m/.cache/other", "theirs");
  hub_.add_repo("alice/m", dir_ / "m");
  pull_to(dir_ / "out");
  expect_whole(dir_ / "out");
  EXPECT_EQ(read_file(dir_ / "out/.cache/huggingface/.gitignore"), "*");
  EXPECT_EQ(read_file(dir_ / "out/.cache/other"), "theirs");
  EXPECT_THAT(read_file(dir_ / "out/.cache/huggingface/download/config.json.metadata"),
              Not(HasSubstr("theirs")));
  EXPECT_THAT(told(notes_.notes), ElementsAre(HasSubstr("metadata-skipped count='2'")));
}

TEST_F(DownloadTest, DownloadsFilesWithTheLongestNames) {
  for (const std::size_t size : {240U, 246U, 247U, 250U, 255U}) {
    write_file(dir_ / "m/sub" / std::string(size, 'n'), "long");
  }
  hub_.add_repo("alice/m", dir_ / "m");
  pull_to(dir_ / "out");
  const Snapshot snapshot = pull();
  for (const std::size_t size : {240U, 246U, 247U, 250U, 255U}) {
    EXPECT_EQ(read_file(dir_ / "out/sub" / std::string(size, 'n')), "long") << size;
    EXPECT_EQ(read_file(snapshot.folder / "sub" / std::string(size, 'n')), "long") << size;
  }
}

TEST_F(DownloadTest, PutsRealFilesIntoAFolder) {
  EXPECT_EQ(pull_to(dir_ / "out"), commit_);
  expect_whole(dir_ / "out");
  EXPECT_FALSE(fs::is_symlink(dir_ / "out/config.json"));
  EXPECT_FALSE(fs::exists(dir_ / "hub"));
  EXPECT_EQ(read_file(dir_ / "out/.cache/huggingface/.gitignore"), "*");
  EXPECT_THAT(read_file(dir_ / "out/.cache/huggingface/download/sub/a b#\xc3\xa9.txt.metadata"),
              ::testing::StartsWith(commit_ + "\n"));
  hub_.clear_log();
  pull_to(dir_ / "out");
  EXPECT_THAT(hub_.requests("/resolve/"), IsEmpty());
}

TEST_F(DownloadTest, CopiesCachedFilesIntoAFolder) {
  pull();
  hub_.clear_log();
  write_file(dir_ / "out/config.json", "[]");
  pull_to(dir_ / "out");
  expect_whole(dir_ / "out");
  EXPECT_THAT(hub_.requests("/resolve/"), IsEmpty());
  settings_.offline = true;
  pull_to(dir_ / "second");
  expect_whole(dir_ / "second");
}

TEST_F(DownloadTest, ReplacesOnlyWrongFilesInAFolder) {
  pull_to(dir_ / "out");
  write_file(dir_ / "out/config.json", "[]");
  hub_.clear_log();
  pull_to(dir_ / "out");
  expect_whole(dir_ / "out");
  EXPECT_THAT(hub_.requests("/resolve/"), ElementsAre(HasSubstr("config.json")));
}

}  // namespace
}  // namespace weightlift
