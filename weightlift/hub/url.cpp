#include "weightlift/hub/url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <vector>

#include "weightlift/base/message.h"

namespace weightlift {

namespace {

constexpr std::size_t kMaxShownBytes = 500;
constexpr std::string_view kSlashes = "/\\";  // browsers treat both alike

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return out;
}

void append_encoded(std::string& out, char c) {
  out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
}

/// The text with blanks, control characters, non-ASCII bytes and the characters of `others` as %XX.
std::string encoded(std::string_view text, std::string_view others) {
  std::string out;
  for (const char c : text) {
    if (c > ' ' && c <= '~' && others.find(c) == others.npos) {
      out += c;
    } else {
      append_encoded(out, c);
    }
  }
  return out;
}

/// Removes and returns the text before the first of `ends`, or all of it.
std::string_view take_until(std::string_view& rest, std::string_view ends) {
  const std::string_view taken = rest.substr(0, rest.find_first_of(ends));
  rest.remove_prefix(taken.size());
  return taken;
}

/// The parts of a URL, each with its delimiters. A missing part is empty.
struct Url {
  std::string scheme;       ///< "http://" or "https://"
  std::string credentials;  ///< "user:password@"
  std::string host;         ///< in lower case; IPv6 in brackets
  std::string port;         ///< ":8080"
  std::string path = "/";
  std::string query;  ///< "?q=1"
  bool has_fragment = false;
};

/// Removes the scheme: "http://" for "HTTP:rest", empty where there is none.
std::string take_scheme(std::string_view& rest) {
  const std::size_t colon = rest.find(':');
  if (colon == rest.npos || !is_letter(rest.front())) return "";
  const std::string_view scheme = rest.substr(0, colon);
  const auto belongs = [](char c) {
    return is_letter(c) || is_digit(c) || c == '+' || c == '-' || c == '.';
  };
  if (!std::ranges::all_of(scheme, belongs)) return "";
  rest.remove_prefix(colon + 1);
  return lower(scheme) + "://";
}

/// Whether it is a plain host. Browsers accept more: %XX, and any script through IDNA.
bool is_host(const std::string& host) {
  if (host.starts_with('[') && host.ends_with(']')) {
    in6_addr address;
    return ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &address) == 1;
  }
  const auto belongs = [](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '-' || c == '_';
  };
  return !host.empty() && std::ranges::all_of(host, belongs);
}

/// Reads "user:password@host:port". False where the text has another form.
bool read_authority(std::string_view text, Url& url) {
  if (const std::size_t at = text.rfind('@'); at != text.npos) {
    url.credentials = encoded(text.substr(0, at), "\"#<>?`{}/;=@[\\]^|") + '@';
    text.remove_prefix(at + 1);
  }
  const std::size_t bracket = text.rfind(']');
  const std::size_t colon = text.find(':', bracket == text.npos ? 0 : bracket);
  url.host = lower(text.substr(0, colon));
  if (!is_host(url.host)) return false;
  if (colon == text.npos || colon + 1 == text.size()) return true;
  text.remove_prefix(colon + 1);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  url.port = fmt::format(":{}", port);
  return error == std::errc() && end == text.data() + text.size() && port > 0;
}

/// The number of dots (or %2E) in a part of a path; 0 where it has other characters.
int count_if_only_dots(std::string_view part) {
  int dots = 0;
  for (; !part.empty(); ++dots) {
    const bool plain = part.front() == '.';
    if (!plain && lower(part.substr(0, 3)) != "%2e") return 0;
    part.remove_prefix(plain ? 1 : 3);
  }
  return dots;
}

/// Appends the parts of `path` to those of a folder, and resolves "." and "..".
void append_path(std::string_view path, std::vector<std::string>& parts) {
  for (bool last = false; !last;) {
    std::string part = encoded(take_until(path, kSlashes), "\"#<>?`{}");
    last = path.empty();
    if (!last) path.remove_prefix(1);
    const int dots = count_if_only_dots(part);
    if (dots == 2 && !parts.empty()) parts.pop_back();
    if (dots != 1 && dots != 2) {
      parts.push_back(std::move(part));
    } else if (last) {
      parts.emplace_back();  // a folder's URL ends with a slash
    }
  }
}

/// Reads path, query and fragment, relative to `url`.
void read_place(std::string_view rest, Url& url) {
  const std::string_view path = take_until(rest, "?#");
  if (!path.empty()) {
    std::vector<std::string> parts;
    if (kSlashes.find(path.front()) == kSlashes.npos) {
      append_path(std::string_view(url.path).substr(1), parts);
      parts.pop_back();
      append_path(path, parts);
    } else {
      append_path(path.substr(1), parts);
    }
    url.path.clear();
    for (const std::string& part : parts) url.path += '/' + part;
  }
  const std::string_view query = take_until(rest, "#");
  if (!path.empty() || !query.empty()) url.query.clear();
  // An empty query is dropped: versions of libcurl differ in whether they send its '?'.
  if (query.size() > 1) url.query = '?' + encoded(query.substr(1), "\"'<>");
  url.has_fragment = !rest.empty();
}

/// The URL `text`, absolute or relative to `base`; nothing where it is not an http or https URL.
std::optional<Url> parse(std::string_view text, const Url* base = nullptr) {
  const auto is_outer = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
  while (!text.empty() && is_outer(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_outer(text.back())) text.remove_suffix(1);
  std::string kept(text);
  std::erase_if(kept, [](char c) { return c == '\t' || c == '\n' || c == '\r'; });
  std::string_view rest = kept;

  Url url;
  url.scheme = take_scheme(rest);
  const bool absolute = !url.scheme.empty();
  if (absolute && url.scheme != "http://" && url.scheme != "https://") return std::nullopt;
  if (!absolute && base == nullptr) return std::nullopt;
  const std::size_t after_slashes = std::min(rest.find_first_not_of(kSlashes), rest.size());
  const bool relative = base != nullptr && (!absolute || url.scheme == base->scheme);
  if (relative && after_slashes < 2) {
    url = *base;
  } else {
    if (!absolute) url.scheme = base->scheme;
    rest.remove_prefix(after_slashes);
    if (!read_authority(take_until(rest, "/\\?#"), url)) return std::nullopt;
  }
  read_place(rest, url);
  return url;
}

Url require_url(const std::string& text, const Url* base = nullptr) {
  if (auto url = parse(text, base)) return *std::move(url);
  throw HubError(text.empty() ? "''" : shown_url(text), "not an http or https URL");
}

}  // namespace

std::string percent_encode(std::string_view text, bool keep_slashes) {
  std::string out;
  for (const char c : text) {
    const bool plain = is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' ||
                       c == '~' || (keep_slashes && c == '/');
    if (plain) {
      out += c;
    } else {
      append_encoded(out, c);
    }
  }
  return out;
}

std::string origin_of(const std::string& url) {
  const Url read = require_url(url);
  const std::string_view own = read.scheme == "http://" ? ":80" : ":443";
  return fmt::format("{}{}{}", read.scheme, read.host, read.port.empty() ? own : read.port);
}

std::string request_url(const std::string& url) {
  const Url read = require_url(url);
  return read.scheme + read.credentials + read.host + read.port + read.path + read.query;
}

std::string resolve_url(const std::string& base, const std::string& reference) {
  const Url from = require_url(base);
  const Url to = require_url(reference, &from);
  return to.scheme + to.host + to.port + to.path + to.query;
}

std::string shown_url(const std::string& url) {
  const auto read = parse(url);
  // Where the text is not a URL, its parts are unknown: any '@' may follow a password.
  if (!read && url.find('@') != url.npos) return "(hidden URL)";
  if (!read) return printable(url.substr(0, url.find_first_of("?#")), kMaxShownBytes);
  const std::string_view hidden = read->credentials.empty() ? "" : "***@";
  return printable(
      fmt::format("{}{}{}{}{}", read->scheme, hidden, read->host, read->port, read->path),
      kMaxShownBytes);
}

std::string_view fault_of_endpoint(const std::string& url) {
  const bool clean = std::ranges::all_of(url, [](char c) { return c > ' ' && c <= '~'; });
  const auto read = parse(url);
  if (!clean || !read) return "it is not an http or https URL";
  if (!read->credentials.empty()) return "it has a user name";
  if (url.find('?') != url.npos || read->has_fragment) return "it has a query or a fragment";
  return "";
}

}  // namespace weightlift
