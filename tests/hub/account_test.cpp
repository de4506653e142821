#include "weightlift/hub/account.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/hub_server.h"
#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using testing::HubServer;
using testing::kAliceRead;
using testing::kAliceWrite;
using testing::kCarolWrite;
using testing::refusal;

class AccountTest : public ::testing::Test {
 protected:
  Account account(const std::string& token) {
    HubSettings settings;
    settings.endpoint = server.url();
    settings.token = token;
    HttpClient http(settings);
    return whoami(http);
  }

  std::string refused(const std::string& token, const char* repo, bool pull_request = false) {
    const Account known = account(token);
    return refusal<HubError>(
        [&] { require_write_access(known, RepoId::parse(repo), pull_request); });
  }

  void expect_access(const std::string& token, const char* repo, bool pull_request = false) {
    EXPECT_NO_THROW(require_write_access(account(token), RepoId::parse(repo), pull_request))
        << token << " " << repo;
  }

  HubServer server;
};

TEST_F(AccountTest, WhoamiReturnsTheAccountOfTheToken) {
  const Account alice = account(kAliceRead);
  EXPECT_EQ(alice.name, "alice");
  EXPECT_EQ(alice.token_role, "read");
  ASSERT_EQ(alice.organizations.size(), 1U);
  EXPECT_EQ(alice.organizations[0].name, "acme");
  EXPECT_EQ(alice.organizations[0].role, "admin");
  EXPECT_THAT(refusal<HubError>([&] { account("hf_wrong"); }), HasSubstr("invalid token"));
  EXPECT_THAT(
      refusal<HubError>([&] { account(""); }),
      HasSubstr("HF_TOKEN: publishing needs a token, and there is none; advice(set HF_TOKEN"));
}

TEST_F(AccountTest, WhoamiNeedsOnlyTheName) {
  server.set_faults(
      R"([{"path": "whoami", "status": 200, "body": "{\"name\": \"eve\", \"orgs\": 1}"}])");
  const Account eve = account(kAliceWrite);
  EXPECT_EQ(eve.name, "eve");
  EXPECT_TRUE(eve.organizations.empty());
  EXPECT_EQ(eve.token_role, "");
}

TEST_F(AccountTest, OwnersAreTheAccountAndItsOrganizations) {
  expect_access(kAliceWrite, "alice/net");
  expect_access(kAliceWrite, "Alice/net");
  expect_access(kAliceWrite, "acme/net");
  EXPECT_THAT(refused(kAliceWrite, "bob/net"),
              HasSubstr("bob/net: the token's account alice cannot publish as bob; its "
                        "organizations: acme; advice(choose another owner, or open a pull "
                        "request)"));
  EXPECT_THAT(refused(kCarolWrite, "acme/net"),
              HasSubstr("acme/net: carol can only read in the organization acme"));
}

TEST_F(AccountTest, AnyoneWithAWriteTokenMayOpenAPullRequest) {
  expect_access(kAliceWrite, "bob/net", true);
  EXPECT_THAT(refused(kAliceRead, "alice/net", true),
              HasSubstr("HF_TOKEN: the token of alice can only read; advice(use a token that can "
                        "write)"));
  EXPECT_THAT(refused(kAliceRead, "alice/net"), HasSubstr("can only read"));
}

}  // namespace
}  // namespace weightlift
