#include "weightlift/hub/http.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <mutex>
#include <optional>
#include <random>
#include <thread>

#include "weightlift/base/posix.h"
#include "weightlift/base/secret.h"
#include "weightlift/hub/http_session.h"
#include "weightlift/hub/url.h"

namespace weightlift {

namespace {

using std::chrono::milliseconds;

constexpr int kMaxRedirects = 20;  // huggingface_hub's
// Waits double up to this limit: a server that restarts is back within seconds.
constexpr milliseconds kMaxWait{8000};
// A server may ask for a longer wait, but a person would take the program for hung.
constexpr milliseconds kMaxAskedWait{60'000};

bool equal_names(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

bool is_redirect(int status) {
  constexpr std::array kStatuses = {301, 302, 303, 307, 308};
  return std::ranges::find(kStatuses, status) != kStatuses.end();
}

std::optional<int> parse_seconds(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) return INT_MAX;
  if (error != std::errc() || end == text.data() || value < 0) return std::nullopt;
  return value;
}

/// The wait that the server asks for: `RateLimit: "api";r=0;t=55`, where no request is left, or
/// else `Retry-After: 5`. One second is added, as in huggingface_hub, so that the window has ended.
std::optional<milliseconds> asked_wait(const HttpResponse& response) {
  std::optional<int> seconds = parse_seconds(response.header("Retry-After"));
  const std::string_view limit = response.header("RateLimit");
  const std::size_t reset = limit.find(";t=");
  const std::size_t rest = limit.find(";r=");
  if (reset != limit.npos && rest != limit.npos && parse_seconds(limit.substr(rest + 3)) == 0) {
    if (const auto window = parse_seconds(limit.substr(reset + 3))) seconds = window;
  }
  if (!seconds) return std::nullopt;
  const auto most = std::chrono::duration_cast<std::chrono::seconds>(kMaxAskedWait).count();
  return milliseconds(1000 * std::min<long>(most, long{*seconds} + 1));
}

/// Changes the method as browsers and httpx do: 307 and 308 keep method and body; 303 turns all but
/// HEAD into a GET, 301 and 302 turn a POST into one.
void redirect_method(int status, Exchange& exchange) {
  const bool to_get = (status == 303 && exchange.method != "HEAD") ||
                      ((status == 301 || status == 302) && exchange.method == "POST");
  if (!to_get) return;
  exchange.method = "GET";
  exchange.with_body = false;
}

/// Keeps the headers that only the Hub sends, not the storage behind a redirect.
void keep_hub_headers(const HttpResponse& hop, std::vector<HttpHeader>& kept) {
  for (const char* name : {"X-Repo-Commit", "X-Linked-Etag", "X-Linked-Size"}) {
    const std::string_view value = hop.header(name);
    const bool known = std::ranges::any_of(kept, [&](const auto& h) { return h.name == name; });
    if (!value.empty() && !known) kept.push_back({name, std::string(value)});
  }
}

/// Hides "user:password" and the password of each proxy: libcurl's messages show the variables.
void hide_proxy_credentials() {
  for (const char* name :
       {"http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    const std::string value = environment_variable(name);
    std::string_view proxy(value);
    if (const std::size_t scheme = proxy.find("://"); scheme != proxy.npos) {
      proxy.remove_prefix(scheme + 3);
    }
    const std::size_t at = proxy.rfind('@');
    if (at == proxy.npos) continue;
    const std::string_view credentials = proxy.substr(0, at);
    hide_in_messages(credentials);
    const std::size_t colon = credentials.find(':');
    if (colon != credentials.npos) hide_in_messages(credentials.substr(colon + 1));
  }
}

bool is_downgrade(const std::string& from, const std::string& to) {
  return from.starts_with("https:") && to.starts_with("http:");
}

}  // namespace

bool may_pass(int status) {
  constexpr std::array kStatuses = {408, 429, 500, 502, 503, 504};
  return std::ranges::find(kStatuses, status) != kStatuses.end();
}

std::string_view HttpResponse::header(std::string_view name) const {
  for (const HttpHeader& header : headers) {
    if (equal_names(header.name, name) && !header.value.empty()) return header.value;
  }
  return "";
}

/// Idle sessions, kept for the next request.
struct HttpClient::Pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<HttpSession>> idle;

  std::unique_ptr<HttpSession> take(const HubSettings& settings) {
    const std::lock_guard lock(mutex);
    if (idle.empty()) return std::make_unique<HttpSession>(settings.user_agent);
    std::unique_ptr<HttpSession> session = std::move(idle.back());
    idle.pop_back();
    return session;
  }
  void give_back(std::unique_ptr<HttpSession> session) {
    const std::lock_guard lock(mutex);
    idle.push_back(std::move(session));
  }
};

HttpClient::HttpClient(HubSettings settings, std::function<void()> interrupted)
    : settings_(std::move(settings)),
      interrupted_(interrupted ? std::move(interrupted) : [] {}),
      pool_(std::make_unique<Pool>()) {
  hide_in_messages(settings_.token);
  hide_proxy_credentials();
}

HttpClient::~HttpClient() = default;

void HttpClient::wait(milliseconds time) {
  constexpr milliseconds kSlice{50};
  const auto end = std::chrono::steady_clock::now() + time;
  for (;;) {
    interrupted_();
    const auto rest = end - std::chrono::steady_clock::now();
    if (rest <= rest.zero()) return;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(rest, kSlice));
  }
}

void HttpClient::wait_to_retry(int failed) {
  constexpr int kMaxDoublings = 20;
  const milliseconds longest =
      std::min(kMaxWait, settings_.first_wait * (1 << std::clamp(failed - 1, 0, kMaxDoublings)));
  // Random, so that clients that failed together do not retry together.
  std::random_device random;
  std::uniform_int_distribution<milliseconds::rep> pick(longest.count() / 2, longest.count());
  wait(milliseconds(pick(random)));
}

HttpResponse HttpClient::follow(const HttpRequest& request) {
  const std::string endpoint = origin_of(settings_.endpoint);
  std::string origin = origin_of(request.url);
  Exchange exchange;
  exchange.request = &request;
  exchange.method = request.method;
  exchange.url = request_url(request.url);
  exchange.interrupted = &interrupted_;
  exchange.reply_time = settings_.reply_time;
  if (request.authorize && origin == endpoint) exchange.token = settings_.token;
  std::vector<HttpHeader> kept;
  std::unique_ptr<HttpSession> session = pool_->take(settings_);
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    HttpResponse response = session->run(exchange);
    const std::string location(response.header("Location"));
    const bool leads_on = is_redirect(response.status) && !location.empty();
    const std::string next = leads_on ? resolve_url(exchange.url, location) : "";
    const std::string next_origin = leads_on ? origin_of(next) : origin;
    const bool stays = next_origin == origin || next_origin == endpoint;
    if (!leads_on || (!stays && !request.follow_elsewhere)) {
      for (HttpHeader& header : kept) {
        if (response.header(header.name).empty()) response.headers.push_back(std::move(header));
      }
      pool_->give_back(std::move(session));
      return response;
    }
    if (is_downgrade(exchange.url, next)) {
      throw HubError(shown_url(exchange.url),
                     fmt::format("unsafe redirect from https to {}", shown_url(next)));
    }
    keep_hub_headers(response, kept);
    // The token does not come back: another host must not choose a request in the user's name.
    if (next_origin != endpoint) exchange.token.clear();
    exchange.elsewhere = exchange.elsewhere || next_origin != origin;
    redirect_method(response.status, exchange);
    exchange.url = next;
    origin = next_origin;
  }
  throw HubError(shown_url(request.url), fmt::format("{}: expected at most {} redirects, got more",
                                                     request.method, kMaxRedirects));
}

HttpResponse HttpClient::send(const HttpRequest& request) {
  if (settings_.offline) {
    throw HubUnreachable(shown_url(request.url), "no request was sent: weightlift is offline",
                         advice(kOfflineAdvice));
  }
  for (int attempt = 1;; ++attempt) {
    const bool last = !request.retry || attempt == kMaxTries;
    std::optional<milliseconds> asked;
    try {
      HttpResponse response = follow(request);
      if (last || !may_pass(response.status)) return response;
      asked = asked_wait(response);
    } catch (const HubUnreachable& lost) {
      if (last || !lost.may_pass || lost.sink_has_bytes) throw;
    }
    if (asked) {
      wait(*asked);
    } else {
      wait_to_retry(attempt);
    }
  }
}

}  // namespace weightlift
