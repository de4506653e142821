// The token goes only to the endpoint's host.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/hub/client.h"
#include "tests/support/timm_checkpoint.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::HubClientTest;
using testing::kAliceWrite;
using ::testing::Not;
using testing::Outcome;
using testing::run_program;
using testing::tree_of;
using testing::write_file;
using Json = nlohmann::json;

class TokenServerTest : public HubClientTest {
 protected:
  TokenServerTest() {
    testing::small_checkpoint().write_folder(dir_ / "net");
    server_.add_repo("timm/net", dir_ / "net");
    server_.add_repo("bob/secret", dir_ / "net", {{"private", true}});
    server_.add_repo("timm/gated", dir_ / "net", {{"gated", "manual"}});
  }
  /// Runs the program, and expects no token in its output.
  Outcome run(const std::vector<std::string>& arguments, const std::string& token = kAliceWrite) {
    Outcome outcome = run_program(program(arguments, token));
    EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr(token)));
    return outcome;
  }
  /// Runs a pull into an empty cache, and a push to a new repository.
  void pull_and_push() {
    std::filesystem::remove_all(dir_ / "hub");
    run({"pull", "timm/net"});
    testing::small_checkpoint(LayerType::kBasic, ++seed_).write_folder(dir_ / "net");
    testing::write_file(dir_ / "net/README.md", "---\nlicense: mit\n---\n");
    run({"push", dir_ / "net", fmt::format("alice/net{}", seed_)});
  }
  /// The number of requests to another host since the last call. Expects no token in them.
  int expect_token_stayed() {
    const std::string hub = server_.url().substr(std::string("http://").size());
    int elsewhere = 0;
    for (Json entry : server_.log()) {
      const bool to_hub = entry["headers"]["host"] == hub;
      elsewhere += to_hub ? 0 : 1;
      if (to_hub) entry["headers"].erase("authorization");
      EXPECT_THAT(entry.dump(), Not(HasSubstr("hf_")));
    }
    server_.clear_log();
    return elsewhere;
  }
  void expect_no_token_in_files() {
    for (const auto& [name, bytes] : tree_of(dir_.path())) {
      EXPECT_THAT(bytes, Not(HasSubstr(kAliceWrite))) << name;
    }
  }
  std::uint64_t seed_ = 1;
};

TEST_F(TokenServerTest, IsNotSentToTheHostOfTheWeights) {
  server_.set_mode(R"({"lfs_download": "cdn", "lfs_upload": "cdn"})");
  pull_and_push();
  EXPECT_EQ(expect_token_stayed(), 2);
  server_.set_mode(R"({"multipart_over": 1000, "chunk_size": 200000})");
  pull_and_push();
  EXPECT_GT(expect_token_stayed(), 4);
  expect_no_token_in_files();
}

TEST_F(TokenServerTest, IsNotSentAcrossARedirectOfAnyRequest) {
  for (const char* step :
       {"/api/models/.*/revision/", "/tree/", "/resolve/", "/api/repos/create", "/validate-yaml",
        "/preupload/", "objects/batch", "/_lfs/object/", "/_lfs/verify", "/commit/"}) {
    for (const int code : {302, 307}) {
      const Json rule = {{"path", step}, {"redirect", "cdn"}, {"code", code}, {"times", -1}};
      server_.clear_faults();
      server_.set_faults(Json::array({rule}).dump());
      pull_and_push();
      EXPECT_GT(expect_token_stayed(), 0) << step;
    }
  }
  expect_no_token_in_files();
}

TEST_F(TokenServerTest, IsNotSentToAnotherNameOfTheSameHost) {
  const std::string port = server_.url().substr(server_.url().rfind(':'));
  for (const std::string& place : {"http://localhost" + port, server_.cdn_url()}) {
    server_.clear_faults();
    server_.set_faults(
        Json::array(
            {{{"path", "^/timm/net/resolve/"}, {"redirect", place + "/elsewhere"}, {"times", -1}}})
            .dump());
    EXPECT_EQ(run({"pull", "timm/net"}).exit_code, 5);
    EXPECT_GT(expect_token_stayed(), 0);
  }
}

TEST_F(TokenServerTest, IsInNoErrorMessage) {
  for (const char* what : {"timm/none", "bob/secret", "timm/gated", "timm/net@v9"}) {
    EXPECT_EQ(run({"pull", what}).exit_code, 5) << what;
    EXPECT_EQ(run({"pull", what}, "hf_this_is_not_good").exit_code, 5) << what;
    EXPECT_EQ(run({"push", dir_ / "net", "bob/other"}, "hf_this_is_not_good").exit_code, 5);
  }
  EXPECT_EQ(run({"push", dir_ / "net", "bob/other"}).exit_code, 5);
  expect_no_token_in_files();
}

TEST_F(TokenServerTest, IsHiddenIfTheServerRepeatsIt) {
  const std::string body = fmt::format(R"({{"error": "Bearer {} is no good"}})", kAliceWrite);
  const Json headers = {{"X-Error-Message", std::string("no: ") + kAliceWrite},
                        {"X-Request-Id", kAliceWrite}};
  for (const char* step : {"/revision/", "/tree/", "/resolve/", "/repos/create", "/commit/"}) {
    for (const bool in_header : {false, true}) {
      Json rule = {{"path", step}, {"status", 400}, {"body", body}, {"times", -1}};
      if (in_header) rule["headers"] = headers;
      server_.clear_faults();
      server_.set_faults(Json::array({rule}).dump());
      pull_and_push();
    }
  }
  expect_no_token_in_files();
}

TEST_F(TokenServerTest, IsHiddenInInvalidRepliesOfSuccess) {
  const std::string token = kAliceWrite;
  for (const std::string& body : {"you sent " + token, "[\"" + token + "\"]",
                                  R"({"sha": ")" + token + R"(", "size": ")" + token + "\"}"}) {
    for (const char* step : {"/revision/", "/tree/", "/preupload/", "/commit/"}) {
      server_.clear_faults();
      const Json rule = {{"path", step}, {"status", 200}, {"body", body}, {"times", -1}};
      server_.set_faults(Json::array({rule}).dump());
      pull_and_push();
    }
  }
  expect_no_token_in_files();
}

TEST_F(TokenServerTest, IsHiddenInPartsAndInOtherForms) {
  // A token with no part that occurs elsewhere. The stand-in does not know it: faults answer.
  const std::string token = "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";
  const std::string encoded = "hf_%57q%54zLmNvKcJdRbGxPySfAuEoIhDkQwZtXj";
  const std::string net = dir_ / "net";
  write_file(dir_ / "net/README.md", "---\nlicense: mit\n---\n");
  const std::vector<std::pair<const char*, std::vector<std::string>>> steps = {
      {"/whoami", {"push", net, "x", "--json"}},
      {"/whoami", {"push", net, "x", "--dry-run"}},
      {"/revision/", {"pull", "alice/x"}},
      {"/validate-yaml", {"push", net, "alice/x"}}};
  for (const std::string& form : {token, token.substr(9), encoded}) {
    const Json words = {{"errors", {{{"message", "bad " + form}}}},
                        {"warnings", {{{"message", form}}}},
                        {"name", form},
                        {"sha", form}};
    for (const std::string& body :
         {words.dump(), "tok=" + form + " and more text than a message shows",
          "[\"" + std::string(35, '.') + form + "\"]"}) {
      for (const auto& [step, command] : steps) {
        server_.clear_faults();
        const Json fault = {{"path", step}, {"status", 200}, {"body", body}, {"times", -1}};
        const Json made = {{"path", "/repos/create"}, {"status", 200}, {"times", -1}};
        server_.set_faults(Json::array({fault, made}).dump());
        const Outcome outcome = run(command, token);
        EXPECT_NE(outcome.exit_code, 0);
        const std::string text = outcome.out + outcome.err;
        for (std::size_t at = 0; at + 8 <= token.size(); ++at) {
          EXPECT_THAT(text, Not(HasSubstr(token.substr(at, 8)))) << body;
        }
        EXPECT_THAT(text, Not(HasSubstr(encoded.substr(0, 12))));
      }
    }
  }
}

TEST_F(TokenServerTest, IsReadFromTheTokenFile) {
  testing::write_file(dir_ / "home/token", std::string(kAliceWrite) + "\n");
  server_.add_repo("alice/own", dir_ / "net", {{"private", true}});
  EXPECT_EQ(run_program(program({"pull", "alice/own"}, "")).exit_code, 0);
  std::filesystem::remove_all(dir_ / "hub");
  server_.clear_log();
  server_.set_mode(R"({"lfs_download": "cdn"})");
  const Outcome outcome = run_program(program({"pull", "alice/own"}, ""));
  EXPECT_THAT(outcome.out + outcome.err, Not(HasSubstr(kAliceWrite)));
  EXPECT_EQ(expect_token_stayed(), 1);
}

}  // namespace
}  // namespace weightlift
