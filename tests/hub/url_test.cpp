#include "weightlift/hub/url.h"

#include <gmock/gmock.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/support/refusal.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::EndsWith;
using testing::refusal;

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(UrlTest, ResolvesAsBrowsersDo) {
  const std::string base = "http://h:80/a/b?q=1";
  EXPECT_EQ(resolve_url(base, "/c?x=%2F"), "http://h:80/c?x=%2F");
  EXPECT_EQ(resolve_url(base, "c?x=1#f"), "http://h:80/a/c?x=1");
  EXPECT_EQ(resolve_url(base, "https://u:p@o/c d"), "https://o/c%20d");
  EXPECT_EQ(resolve_url(base, "//o/x"), "http://o/x");
  EXPECT_EQ(origin_of("HTTP://Hub.Example/x"), "http://hub.example:80");
  EXPECT_EQ(origin_of("https://h/x"), "https://h:443");
  EXPECT_NE(origin_of("http://localhost:1"), origin_of("http://127.0.0.1:1"));
}

// The results of `new URL(reference, base)` in Node 20, without credentials, fragment and the '?'
// of an empty query.

constexpr const char* kBase = "http://h:8080/a/b?q=1";

void expect_resolved(const Pairs& cases) {
  for (const auto& [reference, expected] : cases) {
    EXPECT_EQ(resolve_url(kBase, reference), expected) << reference;
  }
}

TEST(UrlTest, FollowsPaths) {
  expect_resolved({{"", "http://h:8080/a/b?q=1"},
                   {"#f", "http://h:8080/a/b?q=1"},
                   {"?y=2", "http://h:8080/a/b?y=2"},
                   {"?", "http://h:8080/a/b"},
                   {"../../../up", "http://h:8080/up"},
                   {"./x/./y/../z", "http://h:8080/a/x/z"},
                   {"%2e%2E/x", "http://h:8080/x"},
                   {".%2e/", "http://h:8080/"},
                   {"/a/%2e", "http://h:8080/a/"},
                   {"/a/..", "http://h:8080/"},
                   {"/...%2e", "http://h:8080/...%2e"},
                   {".", "http://h:8080/a/"},
                   {"..", "http://h:8080/"},
                   {"/a//b/..//c", "http://h:8080/a///c"},
                   {"./c:d", "http://h:8080/a/c:d"},
                   {"1http://x", "http://h:8080/a/1http://x"},
                   {"/?x?y#z?w", "http://h:8080/?x?y"}});
}

TEST(UrlTest, EncodesInvalidCharacters) {
  expect_resolved(
      {{"/a b/\xc3\xa9?k=a b&l=\xc3\xa9", "http://h:8080/a%20b/%C3%A9?k=a%20b&l=%C3%A9"},
       {"  /trim\t \n", "http://h:8080/trim"},
       {"/t\tab\nline", "http://h:8080/tabline"},
       {"/\x01\x7f", "http://h:8080/%01%7F"},
       {"/q?a='b\"<c>`{d}|e^f", "http://h:8080/q?a=%27b%22%3Cc%3E`{d}|e^f"},
       {"/p'\"<c>`{d}|e^f[g]", "http://h:8080/p'%22%3Cc%3E%60%7Bd%7D|e^f[g]"},
       {"/100%", "http://h:8080/100%"},
       {"/%zz%2f", "http://h:8080/%zz%2f"}});
}

TEST(UrlTest, FindsTheHostAsBrowsersDo) {
  expect_resolved({{"http:c", "http://h:8080/a/c"},
                   {"http:/c", "http://h:8080/c"},
                   {"https:c", "https://c/"},
                   {"https:/o/c", "https://o/c"},
                   {"https:///o/c", "https://o/c"},
                   {"///o/x", "http://o/x"},
                   {"\\\\o\\x\\..\\y", "http://o/y"},
                   {"/back\\slash?a\\b", "http://h:8080/back/slash?a\\b"},
                   {"HTTPS://O.Example:0444/X", "https://o.example:444/X"},
                   {"//u:p@evil@o/x", "http://o/x"},
                   {"//good\\@o/x", "http://good/@o/x"},
                   {"//o?@evil/x", "http://o/?@evil/x"},
                   {"//o#@evil/x", "http://o/"},
                   {"//[::1]:8080/x", "http://[::1]:8080/x"},
                   {"//[FE80::1]/x", "http://[fe80::1]/x"},
                   {"//o:/x", "http://o/x"},
                   {"//_a-b.c/x", "http://_a-b.c/x"}});
}

TEST(UrlTest, RefusesOtherUrls) {
  for (const char* reference :
       {"mailto:x", "file:///etc", "javascript:1", "c:d",       "//",         "http://",
        "//a b/x",  "//h:99999/",  "//h:65536/",   "//h:x/",    "//h:80:80/", "//h:-1/",
        "//[::1/",  "//[::g]/",    "//[1::2::3]/", "//[v1.x]/", "//[::1]x/",  "//h|x/",
        "//h%/",    "//h<x/",      "//a@/x",       "//u@:80/x", "//h]:1/"}) {
    EXPECT_THAT(refusal<HubError>([&] { resolve_url(kBase, reference); }),
                EndsWith(": not an http or https URL"))
        << reference;
  }
  for (const char* relative : {"", "/x", "h/x", "//h/x", "?q"}) {
    EXPECT_NE(refusal<HubError>([&] { request_url(relative); }), "") << relative;
  }
}

// Browsers accept these: they support IDNA, and decode %XX in hosts. Hubs have ASCII names.
TEST(UrlTest, RefusesHostsThatAreNotPlain) {
  for (const char* reference : {"//h\xc3\xb6/", "//%68/x", "//a!b/x", "//h:0/x"}) {
    EXPECT_NE(refusal<HubError>([&] { resolve_url(kBase, reference); }), "") << reference;
  }
}

TEST(UrlTest, KeepsASignedUrlUnchanged) {
  const std::string is_signed =
      "https://s3.test/b%2Fk/O~%20(1)?X-Amz-Signature=a%2fb%2B+c&x=;,:@!$*";
  EXPECT_EQ(request_url(is_signed), is_signed);
  EXPECT_EQ(request_url("http://u@x:p w@H:080?q#f"), "http://u%40x:p%20w@h:80/?q");
}

TEST(UrlTest, ReadsLongUrlsQuickly) {
  std::string path;
  for (int i = 0; i < 1'000'000; ++i) path += "%2e";
  EXPECT_EQ(resolve_url(kBase, '/' + path), "http://h:8080/" + path);
  for (int i = 0; i < 1'000'000; ++i) path += "/a/..";
  EXPECT_EQ(resolve_url(kBase, '/' + path + "/../"), "http://h:8080/");
}

TEST(UrlTest, EncodesAsPythonDoes) {
  EXPECT_EQ(percent_encode("refs/pr/1"), "refs%2Fpr%2F1");
  EXPECT_EQ(percent_encode("sub/a b#\xc3\xa9.txt", true), "sub/a%20b%23%C3%A9.txt");
  EXPECT_EQ(percent_encode("A-z_0.~"), "A-z_0.~");
}

TEST(UrlTest, ShowsNoSecrets) {
  EXPECT_EQ(shown_url("http://u:p@h/x?sig=1#f"), "http://***@h/x");
  EXPECT_EQ(shown_url("http://u:p@h|/x"), "(hidden URL)");
  EXPECT_EQ(shown_url("http://h|/x?sig=1#f"), "http://h|/x");
}

TEST(UrlTest, ErrorsShowNoCredentials) {
  for (const char* url : {"ftp://user:secret@h/x", "http://user:secret@h|/x", "//user:secret@h:x/y",
                          "http://user:secret/1@h/x", "http://user:secret?1@h|", "user:secret@h",
                          "http://user:a@secret@/"}) {
    const std::string text = refusal<HubError>([&] { resolve_url(kBase, url); });
    EXPECT_EQ(text, "(hidden URL): not an http or https URL") << url;
    EXPECT_EQ(refusal<HubError>([&] { request_url(url); }), text) << url;
    EXPECT_EQ(refusal<HubError>([&] { origin_of(url); }), text) << url;
  }
  EXPECT_EQ(refusal<HubError>([] { request_url("ftp://h/x?sig=secret"); }),
            "ftp://h/x: not an http or https URL");
  EXPECT_EQ(refusal<HubError>([] { request_url(""); }), "'': not an http or https URL");
}

TEST(UrlTest, NamesTheFaultOfAnEndpoint) {
  for (const char* good :
       {"http://h", "https://h:1/p", "http://[::1]:8080/hf", "http://127.0.0.1"}) {
    EXPECT_EQ(fault_of_endpoint(good), "") << good;
  }
  for (const char* bad : {"h", "", "/p", "ftp://h", "http://", "http://h b", "http://h\xc3\xb6"}) {
    EXPECT_EQ(fault_of_endpoint(bad), "it is not an http or https URL") << bad;
  }
  EXPECT_EQ(fault_of_endpoint("http://u:p@h"), "it has a user name");
  EXPECT_EQ(fault_of_endpoint("http://h?"), "it has a query or a fragment");
  EXPECT_EQ(fault_of_endpoint("http://h/#"), "it has a query or a fragment");
}

}  // namespace
}  // namespace weightlift
