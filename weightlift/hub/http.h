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

#include "weightlift/base/message.h"
#include "weightlift/hub/settings.h"

namespace weightlift {

struct HttpHeader {
  std::string name;
  std::string value;
};

/// A request body of known size. The sending thread calls `read` for any piece, and again where it
/// repeats the request. `read` may throw to stop.
struct HttpUpload {
  std::uint64_t size_bytes = 0;
  std::function<void(std::uint64_t offset, std::span<std::byte> into)> read;
};

struct HttpResponse {
  int status = 0;
  /// The headers of the last reply, in order. X-Repo-Commit and X-Linked-* of an earlier redirect
  /// follow them where the last reply has none.
  std::vector<HttpHeader> headers;
  std::string body;  ///< empty where a sink got it: a 2xx reply to a request with a sink
  std::string url;   ///< of the last reply, after redirects
  bool token_was_sent = false;

  /// The value of the first header of that name, in any case, that is not empty; else empty.
  std::string_view header(std::string_view name) const;
  bool ok() const { return status >= 200 && status < 300; }
};

/// Receives the body of a 2xx reply in pieces.
class HttpSink {
 public:
  virtual ~HttpSink() = default;
  /// Receives the head of a reply, once, before its body, which may be empty. May throw to stop.
  virtual void begin(const HttpResponse& head) = 0;
  /// Receives the next piece of the body. May throw to stop.
  virtual void write(std::span<const std::byte> piece) = 0;
};

/// The size limit of a reply that is kept in memory. The largest file that is read whole is a
/// config of some megabytes.
inline constexpr std::size_t kMaxReplyBytes = std::size_t{16} << 20;

struct HttpRequest {
  std::string method = "GET";
  std::string url;  ///< absolute
  std::vector<HttpHeader> headers;
  std::string body;                    ///< ignored with `upload`; empty: no body, or an empty POST
  const HttpUpload* upload = nullptr;  ///< streamed instead of `body`
  HttpSink* sink = nullptr;            ///< receives the body; null: the response keeps it
  bool authorize = true;  ///< send the token if scheme, host and port are the endpoint's
  /// Follow redirects to other hosts (without the token). False: return the redirect.
  bool follow_elsewhere = true;
  bool retry = true;  ///< retry transient errors: the statuses of may_pass(), lost connections
  std::chrono::seconds timeout{10};         ///< the longest time without a byte
  std::size_t most_bytes = kMaxReplyBytes;  ///< of a reply without a sink
};

/// Every front end gives this hint where weightlift is offline.
inline constexpr const char* kOfflineAdvice =
    "unset HF_HUB_OFFLINE and TRANSFORMERS_OFFLINE to use the network";

/// The Hub cannot be reached, or failed for now: connection refused, timeout, broken reply,
/// offline, or a status of may_pass(). Made from a HubError it keeps kind, hints, status and
/// request id.
struct HubUnreachable : HubError {
  HubUnreachable(std::string where, std::string message, Hints hints = {}, bool passes = false,
                 bool broke_off = false)
      : HubError(std::move(where), std::move(message), std::move(hints)),
        may_pass(passes),
        sink_has_bytes(broke_off) {}
  HubUnreachable(const HubError& error, bool passes)
      : HubError(error), may_pass(passes), sink_has_bytes(false) {}
  bool may_pass;        ///< transient: another try may succeed
  bool sink_has_bytes;  ///< the reply broke off after the request's sink got some of it
};

/// Sends HTTP requests to the Hub through libcurl. Several threads may use one object at once.
class HttpClient {
 public:
  /// Calls `interrupted` often, from any thread; it throws to stop a transfer. From now on no
  /// message shows the token, or the user names and passwords of proxies.
  explicit HttpClient(HubSettings settings, std::function<void()> interrupted = {});
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  const HubSettings& settings() const { return settings_; }

  /// Returns the last reply, whatever its status. Follows redirects (at most 20) and retries with
  /// backoff and jitter. Throws HubUnreachable where no whole reply arrived. It does not retry
  /// after `sink` got bytes of a reply: only the owner of the sink can continue. Throws HubError
  /// for too many redirects, one from https to http, too long a reply, and URLs that are not http
  /// or https.
  HttpResponse send(const HttpRequest& request);

  /// Waits as long as `send` does before try `failed` + 1, unless `interrupted` throws.
  void wait_to_retry(int failed);

  /// Tries of one request, with the first.
  static constexpr int kMaxTries = 5;

 private:
  struct Pool;
  HttpResponse follow(const HttpRequest& request);
  void wait(std::chrono::milliseconds time);
  HubSettings settings_;
  std::function<void()> interrupted_;
  std::unique_ptr<Pool> pool_;
};

/// Whether a status is transient: 408, 429, 500, 502, 503, 504.
bool may_pass(int status);

/// Throws a HubError with URL, method, status, the server's own words, the request id and a hint.
/// Kind: kAuth for 401 and 403, kNotFound for 404, else kNetwork. It never shows the token, or a
/// query string (it may sign the URL).
[[noreturn]] void throw_hub_error(const HttpRequest& request, const HttpResponse& response);

}  // namespace weightlift
