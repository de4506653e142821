#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "weightlift/hub/http.h"

// Internal: one request, one reply.

namespace weightlift {

/// A request that is ready to go: what HttpRequest leaves open is decided.
struct Exchange {
  const HttpRequest* request = nullptr;
  std::string method;
  std::string url;
  bool with_body = true;
  std::string token;       ///< empty: none is sent
  bool elsewhere = false;  ///< a redirect led to another host than the request's
  const std::function<void()>* interrupted = nullptr;
};

/// A connection to a host, or to several, kept open between requests. Used by one thread at a time.
class HttpSession {
 public:
  explicit HttpSession(std::string user_agent);
  ~HttpSession();
  HttpSession(const HttpSession&) = delete;
  HttpSession& operator=(const HttpSession&) = delete;

  /// Sends one request and returns its reply, a redirect too. Throws HubUnreachable.
  HttpResponse run(const Exchange& exchange);

 private:
  struct Handles;
  std::string user_agent_;
  std::unique_ptr<Handles> handles_;
};

}  // namespace weightlift
