#include "weightlift/hub/settings.h"

#include <gmock/gmock.h>
#include <pwd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/hub/environment.h"
#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"

namespace weightlift {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::refusal;
using testing::TempDir;
using testing::write_file;

using Variables = std::map<std::string, std::optional<std::string>>;

/// Reads the settings with only these variables, and an empty home.
class SettingsTest : public ::testing::Test {
 protected:
  HubSettings read(const Variables& variables = {}) const {
    const testing::Environment clean({{"HOME", home_.path().string()},
                                      {"XDG_CACHE_HOME", {}},
                                      {"HF_ENDPOINT", {}},
                                      {"HF_HOME", {}},
                                      {"HF_HUB_CACHE", {}},
                                      {"HUGGINGFACE_HUB_CACHE", {}},
                                      {"HF_TOKEN", {}},
                                      {"HUGGING_FACE_HUB_TOKEN", {}},
                                      {"HF_TOKEN_PATH", {}},
                                      {"HF_HUB_DISABLE_IMPLICIT_TOKEN", {}},
                                      {"HF_HUB_OFFLINE", {}},
                                      {"TRANSFORMERS_OFFLINE", {}},
                                      {"HF_HUB_ETAG_TIMEOUT", {}},
                                      {"HF_HUB_DOWNLOAD_TIMEOUT", {}}});
    const testing::Environment chosen(variables);
    return read_hub_settings();
  }
  std::string refused(const Variables& variables) const {
    return refusal<UsageError>([&] { read(variables); });
  }
  TempDir home_;
};

TEST_F(SettingsTest, HasTheDefaultsOfHuggingfaceHub) {
  const HubSettings settings = read();
  EXPECT_EQ(settings.endpoint, "https://huggingface.co");
  EXPECT_EQ(settings.cache, home_ / ".cache/huggingface/hub");
  EXPECT_EQ(settings.token, "");
  EXPECT_FALSE(settings.offline);
  EXPECT_EQ(settings.etag_timeout.count(), 10);
  EXPECT_EQ(settings.download_timeout.count(), 10);
  EXPECT_THAT(settings.user_agent, HasSubstr("weightlift/"));
}

TEST_F(SettingsTest, RemovesFinalSlashesOfTheEndpoint) {
  EXPECT_EQ(read({{"HF_ENDPOINT", "http://h:8080/hf//"}}).endpoint, "http://h:8080/hf");
  EXPECT_EQ(read({{"HF_ENDPOINT", ""}}).endpoint, "https://huggingface.co");
}

TEST_F(SettingsTest, RefusesInvalidEndpoints) {
  EXPECT_THAT(refused({{"HF_ENDPOINT", "file:///etc"}}),
              HasSubstr("HF_ENDPOINT: not the URL of a Hub: it is not an http or https URL"));
  EXPECT_THAT(refused({{"HF_ENDPOINT", "huggingface.co"}}), HasSubstr("not an http or https URL"));
  EXPECT_THAT(refused({{"HF_ENDPOINT", "http://h/a b"}}), HasSubstr("not an http or https URL"));
  EXPECT_THAT(refused({{"HF_ENDPOINT", "http://h/?q=1"}}), HasSubstr("it has a query"));
  const std::string password = refused({{"HF_ENDPOINT", "http://u:secret@h"}});
  EXPECT_THAT(password, HasSubstr("it has a user name"));
  EXPECT_THAT(password, Not(HasSubstr("secret")));
}

TEST_F(SettingsTest, FindsTheCacheAsPythonDoes) {
  EXPECT_EQ(read({{"XDG_CACHE_HOME", "/x"}}).cache, "/x/huggingface/hub");
  EXPECT_EQ(read({{"XDG_CACHE_HOME", "/x"}, {"HF_HOME", "/h"}}).cache, "/h/hub");
  EXPECT_EQ(read({{"HF_HOME", "/h"}, {"HUGGINGFACE_HUB_CACHE", "/old"}}).cache, "/old");
  EXPECT_EQ(read({{"HUGGINGFACE_HUB_CACHE", "/old"}, {"HF_HUB_CACHE", "/new"}}).cache, "/new");
  EXPECT_EQ(read({{"HF_HOME", "~/hf"}}).cache, home_ / "hf/hub");
  EXPECT_EQ(read({{"HF_HOME", "$WL_TEST/${WL_TEST}x$WL_NONE"}, {"WL_TEST", "/v"}}).cache,
            "/v//vx$WL_NONE/hub");
}

TEST_F(SettingsTest, ExpandsUsersAsPythonDoes) {
  const passwd* user = ::getpwuid(::getuid());
  ASSERT_NE(user, nullptr);
  const std::filesystem::path folder = user->pw_dir;
  const std::string name = user->pw_name;
  EXPECT_EQ(read({{"HF_HOME", "~" + name + "/hf"}}).cache, folder / "hf/hub");
  EXPECT_EQ(read({{"HF_HUB_CACHE", "~" + name}}).cache, folder);
  EXPECT_EQ(read({{"HOME", "/"}, {"HF_HUB_CACHE", "~"}}).cache, "/");
  EXPECT_EQ(read({{"HOME", {}}}).cache, folder / ".cache/huggingface/hub");
  EXPECT_EQ(read({{"HOME", ""}}).cache, folder / ".cache/huggingface/hub");
  EXPECT_THAT(refused({{"HF_HOME", "~no-such-user/hf"}}),
              HasSubstr("HF_HOME: the system knows no home folder of the user 'no-such-user'"));
}

TEST_F(SettingsTest, RefusesAnUnknownHome) {
  // The user of this process has a home: only another process can have another user.
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t kUnknown = 54321;
    bool good = ::setuid(kUnknown) == 0 || ::getpwuid(::getuid()) != nullptr;
    if (::getuid() == kUnknown) {
      good = refused({{"HOME", {}}}).find("set HF_HOME to a folder") != std::string::npos &&
             read({{"HOME", {}}, {"HF_HOME", "/h"}}).cache == "/h/hub";
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
}

// torch.hub.get_dir() returns the same folders.
TEST(TorchCacheTest, HasTheFolderOfTorch) {
  const auto folder = [](const Variables& variables) {
    const testing::Environment chosen(variables);
    return torch_checkpoints_folder();
  };
  const testing::Environment clean(
      Variables{{"HOME", "/h"}, {"XDG_CACHE_HOME", std::nullopt}, {"TORCH_HOME", std::nullopt}});
  EXPECT_EQ(folder({}), "/h/.cache/torch/hub/checkpoints");
  EXPECT_EQ(folder({{"XDG_CACHE_HOME", "/c"}}), "/c/torch/hub/checkpoints");
  EXPECT_EQ(folder({{"TORCH_HOME", "~/t"}}), "/h/t/hub/checkpoints");
}

TEST_F(SettingsTest, PrefersTheTokenOfTheEnvironment) {
  write_file(home_ / ".cache/huggingface/token", " hf_file\r\n");
  EXPECT_EQ(read().token, "hf_file");
  EXPECT_EQ(read({{"HUGGING_FACE_HUB_TOKEN", "hf_old"}}).token, "hf_old");
  EXPECT_EQ(read({{"HUGGING_FACE_HUB_TOKEN", "hf_old"}, {"HF_TOKEN", "hf_new\n"}}).token, "hf_new");
  EXPECT_EQ(read({{"HF_TOKEN", ""}}).token, "hf_file");
  EXPECT_EQ(read({{"HF_TOKEN", "hf_new"}, {"HF_HUB_DISABLE_IMPLICIT_TOKEN", "true"}}).token, "");
  write_file(home_ / "elsewhere", "hf_elsewhere");
  EXPECT_EQ(read({{"HF_TOKEN_PATH", "~/elsewhere"}}).token, "hf_elsewhere");
  EXPECT_EQ(read({{"HF_TOKEN_PATH", "~/missing"}}).token, "");
}

TEST_F(SettingsTest, RefusesInvalidTokensWithoutShowingThem) {
  for (const char* token : {"hf_se cret",
                            "hf_se\x01"
                            "cret",
                            "hf_se\xc3\xa9"
                            "cret"}) {
    const std::string text = refused({{"HF_TOKEN", token}});
    EXPECT_THAT(text, HasSubstr("HF_TOKEN: the token has blanks or characters"));
    EXPECT_THAT(text, Not(HasSubstr("cret")));
  }
  write_file(home_ / ".cache/huggingface/token", "hf_a hf_b");
  EXPECT_THAT(refused({}), HasSubstr("huggingface/token: the token has blanks"));
}

TEST_F(SettingsTest, ReadsOfflineAsPythonDoes) {
  for (const char* yes : {"1", "ON", "yes", "True"}) {
    EXPECT_TRUE(read({{"HF_HUB_OFFLINE", yes}}).offline) << yes;
  }
  EXPECT_FALSE(read({{"HF_HUB_OFFLINE", "no"}}).offline);
  EXPECT_TRUE(read({{"TRANSFORMERS_OFFLINE", "1"}}).offline);
  EXPECT_TRUE(read({{"HF_HUB_OFFLINE", ""}, {"TRANSFORMERS_OFFLINE", "1"}}).offline);
  EXPECT_FALSE(read({{"HF_HUB_OFFLINE", "0"}, {"TRANSFORMERS_OFFLINE", "1"}}).offline);
}

TEST_F(SettingsTest, ReadsTimeoutsInWholeSeconds) {
  EXPECT_EQ(read({{"HF_HUB_ETAG_TIMEOUT", "3"}}).etag_timeout.count(), 3);
  EXPECT_EQ(read({{"HF_HUB_DOWNLOAD_TIMEOUT", "30"}}).download_timeout.count(), 30);
  EXPECT_EQ(read({{"HF_HUB_DOWNLOAD_TIMEOUT", "0"}}).download_timeout.count(), 10);
  EXPECT_THAT(refused({{"HF_HUB_ETAG_TIMEOUT", "soon"}}),
              HasSubstr("HF_HUB_ETAG_TIMEOUT: expected whole seconds from 1 to 86400, got soon"));
  EXPECT_THAT(refused({{"HF_HUB_ETAG_TIMEOUT", "-1"}}), HasSubstr("got -1"));
  EXPECT_THAT(refused({{"HF_HUB_ETAG_TIMEOUT", "99999999999"}}), HasSubstr("got 99999999999"));
}

}  // namespace
}  // namespace weightlift
