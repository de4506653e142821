#include "weightlift/hub/url.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "weightlift/base/error.h"
#include "weightlift/hub/curl_library.h"

namespace weightlift {

namespace {

constexpr std::size_t kMaxShownBytes = 500;

/// A URL taken apart by libcurl, so that what is compared is what is asked.
class Parsed {
 public:
  Parsed() : url_(curl().url(), curl().url_cleanup) {
    if (url_ == nullptr) throw std::bad_alloc();
  }
  bool set(CURLUPart part, const char* value, unsigned int flags = 0) {
    return curl().url_set(url_.get(), part, value, flags) == CURLUE_OK;
  }
  std::optional<std::string> get(CURLUPart part, unsigned int flags = 0) const {
    char* text = nullptr;
    if (curl().url_get(url_.get(), part, &text, flags) != CURLUE_OK) return std::nullopt;
    const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl().free);
    return std::string(text);
  }

 private:
  std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> url_;
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

bool is_http(const Parsed& url) {
  const std::string scheme = lower(url.get(CURLUPART_SCHEME).value_or(""));
  return scheme == "http" || scheme == "https";
}

[[noreturn]] void throw_no_url(const std::string& url) {
  throw HubError(fmt::format("{}: address: expected an http or https URL, got another",
                             printable(url.substr(0, url.find('?')), kMaxShownBytes)));
}

}  // namespace

std::string percent_encode(std::string_view text, bool keep_slashes) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || (keep_slashes && c == '/');
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string origin_of(const std::string& url) {
  Parsed parsed;
  if (!parsed.set(CURLUPART_URL, url.c_str()) || !is_http(parsed)) throw_no_url(url);
  return fmt::format("{}://{}:{}", lower(parsed.get(CURLUPART_SCHEME).value_or("")),
                     lower(parsed.get(CURLUPART_HOST).value_or("")),
                     parsed.get(CURLUPART_PORT, CURLU_DEFAULT_PORT).value_or(""));
}

std::string resolve_url(const std::string& base, const std::string& reference) {
  Parsed parsed;
  if (!parsed.set(CURLUPART_URL, base.c_str())) throw_no_url(base);
  // Servers put blanks and UTF-8 into Location as they are.
  if (!parsed.set(CURLUPART_URL, reference.c_str(), CURLU_URLENCODE) || !is_http(parsed)) {
    throw_no_url(reference);
  }
  parsed.set(CURLUPART_USER, nullptr);
  parsed.set(CURLUPART_PASSWORD, nullptr);
  parsed.set(CURLUPART_FRAGMENT, nullptr);
  const auto resolved = parsed.get(CURLUPART_URL);
  if (!resolved) throw_no_url(reference);
  return *resolved;
}

std::string shown_url(const std::string& url) {
  Parsed parsed;
  if (!parsed.set(CURLUPART_URL, url.c_str())) return "(an address that cannot be shown)";
  for (const CURLUPart part :
       {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    parsed.set(part, nullptr);
  }
  return printable(parsed.get(CURLUPART_URL).value_or(""), kMaxShownBytes);
}

std::string_view fault_of_endpoint(const std::string& url) {
  const bool clean = std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~'; });
  Parsed parsed;
  if (!clean || !parsed.set(CURLUPART_URL, url.c_str()) || !is_http(parsed)) {
    return "no http or https URL";
  }
  if (parsed.get(CURLUPART_USER) || parsed.get(CURLUPART_PASSWORD)) return "a user name in it";
  if (parsed.get(CURLUPART_QUERY) || parsed.get(CURLUPART_FRAGMENT)) return "a query in it";
  return "";
}

}  // namespace weightlift
