// TLS with the certificates of a private authority.

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/hub/certificates.h"
#include "tests/hub/client.h"
#include "tests/support/timm_checkpoint.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::HasSubstr;
using testing::HubServer;
using ::testing::IsEmpty;
using ::testing::Not;
using testing::Outcome;
using Json = nlohmann::json;

class TlsServerTest : public ::testing::Test {
 protected:
  TlsServerTest() {
    testing::write_certificates(dir_.path());
    testing::small_checkpoint().write_folder(dir_ / "net");
    testing::write_file(dir_ / "net/README.md", "---\nlicense: mit\n---\n");
  }
  std::string pem(const std::string& name) const { return dir_ / (name + ".pem"); }

  /// Runs the program with these variables, and no other that chooses certificates.
  Outcome run(const HubServer& server, const std::vector<std::string>& variables,
              const std::vector<std::string>& arguments) {
    std::vector<std::string> command = {"/usr/bin/env"};
    for (const char* name :
         {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}) {
      command.insert(command.end(), {"-u", name});
    }
    command.insert(command.end(), {"HF_ENDPOINT=" + server.url(),
                                   "HF_HOME=" + (dir_ / fmt::format("home{}", ++run_)).string(),
                                   std::string("HF_TOKEN=") + testing::kAliceWrite});
    command.insert(command.end(), variables.begin(), variables.end());
    command.emplace_back(WEIGHTLIFT_PROGRAM);
    command.insert(command.end(), arguments.begin(), arguments.end());
    return testing::run_program(command);
  }
  /// A pull, a conversion by name, and a push of new weights to a new repository.
  std::vector<std::vector<std::string>> commands() {
    const fs::path folder = dir_ / fmt::format("net{}", ++seed_);
    testing::small_checkpoint(LayerType::kBasic, seed_).write_folder(folder);
    testing::write_file(folder / "README.md", "---\nlicense: mit\n---\n");
    return {{"pull", "timm/net"},
            {"convert", "timm/net", "-o", dir_ / "out", "--force"},
            {"push", folder, fmt::format("alice/net{}", seed_)}};
  }
  /// Expects that each command fails with this text, and that the server gets no request.
  void expect_refused(HubServer& server, const std::vector<std::string>& variables,
                      const std::string& text) {
    server.clear_log();
    for (const auto& command : commands()) {
      const Outcome outcome = run(server, variables, command);
      EXPECT_EQ(outcome.exit_code, 5) << command[0];
      EXPECT_THAT(outcome.err, AllOf(HasSubstr(text), Not(HasSubstr(testing::kAliceWrite))));
    }
    EXPECT_THAT(server.requests(), IsEmpty());
  }
  testing::TempDir dir_;
  int run_ = 0;
  std::uint64_t seed_ = 1;
};

TEST_F(TlsServerTest, TrustsTheAuthorityOfTheEnvironment) {
  HubServer server(pem("server"));
  server.add_repo("timm/net", dir_ / "net");
  const std::string bundle = pem("ca");
  for (const std::string& variable :
       {"SSL_CERT_FILE=" + bundle, "REQUESTS_CA_BUNDLE=" + bundle, "CURL_CA_BUNDLE=" + bundle}) {
    for (const auto& command : commands()) {
      const Outcome outcome = run(server, {variable}, command);
      EXPECT_EQ(outcome.exit_code, 0) << variable << outcome.err;
    }
  }
  for (const Json& entry : server.log()) {
    EXPECT_THAT(entry["url"].get<std::string>(), ::testing::StartsWith("https://"));
  }
}

// httpx reads SSL_CERT_FILE, then SSL_CERT_DIR; requests REQUESTS_CA_BUNDLE, then CURL_CA_BUNDLE.
TEST_F(TlsServerTest, PrefersVariablesAsPythonDoes) {
  HubServer server(pem("server"));
  server.add_repo("timm/net", dir_ / "net");
  const std::vector<std::string> names = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
                                          "CURL_CA_BUNDLE"};
  fs::create_directory(dir_ / "none");
  for (std::size_t first = 0; first < names.size(); ++first) {
    std::vector<std::string> good, bad;
    for (std::size_t i = first; i < names.size(); ++i) {
      const bool folder = names[i] == "SSL_CERT_DIR";
      const std::string wrong = folder ? (dir_ / "none").string() : pem("other_ca");
      bad.push_back(names[i] + "=" + (i == first ? wrong : pem("ca")));
      good.push_back(names[i] + "=" + (i == first ? pem("ca") : wrong));
    }
    EXPECT_EQ(run(server, bad, {"pull", "timm/net"}).exit_code, 5) << bad[0];
    if (names[first] == "SSL_CERT_DIR") continue;  // it needs files with hashes as names
    EXPECT_EQ(run(server, good, {"pull", "timm/net"}).exit_code, 0) << good[0];
  }
}

TEST_F(TlsServerTest, RefusesAnUnknownAuthority) {
  HubServer server(pem("server"));
  const std::string advice = "set SSL_CERT_FILE to the certificates to trust";
  expect_refused(server, {}, advice);
  expect_refused(server, {"SSL_CERT_FILE=" + pem("other_ca")}, advice);
  expect_refused(server, {"SSL_CERT_FILE=" + pem("missing")}, advice);
}

TEST_F(TlsServerTest, RefusesAnotherHostName) {
  HubServer server(pem("other_name"));
  expect_refused(server, {"SSL_CERT_FILE=" + pem("ca")}, "subject name");
}

TEST_F(TlsServerTest, RefusesAnExpiredCertificate) {
  HubServer server(pem("expired"));
  expect_refused(server, {"SSL_CERT_FILE=" + pem("ca")}, "expired");
}

TEST_F(TlsServerTest, RefusesRedirectsFromHttpsToHttp) {
  HubServer server(pem("server"));
  server.add_repo("timm/net", dir_ / "net");
  for (const char* step : {"/revision/", "/tree/", "/resolve/", "/repos/create", "/preupload/",
                           "objects/batch", "/_lfs/object/", "/commit/"}) {
    for (const int code : {302, 307}) {
      server.clear_faults();
      server.clear_log();
      const Json fault = {{"path", step},
                          {"redirect", server.plain_url() + "/x?q=1"},
                          {"code", code},
                          {"times", -1}};
      server.set_faults(Json::array({fault}).dump());
      int refused = 0;
      for (const auto& command : commands()) {
        const Outcome outcome = run(server, {"SSL_CERT_FILE=" + pem("ca")}, command);
        EXPECT_THAT(outcome.exit_code, AnyOf(0, 5));
        if (outcome.exit_code == 0) continue;
        ++refused;
        EXPECT_THAT(outcome.err, HasSubstr("unsafe redirect from https to " + server.plain_url()));
      }
      EXPECT_GT(refused, 0) << step;
      for (const Json& entry : server.log()) {
        EXPECT_THAT(entry["url"].get<std::string>(), ::testing::StartsWith("https://"));
      }
    }
  }
}

TEST_F(TlsServerTest, RefusesUploadUrlsWithoutTls) {
  HubServer server(pem("server"));
  const std::string plain = server.plain_url() + "/_lfs/object/x";
  for (const bool whole : {true, false}) {
    // The stand-in answers for any object: the client asks for the oid of the weights.
    const Outcome dry = run(server, {"SSL_CERT_FILE=" + pem("ca")},
                            {"push", dir_ / "net", "alice/net", "--dry-run", "--json"});
    std::string oid;
    const Json plan = Json::parse(dry.out);
    for (const Json& file : plan["files"]) {
      if (file["path"] == "model.safetensors") oid = file["sha256"];
    }
    Json upload = {{"href", whole ? plain : server.url() + "/complete"}};
    if (!whole) upload["header"] = {{"chunk_size", "100000000"}, {"1", plain}};
    const Json object = {{"oid", oid}, {"actions", {{"upload", upload}}}};
    const Json body = {{"objects", Json::array({object})}};
    server.clear_faults();
    server.set_faults(
        Json::array({{{"path", "objects/batch"}, {"status", 200}, {"body", body.dump()}}}).dump());
    const Outcome outcome =
        run(server, {"SSL_CERT_FILE=" + pem("ca")}, {"push", dir_ / "net", "alice/net"});
    EXPECT_EQ(outcome.exit_code, 5);
    EXPECT_THAT(outcome.err, HasSubstr("href: expected an https URL, got " + server.plain_url()));
  }
}

}  // namespace
}  // namespace weightlift
