#include "weightlift/jobs.h"

#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/folder.h"
#include "tests/support/hub_server.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "tests/support/timm_checkpoint.h"
#include "weightlift/predict.h"

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
using testing::small_checkpoint;
using ::testing::StartsWith;
using testing::TempDir;
using testing::write_file;

const fs::path kDigits = fs::path(WEIGHTLIFT_SOURCE_DIR) / "examples/digits";

/// A Hub where timm/resnet18.a1_in1k is a small network, and settings for it.
class JobsTest : public ::testing::Test {
 protected:
  JobsTest() {
    small_checkpoint().write_folder(dir_ / "source");
    server_.add_repo("timm/resnet18.a1_in1k", dir_ / "source");
    hub_.endpoint = server_.url();
    hub_.cache = dir_ / "cache";
    hub_.token = "hf_alice_write";
    hub_.first_wait = std::chrono::milliseconds(1);
  }

  ConversionRequest request_for(const std::string& source) const {
    ConversionRequest request{.source = source, .output = dir_ / "out"};
    request.verify_options.threads = 1;
    return request;
  }
  ConversionResult run(const ConversionRequest& request) const {
    return convert(request, no_progress(), &hub_);
  }

  TempDir dir_;
  HubServer server_;
  HubSettings hub_;
};

TEST_F(JobsTest, ConvertsANameAPathAndARepository) {
  const ConversionResult named = run(request_for("resnet18"));
  EXPECT_TRUE(is_verified(named));
  EXPECT_EQ(named.folder, dir_ / "out/resnet-18");
  EXPECT_EQ(named.repository, "timm/resnet18.a1_in1k");
  EXPECT_THAT(read_file(named.folder / "README.md"), HasSubstr("timm/resnet18.a1_in1k"));
  ConversionRequest again = request_for("timm/resnet18.a1_in1k@main");
  again.name = "again";
  EXPECT_EQ(run(again).repository, named.repository + "@main");
}

TEST_F(JobsTest, GivesTheSameFolderForANameAndItsFiles) {
  ConversionRequest local = request_for((dir_ / "source").string());
  const auto named = files_of(run(request_for("resnet18")).folder);
  const auto files = files_of(run(local).folder);
  for (const char* file : {"config.json", "model.safetensors", "preprocessor_config.json"}) {
    EXPECT_EQ(named.at(file), files.at(file)) << file;
  }
}

TEST_F(JobsTest, PublishesAVerifiedFolder) {
  ConversionRequest request = request_for("resnet18");
  request.publish = {.repo_id = "resnet-18", .private_repo = true};
  const ConversionResult result = run(request);
  ASSERT_TRUE(result.published);
  EXPECT_EQ(result.published->repo_id, "alice/resnet-18");
  EXPECT_EQ(result.repo_id, "alice/resnet-18");
  EXPECT_EQ(server_.file("alice/resnet-18", "model.safetensors"),
            read_file(result.folder / "model.safetensors"));
}

TEST_F(JobsTest, KeepsTheFolderWherePublishingFails) {
  ConversionRequest request = request_for("resnet18");
  request.publish = {.repo_id = "alice/new"};
  server_.set_faults(R"([{"path": "/api/models/alice/new/commit", "status": 403}])");
  EXPECT_THAT(refusal<HubError>([&] { run(request); }), HasSubstr("403"));
  EXPECT_THAT(names_in(dir_ / "out"), ElementsAre("resnet-18"));
}

TEST_F(JobsTest, ADryRunOfANameDownloadsNothing) {
  ConversionRequest request = request_for("resnet18");
  request.dry_run = true;
  request.publish = PublishOptions();
  const ConversionResult result = run(request);
  EXPECT_THAT(result.fetch, Contains("model.safetensors"));
  EXPECT_GT(result.fetch_bytes, 1000U);
  EXPECT_EQ(result.folder, dir_ / "out/resnet-18");
  EXPECT_EQ(result.repo_id, "resnet-18");
  EXPECT_THAT(names_in(dir_ / "out"), IsEmpty());
  EXPECT_THAT(names_in(dir_ / "cache/models--timm--resnet18.a1_in1k/blobs"), IsEmpty());
}

TEST_F(JobsTest, FetchesLabelsAndImageProcessors) {
  write_file(dir_ / "files/labels.txt", "a\nb\nc\nd\ne\n");
  write_file(
      dir_ / "files/preprocessor_config.json",
      R"({"image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 99}})");
  server_.add_repo("acme/files", dir_ / "files");
  ConversionRequest request = request_for((dir_ / "source").string());
  request.id2label = Repository{"hf://acme/files/labels.txt"};
  request.image_processor = Repository{"acme/files"};
  const ConversionResult result = run(request);
  EXPECT_EQ(result.config.label(4), "e");
  EXPECT_EQ(result.labels_from, "from labels.txt of acme/files, chosen by the user");
  EXPECT_THAT(read_file(result.folder / "preprocessor_config.json"), HasSubstr("99"));
}

TEST_F(JobsTest, RefusesMissingFilesBeforeADownload) {
  ConversionRequest request = request_for("resnet18");
  request.id2label = File{dir_ / "absent.txt"};
  EXPECT_THAT(refusal<NotFoundError>([&] { run(request); }), HasSubstr("absent.txt"));
  request.id2label = Repository{"acme/files"};  // no address of a file
  EXPECT_NE(refusal<UsageError>([&] { run(request); }), "accepted");
  EXPECT_THAT(server_.requests("resolve"), IsEmpty());
}

TEST_F(JobsTest, RefusesAVerificationThatComparesNothing) {
  ConversionRequest request = request_for((dir_ / "source").string());
  request.dtype = DType::F16;
  const auto refused = [&](const VerifyOptions& options) {
    request.verify_options = options;
    const std::string text = refusal<UsageError>([&] { run(request); });
    EXPECT_EQ(refusal<UsageError>([&] {
                verify({request.source, request.source, {}, options}, no_progress(), &hub_);
              }),
              text);
    return text;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const std::int64_t samples : {0, -1}) {
    EXPECT_THAT(refused({.samples = samples}), StartsWith("samples: "));
  }
  EXPECT_THAT(refused({.rtol = nan}), StartsWith("rtol: "));
  EXPECT_THAT(refused({.atol = -1e300}), StartsWith("atol: "));
  EXPECT_THAT(refused({.threads = 1 << 30}), StartsWith("threads: "));
  EXPECT_THAT(refused({.threads = -1}), StartsWith("threads: "));
  EXPECT_THAT(names_in(dir_ / "out"), IsEmpty());
}

TEST_F(JobsTest, RefusesContradictionsBeforeARequest) {
  ConversionRequest request = request_for("resnet18");
  request.verify = false;
  request.publish = PublishOptions();
  EXPECT_THAT(refusal<UsageError>([&] { run(request); }), StartsWith("verify: "));
  request.publish.reset();
  request.images = {kDigits / "images/three.png"};
  EXPECT_THAT(refusal<UsageError>([&] { run(request); }), StartsWith("images: "));
  request = request_for("resnet18");
  request.hints.as = "resnet18";
  EXPECT_THAT(refusal<UsageError>([&] { run(request); }), StartsWith("as: "));
  request = request_for("resnet18");
  request.dtype = DType::I64;
  EXPECT_THAT(refusal<UsageError>([&] { run(request); }), StartsWith("dtype: "));
  request = request_for("resnet18");
  request.output = std::string("a\0b", 3);
  EXPECT_THAT(refusal<IoError>([&] { run(request); }), HasSubstr("NUL"));
  request = request_for("resnet18");
  request.dry_run = true;
  request.publish = {.revision = "../x"};
  EXPECT_NE(refusal<UsageError>([&] { run(request); }), "accepted");
  EXPECT_THAT(server_.requests(), IsEmpty());
}

TEST_F(JobsTest, RefusesSettingsThatTheEnvironmentCouldNotHave) {
  const auto refused = [&](const auto& change) {
    HubSettings settings = hub_;
    change(settings);
    return refusal<UsageError>([&] { pull("alice/net", {}, no_progress(), &settings); });
  };
  using std::chrono::seconds;
  EXPECT_THAT(refused([](HubSettings& s) { s.token = "hf_secret\r\nX-Evil: 1"; }),
              AllOf(StartsWith("token: "), Not(HasSubstr("secret"))));
  EXPECT_THAT(refused([](HubSettings& s) { s.user_agent = "a\r\nX-Evil: 1"; }),
              StartsWith("user_agent: "));
  EXPECT_THAT(refused([](HubSettings& s) { s.endpoint = "no URL"; }), StartsWith("endpoint: "));
  EXPECT_THAT(refused([](HubSettings& s) { s.etag_timeout = seconds(-1); }),
              StartsWith("etag_timeout: "));
  EXPECT_THAT(refused([](HubSettings& s) { s.reply_time = seconds::max(); }),
              StartsWith("reply_time: "));
  EXPECT_THAT(refused([](HubSettings& s) { s.first_wait = std::chrono::milliseconds::min(); }),
              StartsWith("first_wait: "));
  EXPECT_THAT(server_.requests(), IsEmpty());
}

/// Throws a HubError at the `n`th call, counted from 0.
class Thrower : public ProgressSink {
 public:
  explicit Thrower(int n) : left_(n) {}
  void step(std::string_view /*name*/, std::uint64_t /*bytes_total*/) override { count(); }
  void advance(std::uint64_t /*bytes_done*/) override { count(); }
  void note(const Note& /*note*/) override { count(); }
  void check() override { count(); }
  bool threw() const { return left_ < 0; }

 private:
  void count() {
    if (left_-- == 0) throw HubError("mine", "the caller stops");
  }
  int left_;
};

TEST_F(JobsTest, AnExceptionOfTheSinkLeavesUnchanged) {
  const ConversionResult result = run(request_for("resnet18"));
  const PushRequest request{.folder = result.folder, .options = {.repo_id = "alice/net"}};
  int pushes = 0;
  for (int n = 0;; ++n) {
    Thrower thrower(n);
    const std::string text = refusal<HubError>([&] { push(request, thrower, &hub_); });
    if (!thrower.threw()) break;
    EXPECT_EQ(text, "mine: the caller stops") << n;
    ++pushes;
  }
  EXPECT_GT(pushes, 10);
  for (int n = 0; n < 40; ++n) {
    ConversionRequest again = request_for("resnet18");
    again.name = "again";
    Thrower thrower(n);
    const std::string text = refusal<HubError>([&] { convert(again, thrower, &hub_); });
    if (!thrower.threw()) break;
    EXPECT_EQ(text, "mine: the caller stops") << n;
    EXPECT_THAT(names_in(dir_ / "out"), ElementsAre("resnet-18")) << n;
  }
}

TEST_F(JobsTest, CompareByName) {
  const ConversionResult result = run(request_for("resnet18"));
  const FolderVerification same =
      verify({.source = "resnet18", .folder = result.folder.string()}, no_progress(), &hub_);
  EXPECT_TRUE(same.network.verified());
  const DiffResult found =
      diff({.a = "resnet18", .b = result.folder.string()}, no_progress(), &hub_);
  EXPECT_GT(found.diff.tensors, 80U);
  EXPECT_THAT(found.diff.differences, IsEmpty());
  const Inspection seen = inspect({.source = "resnet18"}, no_progress(), &hub_);
  ASSERT_TRUE(seen.network);
  EXPECT_EQ(seen.network->architecture, "resnet18");
  EXPECT_EQ(seen.tensors.size(), found.diff.tensors);
}

TEST_F(JobsTest, PushesAndPullsAFolder) {
  const ConversionResult result = run(request_for("resnet18"));
  const PushRequest request{.folder = result.folder, .options = {.repo_id = "alice/net"}};
  PushRequest plan = request;
  plan.dry_run = true;
  const PushResult planned = push(plan, no_progress(), &hub_);
  EXPECT_TRUE(planned.creates_repository);
  EXPECT_FALSE(planned.published);
  EXPECT_EQ(planned.files.size(), result.files.size());
  ASSERT_TRUE(push(request, no_progress(), &hub_).published);
  const PullResult pulled = pull("alice/net", dir_ / "pulled", no_progress(), &hub_);
  EXPECT_EQ(read_file(pulled.folder / "model.safetensors"),
            read_file(result.folder / "model.safetensors"));
  EXPECT_EQ(fetch_model("alice/net", no_progress(), &hub_).parent_path().filename(), "snapshots");
  EXPECT_THAT(refusal<NotFoundError>([&] { fetch_model("resnet18", no_progress(), &hub_); }),
              HasSubstr("convert-first(resnet18)"));
}

TEST_F(JobsTest, AnEmptyCacheIsThatOfTheEnvironment) {
  ::setenv("HF_HUB_CACHE", (dir_ / "hub").c_str(), 1);
  hub_.cache.clear();
  EXPECT_TRUE(run(request_for("resnet18")).written);
  EXPECT_THAT(names_in(dir_ / "hub"), Contains("models--timm--resnet18.a1_in1k"));
  ::unsetenv("HF_HUB_CACHE");
}

TEST(ForwardTest, GivesTheLogitsOfClassify) {
  const TempDir dir;
  const ConversionResult result =
      convert({.source = kDigits, .output = dir.path(), .verify = false});
  const Classifier classifier = Classifier::open(result.folder);
  const fs::path image = kDigits / "images/three.png";
  const Image decoded = load_image(image, classifier.color_mode()).image;
  const Tensor pixels = classifier.preprocess(decoded);
  const Tensor logits = classifier.forward(pixels);
  ASSERT_EQ(logits.shape(), (Shape{1, 10}));
  const ImageInput input{image};
  classifier.classify({&input, 1}, {}, [&](std::size_t, const Classified& result_of_image) {
    EXPECT_EQ(classifier.scores(logits.data<float>()), result_of_image.scores);
  });
  for (const Shape& shape : {Shape{}, Shape{3}, Shape{1, 4, 32, 32}}) {
    const Tensor wrong =
        Tensor::of<float>(shape, std::vector<float>(static_cast<std::size_t>(numel(shape))));
    EXPECT_NE(refusal<Error>([&] { classifier.forward(wrong); }), "accepted") << to_string(shape);
  }
  EXPECT_EQ(classifier.forward(Tensor::of<float>({0, 3, 32, 32}, {})).shape(), (Shape{0, 10}));
  const std::vector<float> few(3);
  EXPECT_NE(refusal<UsageError>([&] { classifier.best(few, 1); }), "accepted");
  EXPECT_NE(refusal<UsageError>([&] { classifier.scores(few); }), "accepted");
  EXPECT_NE(refusal<UsageError>([&] { classifier.classify({&input, 1}, {}, {}); }), "accepted");
  EXPECT_NE(refusal<MismatchError>([&] { classifier.forward(to_dtype(pixels, DType::F16)); }),
            "accepted");
}

TEST(ForkTest, AChildVerifiesOnOneThread) {
  const TempDir dir;
  const ConversionRequest request{.source = kDigits, .output = dir.path(), .force = true};
  ASSERT_TRUE(is_verified(convert(request)));  // starts OpenMP's threads
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(60);  // a child that waits for threads of its parent would wait forever
    ConversionRequest alone = request;
    alone.verify_options.threads = 1;
    ::_exit(is_verified(convert(alone)) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

}  // namespace
}  // namespace weightlift
