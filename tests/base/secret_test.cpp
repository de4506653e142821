#include "weightlift/base/secret.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "weightlift/base/message.h"

namespace weightlift {
namespace {

constexpr const char* kToken = "hf_QvXzTgWbKdRmPnLsYcJa";

class SecretTest : public ::testing::Test {
 protected:
  SecretTest() { hide_in_messages(kToken); }
};

TEST_F(SecretTest, HidesItWhole) {
  const std::string token = kToken;
  EXPECT_EQ(printable("tok=" + token + "!"), "tok=***!");
  EXPECT_EQ(printable(token + token), "***");
}

TEST_F(SecretTest, HidesItBeforeTheTextIsCut) {
  const std::string text = "token is " + std::string(kToken) + std::string(50, '.');
  for (std::size_t most = 2; most < text.size(); ++most) {
    EXPECT_EQ(printable(text, most).find("hf_Q"), std::string::npos) << most;
  }
}

TEST_F(SecretTest, HidesEachLongPart) {
  const std::string token = kToken;
  for (std::size_t begin = 0; begin < token.size(); ++begin) {
    for (std::size_t size = 8; begin + size <= token.size(); ++size) {
      EXPECT_EQ(without_secrets("! " + token.substr(begin, size) + " ?"), "! *** ?");
    }
  }
  EXPECT_EQ(without_secrets(token.substr(0, 7)), token.substr(0, 7));
}

// Each made by Python's urllib, json and base64.
TEST_F(SecretTest, HidesItsOtherForms) {
  const std::vector<std::string> forms = {"hf%5FQvXzTgWbKdRmPnLsYcJa",
                                          "hf_%51v%58zTgWbKdRmPnLsYcJa",
                                          "hf\\u005fQvXzTgWbKdRmPnLsYcJa",
                                          "hf\\\\u005fQvXzTgWbKdRmPnLsYcJa",
                                          "HF_QVXZTGWBKDRMPNLSYCJA",
                                          "&#104;&#x66;_QvXzTgWbKdRmPnLsYcJa",
                                          "h f _ Q v X z\tT\ng W b K d R m P n L s Y c J a",
                                          "hf_Q\u200BvX\u200DzT\uFEFFgWbKdRmPnLsYcJa"};
  for (const std::string& form : forms) EXPECT_EQ(without_secrets(form), "***") << form;
  for (const char* base64 : {"aGZfUXZYelRnV2JLZFJtUG5Mc1ljSmE=", "OmhmX1F2WHpUZ1diS2RSbVBuTHNZY0ph",
                             "dTpoZl9Rdlh6VGdXYktkUm1QbkxzWWNKYQ=="}) {
    const std::string shown = without_secrets(base64);
    EXPECT_LE(shown.size(), 9U) << shown;
    EXPECT_THAT(shown, ::testing::HasSubstr("***"));
  }
}

TEST_F(SecretTest, HidesShortSecretsWhole) {
  hide_in_messages("qj!z");
  hide_in_messages("q!");
  EXPECT_EQ(without_secrets("a qj!z b qj! q!"), "a *** b qj! q!");
}

TEST_F(SecretTest, HidesTheCredentialsOfUrls) {
  EXPECT_EQ(without_secrets("http://user:pass@h:1/x?y@z"), "http://***@h:1/x?y@z");
  EXPECT_EQ(without_secrets("'https://key@h' and socks5h://u:p@q@h2"),
            "'https://***@h' and socks5h://***@h2");
  EXPECT_EQ(without_secrets("http://user:s3 cret@h"), "http://***@h");
  EXPECT_EQ(without_secrets("hf://gpt2@main/config.json"), "hf://gpt2@main/config.json");
  EXPECT_EQ(without_secrets("http://h/a@b and mail@x"), "http://h/a@b and mail@x");
  EXPECT_EQ(without_secrets("://"), "://");
}

TEST_F(SecretTest, LeavesOtherTextAlone) {
  for (const char* text : {"", "\\", "a\\", "%", "%5", "\\u00", "\\u005", "&#", "&#x;",
                           "&#1234567890;", "plain text \xff"}) {
    EXPECT_EQ(without_secrets(text), text);
  }
}

}  // namespace
}  // namespace weightlift
