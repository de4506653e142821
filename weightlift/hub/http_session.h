#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "weightlift/hub/http.h"

// Internal: sends one request without redirects or retries.

namespace weightlift {

/// A request as it is sent: method, URL, body and token after redirects.
struct Exchange {
  const HttpRequest* request = nullptr;
  std::string method;
  std::string url;
  bool with_body = true;
  std::string token;       ///< empty: send none
  bool elsewhere = false;  ///< a redirect led to a host other than the request's
  const std::function<void()>* interrupted = nullptr;
  std::chrono::seconds reply_time{0};
};

/// Connections to one or several hosts, kept open between requests. For one thread at a time.
class HttpSession {
 public:
  explicit HttpSession(std::string user_agent);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  /// The reply to one request; it may be a redirect. Throws HubUnreachable, or HubError for a reply
  /// that is too long.
  HttpResponse run(const Exchange& exchange);

 private:
  struct Handles;
  std::string user_agent_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace weightlift
