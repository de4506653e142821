#include "weightlift/hub/lfs.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::refusal;
using testing::TempDir;
using testing::write_file;

constexpr const char* kEndpoint = "http://hub.test";
constexpr const char* kUrl = "http://hub.test/alice/net.git/info/lfs/objects/batch";

/// A file of 5 bytes as an object "a1".
struct OneObject {
  std::vector<LfsAnswer> parse(std::string body) const {
    HttpResponse response;
    response.status = 200;
    response.url = kUrl;
    response.body = std::move(body);
    return parse_lfs_batch_reply(response, objects, kEndpoint);
  }
  /// The answer for an object with these additional members.
  LfsAnswer answer(std::string_view members) const {
    return parse(fmt::format(R"({{"objects":[{{"oid":"a1","size":5{}}}]}})", members)).front();
  }
  std::string refused(std::string_view members) const {
    return refusal<HubError>([&] { answer(members); });
  }
  std::string refused_parts(std::string_view header) const {
    return refused(fmt::format(
        R"(,"actions":{{"upload":{{"href":"http://s.test/complete","header":{{{}}}}}}})", header));
  }

  std::filesystem::path write() const {
    write_file(dir / "model.safetensors", "12345");
    return dir / "model.safetensors";
  }

  TempDir dir;
  std::filesystem::path path = write();
  LocalFile file{path};
  std::vector<LfsObject> objects = {{"a1", &file}};
};

TEST(LfsBatchTest, OffersBothTransfers) {
  const OneObject one;
  EXPECT_EQ(make_lfs_batch_request(one.objects, "main"),
            R"({"operation":"upload","transfers":["basic","multipart"],)"
            R"("objects":[{"oid":"a1","size":5}],"hash_algo":"sha256","ref":{"name":"main"}})");
  EXPECT_EQ(make_lfs_batch_request(one.objects, ""),
            R"({"operation":"upload","transfers":["basic","multipart"],)"
            R"("objects":[{"oid":"a1","size":5}],"hash_algo":"sha256"})");
}

TEST(LfsBatchTest, TreatsObjectsWithoutActionsAsPresent) {
  const OneObject one;
  EXPECT_TRUE(one.answer("").present);
  EXPECT_TRUE(one.answer(R"(,"actions":null)").present);
  EXPECT_TRUE(one.answer(R"(,"actions":{})").present);
}

TEST(LfsBatchTest, ReadsTheBasicForm) {
  const OneObject one;
  const LfsAnswer answer =
      one.answer(R"(,"actions":{"upload":{"href":"https://s.test/put?sig=%2Bx"},)"
                 R"("verify":{"href":"/verify?a=b"}})");
  EXPECT_FALSE(answer.present);
  EXPECT_EQ(answer.upload_url, "https://s.test/put?sig=%2Bx");
  EXPECT_EQ(answer.verify_url, "http://hub.test/verify?a=b");
  EXPECT_EQ(answer.chunk_bytes, 0U);
}

TEST(LfsBatchTest, ReadsThePartsInTheOrderOfTheirNumbers) {
  const OneObject one;
  for (const char* chunk : {R"("2")", "2"}) {
    const LfsAnswer answer = one.answer(fmt::format(
        R"(,"actions":{{"upload":{{"href":"http://s.test/complete","header":{{"chunk_size":{},)"
        R"("10":"http://s.test/10","2":"http://s.test/2","00001":"http://s.test/1",)"
        R"("upload_id":"x"}}}}}})",
        chunk));
    EXPECT_EQ(answer.chunk_bytes, 2U);
    EXPECT_THAT(answer.part_urls,
                ElementsAre("http://s.test/1", "http://s.test/2", "http://s.test/10"));
  }
}

TEST(LfsBatchTest, RefusesPartsThatDoNotFitTheFile) {
  const OneObject one;
  EXPECT_THAT(
      one.refused_parts(R"("chunk_size":"2","1":"http://s.test/1")"),
      HasSubstr("parts: expected 3 URLs (at most 10000) for 5 bytes in chunks of 2, got 1"));
  EXPECT_THAT(one.refused_parts(R"("chunk_size":"5","1":"http://s/1","2":"http://s/2")"),
              HasSubstr("parts: expected 1 URLs"));
  EXPECT_THAT(one.refused_parts(R"("chunk_size":"5","1":7)"), HasSubstr("parts: expected URLs"));
  for (const char* wrong :
       {"0", "\"0\"", "-2", "2.5", "\"x\"", "\"\"", "[]", "true", "\"99999999999999999999\""}) {
    EXPECT_THAT(one.refused_parts(fmt::format(R"("chunk_size":{})", wrong)),
                HasSubstr("chunk_size: expected a number of bytes, got"))
        << wrong;
  }
}

TEST(LfsBatchTest, ReplacesThePublicHubByTheEndpoint) {
  const OneObject one;
  const LfsAnswer answer =
      one.answer(R"(,"actions":{"upload":{"href":"https://huggingface.co/up?x=1"},)"
                 R"("verify":{"href":"https://huggingface.co.evil.test/v"}})");
  EXPECT_EQ(answer.upload_url, "http://hub.test/up?x=1");
  EXPECT_EQ(answer.verify_url, "https://huggingface.co.evil.test/v");
}

TEST(LfsBatchTest, ReportsWhyTheServerRefusedAnObject) {
  const OneObject one;
  EXPECT_EQ(one.refused(R"(,"error":{"code":413,"message":"too\nlarge"})"),
            fmt::format("{}: the server refused {}: \"too\\nlarge\" (code 413)", kUrl,
                        one.path.string()));
  EXPECT_THAT(one.refused(R"(,"error":{})"), HasSubstr("it gave no reason"));
}

TEST(LfsBatchTest, RefusesInvalidReplies) {
  const OneObject one;
  const auto text = [&](std::string body) {
    return refusal<HubError>([&] { one.parse(std::move(body)); });
  };
  EXPECT_THAT(text("<html></html>"), HasSubstr("expected JSON, got an HTML page"));
  EXPECT_THAT(text("{}"), HasSubstr("objects: expected a list, got {}"));
  EXPECT_THAT(text(R"({"objects":[]})"), HasSubstr("objects: answer for a1 is missing"));
  EXPECT_THAT(text(R"({"objects":[{"oid":1}]})"), HasSubstr("oid: expected a string, got 1"));
  EXPECT_THAT(one.refused(R"(,"actions":{"upload":{}})"), HasSubstr("'href' is missing"));
  EXPECT_NE(one.refused(R"(,"actions":{"upload":{"href":"file:///etc/passwd"}})"), "accepted");
}

}  // namespace
}  // namespace weightlift
