#include "weightlift/hub/settings.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/error.h"
#include "weightlift/hub/url.h"
#include "weightlift/version.h"

namespace weightlift {

namespace fs = std::filesystem;

namespace {

bool is_true(std::string value) {
  std::ranges::transform(value, value.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  return value == "1" || value == "ON" || value == "YES" || value == "TRUE";
}

/// The home folder as os.path.expanduser finds it. Throws UsageError where the system knows none:
/// a path below it would be relative to the current folder.
std::string home() {
  const std::string set = environment_variable("HOME");
  if (!set.empty()) return set;
  const passwd* user = ::getpwuid(::getuid());
  if (user != nullptr && *user->pw_dir == '/') return user->pw_dir;
  throw UsageError("HOME", "not set, and the system knows no home folder of this user",
                   advice("set HF_HOME to a folder for tokens and downloads"));
}

/// The same of another user. Python leaves an unknown name as it is, which names a relative folder.
std::string home_of(const std::string& name, const std::string& variable) {
  const passwd* user = ::getpwnam(name.c_str());
  if (user != nullptr && *user->pw_dir == '/') return user->pw_dir;
  throw UsageError(
      variable, fmt::format("the system knows no home folder of the user '{}'", printable(name)));
}

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

constexpr int kMaxSeconds = 86400;  // a longer wait is a mistake, and could overflow clocks

/// The text with $NAME and ${NAME} replaced by variables that are set, as in os.path.expandvars.
std::string expand_variables(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const bool brace = text.starts_with("${");
    const std::size_t begin = brace ? 2 : 1;
    const std::size_t end =
        brace
            ? text.find('}')
            : static_cast<std::size_t>(
                  std::find_if_not(text.begin() + 1, text.end(), is_name_character) - text.begin());
    const bool reference = text.front() == '$' && end != text.npos && end > begin;
    const std::string name(reference ? text.substr(begin, end - begin) : "");
    const char* value = reference ? std::getenv(name.c_str()) : nullptr;
    const std::size_t taken = reference ? end + (brace ? 1 : 0) : 1;
    out += value != nullptr ? std::string_view(value) : text.substr(0, taken);
    text.remove_prefix(taken);
  }
  return out;
}

/// A leading "~" or "~user" is replaced first, then variables, as huggingface_hub does.
fs::path expand(const std::string& text, const std::string& name) {
  if (!text.starts_with('~')) return expand_variables(text);
  const std::size_t end = std::min(text.find('/'), text.size());
  std::string folder = end == 1 ? home() : home_of(text.substr(1, end - 1), name);
  while (folder.ends_with('/')) folder.pop_back();
  folder += text.substr(end);
  return expand_variables(folder.empty() ? "/" : folder);
}

/// The path in the variable, or else `fallback()`.
template <class Fallback>
fs::path path_of(const std::string& name, const Fallback& fallback) {
  const std::string value = environment_variable(name);
  return value.empty() ? fallback() : expand(value, name);
}

fs::path cache_home() {
  return path_of("XDG_CACHE_HOME", [] { return fs::path(home()) / ".cache"; });
}

fs::path hf_home() {
  return path_of("HF_HOME", [] { return cache_home() / "huggingface"; });
}

/// The message names the source of the endpoint. It does not show the value, which may contain a
/// password.
void require_endpoint(const std::string& endpoint, const char* source) {
  const std::string_view fault = fault_of_endpoint(endpoint);
  if (fault.empty()) return;
  throw UsageError(source, fmt::format("not the URL of a Hub: {}", fault),
                   advice("write it like https://huggingface.co"));
}

std::string read_endpoint(const std::string& fallback) {
  std::string endpoint = environment_variable("HF_ENDPOINT");
  if (endpoint.empty()) endpoint = fallback;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  require_endpoint(endpoint, "HF_ENDPOINT");
  return endpoint;
}

std::string stripped(std::string text) {
  std::erase_if(text, [](char c) { return c == '\r' || c == '\n'; });
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\v' || c == '\f'; };
  text.erase(text.begin(), std::find_if_not(text.begin(), text.end(), is_blank));
  text.erase(std::find_if_not(text.rbegin(), text.rend(), is_blank).base(), text.end());
  return text;
}

std::string read_token_file(const fs::path& path) {
  constexpr std::size_t kMaxTokenFileBytes = 65536;  // an OIDC token has a few thousand bytes
  std::error_code error;
  if (!fs::exists(path, error)) return "";
  return stripped(read_text_file(path, kMaxTokenFileBytes));
}

/// Returns a valid token. The message names its source, and never shows the token.
std::string require_token(std::string token, std::string_view source) {
  const auto refused = [](char c) { return c <= ' ' || c > '~'; };
  if (!std::ranges::any_of(token, refused)) return token;
  throw UsageError(std::string(source),
                   "the token has blanks or characters that are not printable ASCII");
}

std::string read_token() {
  if (is_true(environment_variable("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return "";
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    const std::string token = stripped(environment_variable(name));
    if (!token.empty()) return require_token(token, name);
  }
  const fs::path file = path_of("HF_TOKEN_PATH", [] { return hf_home() / "token"; });
  return require_token(read_token_file(file), shown(file));
}

std::chrono::seconds read_seconds(const char* name, std::chrono::seconds fallback) {
  const std::string text = stripped(environment_variable(name));
  if (text.empty()) return fallback;
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0 ||
      value > kMaxSeconds) {
    throw UsageError(std::string(name), fmt::format("expected whole seconds from 1 to {}, got {}",
                                                    kMaxSeconds, printable(text)));
  }
  return value == 0 ? fallback : std::chrono::seconds(value);
}

}  // namespace

HubSettings read_hub_settings() {
  HubSettings settings;
  settings.endpoint = read_endpoint(settings.endpoint);
  settings.cache = path_of("HF_HUB_CACHE", [] {
    return path_of("HUGGINGFACE_HUB_CACHE", [] { return hf_home() / "hub"; });
  });
  settings.token = read_token();
  const std::string offline = environment_variable("HF_HUB_OFFLINE");
  settings.offline =
      is_true(offline.empty() ? environment_variable("TRANSFORMERS_OFFLINE") : offline);
  settings.etag_timeout = read_seconds("HF_HUB_ETAG_TIMEOUT", settings.etag_timeout);
  settings.download_timeout = read_seconds("HF_HUB_DOWNLOAD_TIMEOUT", settings.download_timeout);
  settings.user_agent = fmt::format("weightlift/{}", version());
  return settings;
}

void require_valid(const HubSettings& settings) {
  require_endpoint(settings.endpoint, "endpoint");
  require_token(settings.token, "token");
  if (!std::ranges::all_of(settings.user_agent, [](char c) { return c >= ' ' && c <= '~'; })) {
    throw UsageError("user_agent", "it has characters that are not printable ASCII");
  }
  const std::chrono::milliseconds most = std::chrono::seconds(kMaxSeconds);
  const std::initializer_list<std::pair<const char*, std::chrono::seconds>> times = {
      {"etag_timeout", settings.etag_timeout},
      {"download_timeout", settings.download_timeout},
      {"reply_time", settings.reply_time},
      {"listing_time", settings.listing_time}};
  for (const auto& [name, time] : times) {
    if (time.count() >= 1 && time.count() <= kMaxSeconds) continue;
    throw UsageError(name,
                     fmt::format("expected 1 to {} seconds, got {}", kMaxSeconds, time.count()));
  }
  if (settings.first_wait.count() < 0 || settings.first_wait > most) {
    throw UsageError("first_wait", fmt::format("expected 0 to {} milliseconds, got {}",
                                               most.count(), settings.first_wait.count()));
  }
}

fs::path torch_checkpoints_folder() {
  return path_of("TORCH_HOME", [] { return cache_home() / "torch"; }) / "hub" / "checkpoints";
}

}  // namespace weightlift
