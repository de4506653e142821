#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/error.h"
#include "weightlift/hub/settings.h"

namespace weightlift {

struct HttpHeader {
  std::string name;
  std::string value;
};

/// Where a body of known size comes from: any piece of it, more than once where a request is
/// repeated. Called from the sending thread. May throw to stop.
struct HttpUpload {
  std::uint64_t size_bytes = 0;
  std::function<void(std::uint64_t offset, std::span<std::byte> into)> read;
};

/// Stands in messages where a server repeated the token.
inline constexpr std::string_view kHiddenToken = "(token)";

struct HttpResponse {
  int status = 0;
  /// Of the last reply, in their order. X-Repo-Commit and X-Linked-* of a redirect on the way stand
  /// at the end where the last reply has none.
  std::vector<HttpHeader> headers;
  std::string body;  ///< of a request without a sink, or of a reply that is no 2xx
  std::string url;   ///< that answered
  bool token_was_sent = false;
  std::string secret = {};  ///< the token, which no message about this reply may show

  /// The first header of that name, whatever its case; empty where there is none.
  std::string_view header(std::string_view name) const;
  bool ok() const { return status >= 200 && status < 300; }
};

/// Gets the body of a 2xx reply piece by piece.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  /// The reply's head, once per reply, before its body, which may be empty. May throw to stop.
  virtual void begin(const HttpResponse& head) = 0;
  /// May throw to stop.
  virtual void write(std::span<const std::byte> piece) = 0;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< absolute
  std::vector<HttpHeader> headers;
  std::string body;                    ///< without `upload`; empty: none, or an empty one of a POST
  const HttpUpload* upload = nullptr;  ///< streamed in place of `body`
  HttpSink* sink = nullptr;            ///< of the reply's body; else it is kept in the response
  bool authorize = true;  ///< send the token, where the URL has the endpoint's scheme, host, port
  /// Follow redirects to other hosts, too (without the token). Else such a reply is returned.
  bool follow_elsewhere = true;
  bool retry = true;  ///< what may pass is tried again: 408, 429, 5xx, lost connections
  std::chrono::seconds timeout{10};  ///< without a byte moving
};

/// The Hub, or the way to it, cannot be reached: refused, timed out, cut off, offline.
struct HubUnreachable : HubError {
  explicit HubUnreachable(const std::string& message, bool passes = false, bool broke_off = false)
      : HubError(message), may_pass(passes), sink_has_bytes(broke_off) {}
  bool may_pass;        ///< it may be otherwise the next time: worth another try
  bool sink_has_bytes;  ///< the reply broke off after the request's sink got a piece of it
};

/// What a reply may hold that is kept in memory. A page of a listing has 1000 files, of at most a
/// few hundred bytes each; the longest file that is read whole is a config of some megabytes.
inline constexpr std::size_t kMaxReplyBytes = std::size_t{16} << 20;

/// HTTP as the Hub speaks it, through libcurl. One object may be used by several threads at once.
class HttpClient {
 public:
  /// `interrupted` is asked often, from any thread; it throws to stop a transfer.
  explicit HttpClient(HubSettings settings, std::function<void()> interrupted = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  const HubSettings& settings() const { return settings_; }

  /// Sends, follows redirects (at most 20), retries with backoff and jitter. Returns the last
  /// reply, whatever its status. Throws HubUnreachable where none came, or where it broke off: one
  /// that broke off after `sink` got bytes of it is not retried here, since only its owner knows
  /// how to go on.
  HttpResponse send(const HttpRequest& request);

  /// Waits as before try number `failed` + 1 of a request, asking whether to stop.
  void wait_to_retry(int failed);

  /// Tries of one request, the first included.
  static constexpr int kMaxTries = 5;

 private:
  struct Pool;
  HttpResponse follow(const HttpRequest& request);
  void wait(std::chrono::milliseconds time);
  HubSettings settings_;
  std::function<void()> interrupted_;
  std::unique_ptr<Pool> pool_;
};

/// Statuses that may be otherwise the next time: 408, 429, 500, 502, 503, 504.
bool may_pass(int status);

/// Throws the HubError that says what was asked, the status, the server's own words, the request
/// id, and what to do. Never the token, never a query string (it may sign the URL).
[[noreturn]] void throw_hub_error(const HttpRequest& request, const HttpResponse& response);

}  // namespace weightlift
