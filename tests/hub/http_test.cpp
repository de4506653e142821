#include "weightlift/hub/http.h"

#include <gmock/gmock.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "tests/hub/environment.h"
#include "tests/support/hub_server.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"
#include "weightlift/hub/reply.h"
#include "weightlift/hub/url.h"

namespace weightlift {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::HubServer;
using testing::kAliceRead;
using ::testing::Not;
using testing::refusal;
using ::testing::SizeIs;
using testing::TempDir;
using testing::write_file;

/// Keeps the last body, and counts the bodies.
class Kept : public HttpSink {
 public:
  void begin(const HttpResponse& head) override {
    ++begun;
    status = head.status;
    bytes.clear();
  }
  void write(std::span<const std::byte> piece) override {
    bytes.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
  int begun = 0;
  int status = 0;
  std::string bytes;
};

class HttpTest : public ::testing::Test {
 protected:
  HttpTest() {
    write_file(dir_ / "m/config.json", R"({"a": 1})");
    write_file(dir_ / "m/model.safetensors", std::string(300'000, 'w'));
    commit_ = hub_.add_repo("alice/m", dir_ / "m");
    hub_.clear_log();
  }
  HubSettings settings() const {
    HubSettings settings;
    settings.endpoint = hub_.url();
    settings.token = kAliceRead;
    settings.user_agent = "weightlift/test";
    settings.first_wait = std::chrono::milliseconds(2);
    return settings;
  }
  HttpRequest get(const std::string& path) const {
    HttpRequest request;
    request.url = hub_.url() + path;
    return request;
  }
  HttpResponse send(const HttpRequest& request) const {
    HttpClient http(settings());
    return http.send(request);
  }
  std::string refused(const HttpRequest& request) const {
    return refusal<HubError>([&] { send(request); });
  }
  static std::string error_of(const HttpRequest& request, const HttpResponse& response) {
    return refusal<HubError>([&] { throw_hub_error(request, response); });
  }

  static constexpr const char* kConfig = "/alice/m/resolve/main/config.json";
  TempDir dir_;
  HubServer hub_;
  std::string commit_;
};

TEST_F(HttpTest, GetsAReply) {
  const HttpResponse response = send(get(kConfig));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, R"({"a": 1})");
  EXPECT_EQ(response.header("x-repo-COMMIT"), commit_);
  EXPECT_EQ(response.header("X-None"), "");
  EXPECT_TRUE(response.token_was_sent);
  const auto log = hub_.log();
  ASSERT_THAT(log, SizeIs(1));
  EXPECT_EQ(log[0]["headers"]["user-agent"], "weightlift/test");
  EXPECT_EQ(log[0]["headers"]["authorization"], std::string("Bearer ") + kAliceRead);
}

TEST_F(HttpTest, SendsManyRequestsWithOneClient) {
  HttpClient http(settings());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(http.send(get(kConfig)).status, 200);
  EXPECT_THAT(hub_.log(), SizeIs(3));
}

TEST_F(HttpTest, SendsABodyAndItsType) {
  HttpRequest request = get("/api/models/alice/m/paths-info/main");
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = R"({"paths": ["config.json"]})";
  EXPECT_THAT(send(request).body, HasSubstr("config.json"));
  const auto entry = hub_.log().at(0);
  EXPECT_EQ(entry["method"], "POST");
  EXPECT_EQ(entry["headers"]["content-type"], "application/json");
  EXPECT_FALSE(entry["headers"].contains("expect"));
  EXPECT_EQ(entry["body"], request.body);
}

TEST_F(HttpTest, ReadsNoBodyOfAHead) {
  HttpRequest request = get(kConfig);
  request.method = "HEAD";
  const HttpResponse response = send(request);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "");
  EXPECT_EQ(response.header("X-Linked-Size"), "8");
  EXPECT_EQ(hub_.log().at(0)["headers"]["accept-encoding"], "identity");
}

TEST_F(HttpTest, DecompressesGzip) {
  hub_.set_faults(R"([{"path": "config", "gzip": true, "times": -1}])");
  EXPECT_EQ(send(get(kConfig)).body, R"({"a": 1})");
  Kept sink;
  HttpRequest request = get(kConfig);
  request.sink = &sink;
  send(request);
  EXPECT_EQ(sink.bytes, R"({"a": 1})");
  EXPECT_EQ(hub_.log().at(1)["headers"]["accept-encoding"], "identity");
}

TEST_F(HttpTest, PassesSuccessfulBodiesToTheSink) {
  Kept sink;
  HttpRequest request = get("/alice/m/resolve/main/model.safetensors");
  request.sink = &sink;
  EXPECT_EQ(send(request).body, "");
  EXPECT_EQ(sink.bytes, std::string(300'000, 'w'));
  EXPECT_EQ(sink.begun, 1);
  request.url = hub_.url() + "/alice/m/resolve/main/none";
  EXPECT_THAT(send(request).body, HasSubstr("Entry not found"));
  EXPECT_EQ(sink.begun, 1);
}

// Redirects

TEST_F(HttpTest, FollowsRedirectsWithTheirQuery) {
  hub_.set_mode(R"({"regular_download": "relative307"})");
  const HttpResponse response = send(get(kConfig));
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.url, HasSubstr("/api/resolve-cache/models/alice/m/"));
  // Only the first reply has this header, not the storage's.
  EXPECT_EQ(response.header("X-Linked-Etag").size(), 42);
}

TEST_F(HttpTest, SendsNoTokenToAnotherHostOfARedirect) {
  hub_.set_mode(R"({"lfs_download": "cdn"})");
  Kept sink;
  HttpRequest request = get("/alice/m/resolve/main/model.safetensors");
  request.sink = &sink;
  const HttpResponse response = send(request);
  EXPECT_FALSE(response.token_was_sent);
  EXPECT_THAT(sink.bytes, SizeIs(300'000));
  const auto log = hub_.log();
  ASSERT_THAT(log, SizeIs(2));
  EXPECT_TRUE(log[0]["headers"].contains("authorization"));
  EXPECT_EQ(log[1]["origin"], "cdn");
  EXPECT_FALSE(log[1]["headers"].contains("authorization"));
}

TEST_F(HttpTest, SendsNoTokenAfterARedirectBackFromAnotherHost) {
  hub_.set_faults(R"([{"path": "first", "redirect": ")" + hub_.cdn_url() + R"(/second"},
                      {"path": "second", "redirect": ")" +
                  hub_.url() + R"(/alice/m/resolve/main/config.json"}])");
  const HttpResponse response = send(get("/first"));
  EXPECT_EQ(response.status, 200);
  EXPECT_FALSE(response.token_was_sent);
  EXPECT_FALSE(hub_.log().at(2)["headers"].contains("authorization"));
}

TEST_F(HttpTest, SendsSecretHeadersOnlyToTheirHost) {
  hub_.set_faults(R"([{"path": "config", "redirect": "cdn"}])");
  HttpRequest request = get(kConfig);
  request.authorize = false;
  request.headers = {{"authorization", "Basic c2VjcmV0"}, {"X-Kept", "yes"}};
  send(request);
  const auto log = hub_.log();
  EXPECT_EQ(log.at(0)["headers"]["authorization"], "Basic c2VjcmV0");
  EXPECT_FALSE(log.at(1)["headers"].contains("authorization"));
  EXPECT_EQ(log.at(1)["headers"]["x-kept"], "yes");
}

TEST_F(HttpTest, SendsNoTokenToAnotherHost) {
  HttpRequest request;
  request.url = hub_.cdn_url() + "/x";
  send(request);
  EXPECT_FALSE(hub_.log().at(0)["headers"].contains("authorization"));
}

TEST_F(HttpTest, ReturnsARedirectToAnotherHostOnRequest) {
  hub_.set_mode(R"({"lfs_download": "cdn"})");
  HttpRequest request = get("/alice/m/resolve/main/model.safetensors");
  request.method = "HEAD";
  request.follow_elsewhere = false;
  const HttpResponse response = send(request);
  EXPECT_EQ(response.status, 302);
  EXPECT_EQ(response.header("X-Linked-Size"), "300000");
  EXPECT_THAT(hub_.log(), SizeIs(1));
}

TEST_F(HttpTest, KeepsMethodAndBodyAcross307) {
  for (const char* code : {"307", "308"}) {
    hub_.clear_log();
    hub_.set_faults(std::string(R"([{"path": "paths-info", "redirect": "relative", "code": )") +
                    code + "}]");
    HttpRequest request = get("/api/models/alice/m/paths-info/main");
    request.method = "POST";
    request.headers = {{"Content-Type", "application/json"}};
    request.body = R"({"paths": ["config.json"]})";
    EXPECT_THAT(send(request).body, HasSubstr("config.json"));
    const auto log = hub_.log();
    ASSERT_THAT(log, SizeIs(2));
    EXPECT_EQ(log[1]["method"], "POST");
  }
}

TEST_F(HttpTest, RepeatsAnUploadAcross307) {
  hub_.set_faults(R"([{"path": "paths-info", "redirect": "relative", "code": 307}])");
  const std::string body = R"({"paths": ["config.json"]})";
  HttpUpload upload;
  upload.size_bytes = body.size();
  upload.read = [&](std::uint64_t offset, std::span<std::byte> into) {
    std::memcpy(into.data(), body.data() + offset, into.size());
  };
  HttpRequest request = get("/api/models/alice/m/paths-info/main");
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}};
  request.upload = &upload;
  EXPECT_THAT(send(request).body, HasSubstr("config.json"));
  EXPECT_EQ(hub_.log().at(1)["method"], "POST");
}

TEST_F(HttpTest, EndsARedirectLoop) {
  hub_.set_faults(R"([{"path": "loop", "redirect": ")" + hub_.url() + R"(/loop", "times": -1}])");
  EXPECT_THAT(refused(get("/loop")),
              HasSubstr("/loop: GET: expected at most 20 redirects, got more"));
  EXPECT_THAT(hub_.log(), SizeIs(21));
}

TEST_F(HttpTest, RefusesRedirectsOutOfHttp) {
  hub_.set_faults(R"([{"path": "x", "redirect": "file:///etc/passwd"}])");
  EXPECT_THAT(refused(get("/x")), HasSubstr("file:///etc/passwd: not an http or https URL"));
}

// Every version of libcurl must send these unchanged. Escapes in lower case do not count: newer
// versions write their digits in upper case, which means the same.
TEST_F(HttpTest, SendsUrlsAsBrowsersDo) {
  const std::string given = "/a b/./c/..\\d|[e]^\xc3\xa9'%2F%zz?q='a b'&r={[|]}^\xc3\xa9\\#f";
  const std::string sent = "/a%20b/d|[e]^%C3%A9'%2F%zz?q=%27a%20b%27&r={[|]}^%C3%A9\\";
  send(get(given));
  EXPECT_EQ(hub_.log().at(0)["path"], sent);
}

TEST_F(HttpTest, FollowsALocationWithBlanks) {
  write_file(dir_ / "m/a b.txt", "found");
  hub_.add_repo("alice/m", dir_ / "m");
  hub_.set_faults(R"([{"path": "first", "redirect": " /alice/m/resolve/main/x/../a b.txt"}])");
  EXPECT_EQ(send(get("/first")).body, "found");
}

TEST_F(HttpTest, SendsTheCredentialsOfAUrlOnlyToItsHost) {
  hub_.set_faults(R"([{"path": "config", "redirect": "same"}])");
  HttpRequest request = get(kConfig);
  request.authorize = false;
  request.url.insert(std::string("http://").size(), "u@x:p w@");
  EXPECT_EQ(send(request).status, 200);
  const auto log = hub_.log();
  EXPECT_EQ(log.at(0)["headers"]["authorization"], "Basic dUB4OnAgdw==");  // u@x:p w
  EXPECT_FALSE(log.at(1)["headers"].contains("authorization"));
}

// Transient errors

TEST_F(HttpTest, RetriesTransientErrors) {
  for (const int status : {408, 429, 500, 502, 503, 504}) {
    hub_.clear_log();
    hub_.set_faults(R"([{"path": "config", "times": 2, "status": )" + std::to_string(status) +
                    "}]");
    EXPECT_EQ(send(get(kConfig)).status, 200) << status;
    EXPECT_THAT(hub_.log(), SizeIs(3)) << status;
  }
}

TEST_F(HttpTest, ReturnsErrorsThatStay) {
  hub_.set_faults(R"([{"path": "config", "times": -1, "status": 503}])");
  EXPECT_EQ(send(get(kConfig)).status, 503);
  EXPECT_THAT(hub_.log(), SizeIs(HttpClient::kMaxTries));
  HttpRequest once = get(kConfig);
  once.retry = false;
  hub_.clear_log();
  EXPECT_EQ(send(once).status, 503);
  EXPECT_THAT(hub_.log(), SizeIs(1));
}

TEST_F(HttpTest, RetriesNothingElse) {
  for (const int status : {400, 401, 403, 404, 409, 410, 412, 413, 416, 501}) {
    hub_.clear_log();
    hub_.set_faults(R"([{"path": "config", "status": )" + std::to_string(status) + "}]");
    EXPECT_EQ(send(get(kConfig)).status, status);
    EXPECT_THAT(hub_.log(), SizeIs(1)) << status;
  }
}

TEST_F(HttpTest, WaitsAsTheServerAsks) {
  const auto begin = std::chrono::steady_clock::now();
  hub_.set_faults(R"([{"path": "config", "status": 429, "headers": {"Retry-After": "0"}},
      {"path": "config", "status": 429, "headers": {"RateLimit": "\"api\";r=0;t=0", "Retry-After": "50"}},
      {"path": "config", "status": 429, "headers": {"RateLimit": "\"api\";r=7;t=50"}},
      {"path": "config", "status": 429, "headers": {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}}])");
  EXPECT_EQ(send(get(kConfig)).status, 200);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, std::chrono::milliseconds(2000));
  EXPECT_LT(took, std::chrono::seconds(20));
}

TEST_F(HttpTest, RetriesLostConnections) {
  hub_.set_faults(R"([{"path": "config", "close_after": 0, "times": 2},
                      {"path": "config", "close_after": 3}])");
  EXPECT_EQ(send(get(kConfig)).body, R"({"a": 1})");
  EXPECT_THAT(hub_.log(), SizeIs(4));
}

TEST_F(HttpTest, DoesNotRetryAfterTheSinkGotBytes) {
  hub_.set_faults(R"([{"path": "model", "close_after": 1000}])");
  Kept sink;
  HttpRequest request = get("/alice/m/resolve/main/model.safetensors");
  request.sink = &sink;
  try {
    send(request);
    FAIL() << "accepted";
  } catch (const HubUnreachable& error) {
    EXPECT_TRUE(error.sink_has_bytes);
    EXPECT_TRUE(error.may_pass);
    EXPECT_THAT(error.what(), HasSubstr("model.safetensors: no complete reply to GET: "));
  }
  EXPECT_THAT(sink.bytes, SizeIs(1000));
  EXPECT_THAT(hub_.log(), SizeIs(1));
}

TEST_F(HttpTest, ReportsAnUnreachableServer) {
  HttpRequest request;
  request.url = "http://127.0.0.1:1/api?secret=1";
  const std::string text = refusal<HubUnreachable>([&] { send(request); });
  EXPECT_THAT(text, HasSubstr("http://127.0.0.1:1/api: no complete reply to GET: "));
  EXPECT_THAT(text, HasSubstr("; advice(check the network and HF_ENDPOINT)"));
  EXPECT_THAT(text, Not(HasSubstr("secret")));
}

TEST_F(HttpTest, DoesNotRetryAnUnknownHost) {
  HubSettings patient = settings();
  patient.first_wait = std::chrono::hours(1);
  HttpClient http(patient);
  HttpRequest request;
  request.url = "http://no-such-host.invalid/";
  EXPECT_THAT(refusal<HubUnreachable>([&] { http.send(request); }),
              HasSubstr("check the network and HF_ENDPOINT"));
}

TEST_F(HttpTest, EndsASilentConnection) {
  hub_.set_faults(R"([{"path": "config", "delay": 30}])");
  HttpRequest request = get(kConfig);
  request.timeout = std::chrono::seconds(1);
  request.retry = false;
  EXPECT_THAT(refused(request), HasSubstr("no data for 1 s"));
}

TEST_F(HttpTest, StopsWhenInterrupted) {
  hub_.set_faults(R"([{"path": "config", "delay": 30}])");
  std::atomic<bool> stop = false;
  HttpClient http(settings(), [&] {
    if (stop) throw Interrupted(2);
  });
  std::thread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    stop = true;
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(refusal<Interrupted>([&] { http.send(get(kConfig)); }), "interrupted");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  later.join();
}

TEST_F(HttpTest, SendsNothingWhenOffline) {
  HubSettings offline = settings();
  offline.offline = true;
  HttpClient http(offline);
  EXPECT_THAT(refusal<HubUnreachable>([&] { http.send(get(kConfig)); }),
              HasSubstr("HF_HUB_OFFLINE"));
  EXPECT_THAT(hub_.log(), SizeIs(0));
}

TEST_F(HttpTest, RefusesEndlessReplies) {
  write_file(dir_ / "m/huge.json", std::string(kMaxReplyBytes + 1, 'x'));
  hub_.add_repo("alice/m", dir_ / "m");
  EXPECT_THAT(refused(get("/alice/m/resolve/main/huge.json")),
              HasSubstr("GET: reply: expected at most 16777216 bytes, got more"));
}

TEST_F(HttpTest, UsesTheProxiesOfTheEnvironment) {
  const testing::Environment proxy({{"HTTP_PROXY", hub_.url()},
                                    {"http_proxy", {}},
                                    {"NO_PROXY", "127.0.0.1:9"},
                                    {"no_proxy", {}},
                                    {"REQUEST_METHOD", {}}});
  HttpRequest request;
  request.url = "http://hub.invalid/alice/m/resolve/main/config.json";
  request.authorize = false;
  EXPECT_EQ(send(request).status, 200);
  EXPECT_TRUE(hub_.log().at(0)["proxied"]);
  const testing::Environment none({{"NO_PROXY", "hub.invalid"}, {"no_proxy", {}}});
  request.retry = false;
  EXPECT_THAT(refused(request), HasSubstr("resolve"));
}

// Errors

TEST_F(HttpTest, ReportsRequestStatusAndAdvice) {
  const HttpRequest request = get("/alice/m/resolve/main/none?sig=secret");
  const HttpResponse response = send(request);
  EXPECT_THAT(error_of(request, response),
              HasSubstr("/alice/m/resolve/main/none: file not found: the server answered GET with "
                        "status 404 EntryNotFound: \"Entry not found\" (request id "));
  EXPECT_THAT(error_of(request, response),
              HasSubstr("; advice(check the file name and the revision)"));
  EXPECT_THAT(error_of(request, response), Not(HasSubstr("secret")));
}

TEST_F(HttpTest, HidesATokenThatTheServerRepeats) {
  hub_.set_faults(std::string(R"([{"path": "config", "status": 400, "body": "{\"error\": \"bad )") +
                  kAliceRead + R"(\"}", "headers": {"X-Error-Message": "bad )" + kAliceRead +
                  R"("}}])");
  const HttpRequest request = get(kConfig);
  const std::string text = error_of(request, send(request));
  EXPECT_THAT(text, HasSubstr("bad ***"));
  EXPECT_THAT(text, Not(HasSubstr(kAliceRead)));
}

HttpResponse reply(int status, std::vector<HttpHeader> headers, std::string body = "",
                   bool token = false) {
  HttpResponse response;
  response.status = status;
  response.url = "http://h/x";
  response.headers = std::move(headers);
  response.body = std::move(body);
  response.token_was_sent = token;
  return response;
}

std::string told(const HttpResponse& response, const char* method = "GET") {
  HttpRequest request;
  request.method = method;
  request.url = "http://h/x";
  return refusal<HubError>([&] { throw_hub_error(request, response); });
}

TEST(HubErrorTest, FindsTheServersWords) {
  EXPECT_EQ(told(reply(418, {{"X-Error-Message", "short"}, {"X-Request-Id", "r1"}},
                       R"({"error": "long"})")),
            "http://h/x: the server answered GET with status 418: \"short\" (request id r1)");
  EXPECT_THAT(told(reply(418, {}, R"({"error": "long"})")), HasSubstr(": \"long\""));
  EXPECT_THAT(told(reply(418, {}, R"({"error": ["a", "b"]})")), HasSubstr(": \"a; b\""));
  EXPECT_THAT(told(reply(418, {}, R"({"errors": [{"message": "m"}]})")), HasSubstr(": \"m\""));
  EXPECT_THAT(told(reply(418, {{"Content-Type", "text/plain"}}, "plain\nwords\n")),
              HasSubstr(": \"plain\\x0awords\""));
  EXPECT_THAT(told(reply(418, {{"Content-Type", "text/html"}}, "<html>no</html>")),
              Not(HasSubstr("html")));
  EXPECT_THAT(told(reply(418, {{"X-Amzn-Trace-Id", "t1"}})), HasSubstr("(request id t1)"));
  EXPECT_LT(told(reply(418, {{"Content-Type", "text/plain"}}, std::string(9999, 'x'))).size(), 400);
}

TEST(HubErrorTest, NamesTheFaultAndGivesAdvice) {
  const auto ends_with = [](const std::string& advice) {
    return ::testing::EndsWith("; advice(" + advice + ")");
  };
  const std::vector<HttpHeader> missing = {{"X-Error-Code", "RepoNotFound"}};
  const std::string no_token =
      "check the repository's name, or set HF_TOKEN if the repository is private";
  EXPECT_EQ(
      told(reply(404, missing)),
      "http://h/x: repository not found or not accessible: the server answered GET with status "
      "404 RepoNotFound; advice(" +
          no_token + ")");
  EXPECT_THAT(told(reply(404, missing, "", true)),
              ends_with("check the repository's name and the rights of the token"));
  EXPECT_THAT(told(reply(401, {})), ends_with(no_token));
  EXPECT_THAT(told(reply(401, {}, "", true)), HasSubstr("x: invalid token: the server answered"));
  EXPECT_THAT(told(reply(401, {}), "POST"), ends_with("set HF_TOKEN"));
  EXPECT_THAT(told(reply(403, {{"X-Error-Code", "GatedRepo"}}, "", true)),
              ends_with("ask for access on the repository's page"));
  EXPECT_THAT(told(reply(403, {}, "", true), "POST"), ends_with("check the rights of the token"));
  EXPECT_THAT(told(reply(404, {{"X-Error-Code", "RevisionNotFound"}})),
              HasSubstr("x: revision not found: the server answered"));
  EXPECT_THAT(told(reply(404, {})), ends_with("check the name, the revision and HF_ENDPOINT"));
  EXPECT_THAT(told(reply(429, {})), ends_with("wait, or set HF_TOKEN"));
  EXPECT_THAT(told(reply(503, {})), ends_with("try again later"));
}

/// Catches the HubError that `body` throws.
template <class Body>
HubError caught(Body&& body) {
  try {
    body();
  } catch (const HubError& error) {
    return error;
  }
  ADD_FAILURE() << "accepted";
  return {"", ""};
}

HubError error_of(int status, const char* code) {
  std::vector<HttpHeader> headers = {{"X-Request-Id", "r1"}};
  if (*code != 0) headers.push_back({"X-Error-Code", code});
  HttpRequest request;
  request.url = "http://h/x";
  return caught([&] { throw_hub_error(request, reply(status, headers)); });
}

TEST(HubErrorTest, HasKindStatusAndRequestId) {
  struct Case {
    int status;
    const char* code;
    ErrorKind kind;
  };
  for (const Case& one : {Case{401, "", ErrorKind::kAuth}, Case{403, "", ErrorKind::kAuth},
                          Case{404, "RepoNotFound", ErrorKind::kNotFound},
                          Case{404, "EntryNotFound", ErrorKind::kNotFound},
                          Case{429, "", ErrorKind::kNetwork}, Case{500, "", ErrorKind::kNetwork}}) {
    const HubError error = error_of(one.status, one.code);
    EXPECT_EQ(error.kind(), one.kind) << one.status;
    EXPECT_EQ(error.status(), one.status);
    EXPECT_EQ(error.request_id(), "r1");
    EXPECT_EQ(error.where(), "http://h/x");
  }
}

TEST(HubErrorTest, HasNoStatusWithoutAReply) {
  HubSettings settings;
  settings.first_wait = std::chrono::milliseconds(1);
  HttpClient http(settings);
  HttpRequest request;
  request.url = "http://127.0.0.1:1/api";  // no server listens on this port
  const HubError error = caught([&] { http.send(request); });
  EXPECT_EQ(error.kind(), ErrorKind::kNetwork);
  EXPECT_EQ(error.status(), 0);
  EXPECT_EQ(error.request_id(), "");
}

TEST(HubErrorTest, StaysTheSameAsHubUnreachable) {
  const HubError error = error_of(503, "");
  const HubUnreachable unreachable(error, true);
  EXPECT_EQ(unreachable.kind(), error.kind());
  EXPECT_EQ(unreachable.status(), 503);
  EXPECT_EQ(unreachable.request_id(), "r1");
  EXPECT_EQ(testing::told(unreachable), testing::told(error));
  EXPECT_TRUE(unreachable.may_pass);
}

TEST_F(HttpTest, HidesATokenThatAWrongReplyRepeats) {
  HubSettings own = settings();
  own.token = "hf_WqTzLmNvKcJdRbGxPySf";
  HttpClient http(own);
  HttpResponse response = reply(200, {});
  for (const std::string& words : {own.token, "token=" + own.token + "; it is no good at all",
                                   own.token.substr(2, 9), own.token.substr(12)}) {
    response.body = words;
    for (const std::string& text :
         {refusal<HubError>([&] { throw_bad_reply(response, "sha", "digits", printable(words)); }),
          refusal<HubError>([&] { parse_reply(response); }), told(response)}) {
      for (std::size_t at = 0; at + 8 <= own.token.size(); ++at) {
        EXPECT_THAT(text, Not(HasSubstr(own.token.substr(at, 8))));
      }
    }
  }
}

TEST_F(HttpTest, HidesTheCredentialsOfAProxy) {
  for (const char* proxy : {"http://user:s3 cret@127.0.0.1:1", "http://user:s3cret@[bad/:1",
                            "user:s3 cret@127.0.0.1:x", "socks5h://user:s3cret@127.0.0.1:1"}) {
    const testing::Environment chosen({{"HTTP_PROXY", proxy},
                                       {"http_proxy", {}},
                                       {"NO_PROXY", {}},
                                       {"no_proxy", {}},
                                       {"REQUEST_METHOD", {}}});
    HttpRequest request = get(kConfig);
    request.retry = false;
    const std::string text = refused(request);
    EXPECT_THAT(text, Not(HasSubstr("s3")));
    EXPECT_THAT(text, Not(HasSubstr("cret")));
  }
}

// Replies that never end

TEST_F(HttpTest, EndsRepliesThatCarryNothing) {
  HubSettings impatient = settings();
  impatient.reply_time = std::chrono::seconds(1);
  HttpClient http(impatient);
  Kept sink;
  for (HttpSink* into : {static_cast<HttpSink*>(nullptr), static_cast<HttpSink*>(&sink)}) {
    for (const char* what : {"continues", "headers", "extensions", "trailers"}) {
      hub_.clear_faults();
      hub_.set_faults(std::string(R"([{"path": "config", "endless": ")") + what +
                      R"(", "times": -1}])");
      HttpRequest request = get(kConfig);
      request.sink = into;
      request.timeout = std::chrono::seconds(1);
      request.retry = false;
      EXPECT_THAT(refusal<HubError>([&] { http.send(request); }),
                  ::testing::AnyOf(HasSubstr("no data for 1 s"), HasSubstr("unfinished after 1 s"),
                                   HasSubstr("head of the reply"), HasSubstr("no complete reply")));
    }
  }
}

TEST_F(HttpTest, EndsATrickle) {
  HubSettings impatient = settings();
  impatient.reply_time = std::chrono::seconds(2);
  HttpClient http(impatient);
  hub_.set_faults(R"([{"path": "model", "rate": 50, "times": -1}])");
  Kept sink;
  for (HttpSink* into : {static_cast<HttpSink*>(nullptr), static_cast<HttpSink*>(&sink)}) {
    HttpRequest request = get("/alice/m/resolve/main/model.safetensors");
    request.sink = into;
    request.timeout = std::chrono::seconds(1);
    EXPECT_THAT(refusal<HubUnreachable>([&] { http.send(request); }),
                HasSubstr("unfinished after 2 s"));
  }
  EXPECT_THAT(hub_.log(), SizeIs(2));  // it does not try again
}

TEST_F(HttpTest, WaitsForAFileThatComesSlowly) {
  HubSettings impatient = settings();
  impatient.reply_time = std::chrono::seconds(1);
  HttpClient http(impatient);
  hub_.set_faults(R"([{"path": "model", "rate": 100000}])");
  Kept sink;
  HttpRequest request = get("/alice/m/resolve/main/model.safetensors");
  request.sink = &sink;
  request.timeout = std::chrono::seconds(1);
  EXPECT_EQ(http.send(request).status, 200);
  EXPECT_THAT(sink.bytes, SizeIs(300'000));
}

}  // namespace
}  // namespace weightlift
