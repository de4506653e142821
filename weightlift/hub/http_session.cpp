#include "weightlift/hub/http_session.h"

#include <fmt/format.h>
#include <strings.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <exception>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "weightlift/base/posix.h"
#include "weightlift/hub/certificates.h"
#include "weightlift/hub/curl_library.h"
#include "weightlift/hub/url.h"

namespace weightlift {

namespace {

using Clock = std::chrono::steady_clock;

// No server that weightlift uses needs a longer head of a reply.
constexpr std::size_t kMaxHeadBytes = std::size_t{256} << 10;
// Large enough for few system calls, small compared with the memory.
constexpr long kBufferBytes = 512L << 10;
// A modem is faster.
constexpr std::uint64_t kLeastBytesPerSecond = 100;

template <class Value>
void set(CURL* easy, CURLoption option, Value value) {
  if (curl().easy_setopt(easy, option, value) != CURLE_OK) {
    throw std::runtime_error("libcurl does not support an option");
  }
}

template <class Value>
Value info(CURL* easy, CURLINFO which) {
  Value value{};
  curl().easy_getinfo(easy, which, &value);
  return value;
}

/// Blocks SIGPIPE in this thread, so that a write to a closed connection does not end the process,
/// and removes a signal that arrived meanwhile. A library must not change the signal's handler.
class SigpipeHeldBack {
 public:
  SigpipeHeldBack() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~SigpipeHeldBack() {
    const timespec now{0, 0};
    if (!was_pending_) sigtimedwait(&pipe_, nullptr, &now);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeHeldBack(const SigpipeHeldBack&) = delete;
  SigpipeHeldBack& operator=(const SigpipeHeldBack&) = delete;

 private:
  sigset_t pipe_{}, before_{};
  bool was_pending_ = false;
};

/// The headers of a request, in libcurl's form.
class HeaderList {
 public:
  ~HeaderList() { curl().slist_free_all(list_); }
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  void add(const std::string& line) {
    curl_slist* longer = curl().slist_append(list_, line.c_str());
    if (longer == nullptr) throw std::bad_alloc();
    list_ = longer;
  }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

/// One running exchange, with the functions that libcurl calls.
class Running {
 public:
  explicit Running(const Exchange& exchange) : exchange_(exchange) {
    response_.url = exchange.url;
    response_.token_was_sent = !exchange.token.empty();
  }

  std::size_t take_header(std::string_view line);
  std::size_t take_body(std::span<const std::byte> piece);
  std::size_t give_body(std::span<std::byte> room);
  int seek(std::uint64_t offset) {
    sent_ = offset;
    return CURL_SEEKFUNC_OK;
  }
  /// The whole reply.
  HttpResponse finish();

  /// Rethrows the exception of a callback: it must not pass through C code.
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }
  bool sink_has_bytes() const { return sink_has_bytes_; }

  // libcurl's own counters also grow with what carries nothing, such as extensions of chunks.
  std::uint64_t received_bytes() const { return head_bytes_ + body_bytes_; }
  /// The bytes of a file, in either direction.
  std::uint64_t file_bytes() const { return (to_sink() ? body_bytes_ : 0) + given_bytes_; }

 private:
  /// The result of `body`, or `failure` where it throws; keeps the exception for rethrow().
  template <class Body>
  std::size_t guarded(std::size_t failure, Body&& body) {
    try {
      return body();
    } catch (...) {
      thrown_ = std::current_exception();
      return failure;
    }
  }
  void begin_sink() {
    if (!std::exchange(sink_begun_, true)) exchange_.request->sink->begin(response_);
  }
  bool to_sink() const { return exchange_.request->sink != nullptr && response_.ok(); }

  const Exchange& exchange_;
  HttpResponse response_;
  std::size_t head_bytes_ = 0;
  std::uint64_t body_bytes_ = 0, given_bytes_ = 0;
  std::uint64_t sent_ = 0;
  bool body_begun_ = false;
  bool sink_begun_ = false;
  bool sink_has_bytes_ = false;
  std::exception_ptr thrown_;
};

int status_of(std::string_view line) {
  // "HTTP/1.1 200 OK"
  const std::size_t blank = line.find(' ');
  if (blank == line.npos || line.size() < blank + 4) return 0;
  int status = 0;
  for (const char c : line.substr(blank + 1, 3)) {
    if (c < '0' || c > '9') return 0;
    status = status * 10 + (c - '0');
  }
  return status;
}

std::string_view trimmed(std::string_view text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::size_t Running::take_header(std::string_view line) {
  return guarded(0, [&] {
    head_bytes_ += line.size();
    if (head_bytes_ > kMaxHeadBytes) {
      throw HubError(shown_url(exchange_.url),
                     fmt::format("{}: head of the reply: expected at most {} bytes, got more",
                                 exchange_.method, kMaxHeadBytes));
    }
    if (body_begun_) return line.size();  // a trailer
    if (line.starts_with("HTTP/")) {
      // The last of several heads (100, then 200) counts.
      response_.headers.clear();
      response_.status = status_of(line);
      return line.size();
    }
    const std::size_t colon = line.find(':');
    if (colon != line.npos) {
      response_.headers.push_back({std::string(trimmed(line.substr(0, colon))),
                                   std::string(trimmed(line.substr(colon + 1)))});
    }
    return line.size();
  });
}

std::size_t Running::take_body(std::span<const std::byte> piece) {
  return guarded(0, [&] {
    body_begun_ = true;
    body_bytes_ += piece.size();
    if (to_sink()) {
      begin_sink();
      sink_has_bytes_ = sink_has_bytes_ || !piece.empty();
      exchange_.request->sink->write(piece);
      return piece.size();
    }
    const std::size_t most = exchange_.request->most_bytes;
    if (response_.body.size() + piece.size() > most) {
      throw HubError(
          shown_url(exchange_.url),
          fmt::format("{}: reply: expected at most {} bytes, got more", exchange_.method, most));
    }
    response_.body.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return piece.size();
  });
}

std::size_t Running::give_body(std::span<std::byte> room) {
  return guarded(CURL_READFUNC_ABORT, [&] {
    const HttpUpload& upload = *exchange_.request->upload;
    const auto count =
        static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), upload.size_bytes - sent_));
    if (count > 0) upload.read(sent_, room.first(count));
    sent_ += count;
    given_bytes_ += count;
    return count;
  });
}

HttpResponse Running::finish() {
  rethrow();
  if (to_sink()) begin_sink();
  return std::move(response_);
}

std::size_t on_header(char* text, std::size_t size, std::size_t count, void* running) {
  return static_cast<Running*>(running)->take_header({text, size * count});
}

std::size_t on_body(char* text, std::size_t size, std::size_t count, void* running) {
  return static_cast<Running*>(running)->take_body(std::as_bytes(std::span(text, size * count)));
}

std::size_t on_send(char* text, std::size_t size, std::size_t count, void* running) {
  return static_cast<Running*>(running)->give_body(
      std::as_writable_bytes(std::span(text, size * count)));
}

int on_seek(void* running, curl_off_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_FAIL;
  return static_cast<Running*>(running)->seek(static_cast<std::uint64_t>(offset));
}

/// Whether libcurl's own certificates exist: a file or a folder, chosen when it was built.
bool has_own_certificates([[maybe_unused]] CURL* easy) {
#if LIBCURL_VERSION_NUM >= 0x075400
  for (const CURLINFO which : {CURLINFO_CAINFO, CURLINFO_CAPATH}) {
    const char* path = info<const char*>(easy, which);
    std::error_code error;
    if (path != nullptr && !std::filesystem::is_empty(path, error) && !error) return true;
  }
#endif
  return false;
}

void set_certificates(CURL* easy, const std::string& url) {
  auto [file, folder] = certificates_of_environment();
  if (file.empty() && folder.empty()) {
    if (!origin_of(url).starts_with("https:") || has_own_certificates(easy)) return;
    file = certificates_of_system();
    if (file.empty()) {
      throw HubUnreachable(shown_url(url),
                           "the system has no certificates to check the server with",
                           advice("install the package ca-certificates, or set SSL_CERT_FILE to "
                                  "the certificates to trust"));
    }
  }
  set(easy, CURLOPT_CAINFO, file.empty() ? nullptr : file.c_str());
  set(easy, CURLOPT_CAPATH, folder.empty() ? nullptr : folder.c_str());
}

void set_security(CURL* easy) {
#if LIBCURL_VERSION_NUM >= 0x075500
  set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  set(easy, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
  set(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  set(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
}

void set_proxy(CURL* easy, const std::string& url) {
  // libcurl reads all proxy variables except this one: a web server passes a "Proxy:" header to its
  // scripts under this name. NO_PROXY also applies to it.
  const std::string proxy = environment_variable("HTTP_PROXY");
  const bool script = !environment_variable("REQUEST_METHOD").empty();
  const bool http = origin_of(url).starts_with("http:");
  if (proxy.empty() || script || !http || !environment_variable("http_proxy").empty()) return;
  set(easy, CURLOPT_PROXY, proxy.c_str());
}

void set_body(CURL* easy, const Exchange& exchange, Running& running) {
  const HttpRequest& request = *exchange.request;
  const bool posts = exchange.method == "POST" || exchange.method == "PUT";
  if (exchange.with_body && request.upload != nullptr) {
    set(easy, CURLOPT_UPLOAD, 1L);
    set(easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.upload->size_bytes));
    set(easy, CURLOPT_READFUNCTION, &on_send);
    set(easy, CURLOPT_READDATA, static_cast<void*>(&running));
    set(easy, CURLOPT_SEEKFUNCTION, &on_seek);
    set(easy, CURLOPT_SEEKDATA, static_cast<void*>(&running));
    set(easy, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  } else if (exchange.with_body && (posts || !request.body.empty())) {
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(easy, CURLOPT_POSTFIELDS, request.body.c_str());
  }
  if (exchange.method == "HEAD") {
    set(easy, CURLOPT_NOBODY, 1L);
  } else {
    set(easy, CURLOPT_CUSTOMREQUEST, exchange.method.c_str());
  }
}

bool is_secret(const std::string& name) {
  return ::strcasecmp(name.c_str(), "Authorization") == 0 ||
         ::strcasecmp(name.c_str(), "Cookie") == 0;
}

void set_headers(CURL* easy, const Exchange& exchange, HeaderList& list) {
  // No "Expect: 100-continue", and below no default Content-Type of a form.
  list.add("Expect:");
  bool typed = false;
  for (const HttpHeader& header : exchange.request->headers) {
    if (exchange.elsewhere && is_secret(header.name)) continue;
    // For libcurl "Name:" removes a header, and "Name;" gives it an empty value.
    list.add(header.name + (header.value.empty() ? ";" : ": " + header.value));
    typed = typed || header.name == "Content-Type";
  }
  if (!typed) list.add("Content-Type:");
  if (!exchange.token.empty()) list.add("Authorization: Bearer " + exchange.token);
  set(easy, CURLOPT_HTTPHEADER, list.get());
  // Sizes and ranges count uncompressed bytes. libcurl decompresses a reply in any case.
  const bool plain = exchange.request->sink != nullptr || exchange.method == "HEAD";
  set(easy, CURLOPT_ACCEPT_ENCODING, plain ? "identity" : "gzip, deflate");
}

void set_connection(CURL* easy, const Exchange& exchange, const std::string& user_agent) {
  set(easy, CURLOPT_URL, exchange.url.c_str());
  set(easy, CURLOPT_USERAGENT, user_agent.c_str());
  set(easy, CURLOPT_NOSIGNAL, 1L);
  set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(easy, CURLOPT_CONNECTTIMEOUT, static_cast<long>(exchange.request->timeout.count()));
  set(easy, CURLOPT_BUFFERSIZE, kBufferBytes);
  set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

void set_reply(CURL* easy, Running& running, char* error) {
  set(easy, CURLOPT_HEADERFUNCTION, &on_header);
  set(easy, CURLOPT_HEADERDATA, static_cast<void*>(&running));
  set(easy, CURLOPT_WRITEFUNCTION, &on_body);
  set(easy, CURLOPT_WRITEDATA, static_cast<void*>(&running));
  set(easy, CURLOPT_ERRORBUFFER, error);
}

/// Whether the error is transient. A host name that is not found usually means a machine without a
/// network, which should use the cache without a wait.
bool may_pass(CURLcode code) {
  constexpr std::array kPassing = {
      CURLE_COULDNT_CONNECT, CURLE_PARTIAL_FILE, CURLE_OPERATION_TIMEDOUT, CURLE_SSL_CONNECT_ERROR,
      CURLE_GOT_NOTHING,     CURLE_SEND_ERROR,   CURLE_RECV_ERROR};
  return std::ranges::find(kPassing, code) != kPassing.end();
}

Hints hints_for(CURLcode code) {
  switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return advice(
          "check HF_ENDPOINT and the clock, or set SSL_CERT_FILE to the certificates to trust");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return advice("check the network and HF_ENDPOINT");
    case CURLE_COULDNT_RESOLVE_PROXY:
      return advice("check HTTPS_PROXY and HTTP_PROXY");
    default:
      return {};
  }
}

[[noreturn]] void throw_lost(const Exchange& exchange, const Running& running, std::string_view why,
                             bool passes, Hints hints) {
  throw HubUnreachable(
      shown_url(exchange.url),
      fmt::format("no complete reply to {}: {}", exchange.method, printable(why, 300)),
      std::move(hints), passes, running.sink_has_bytes());
}

/// Throws HubUnreachable where no byte moved for too long, or a reply takes too long.
class Watch {
 public:
  Watch(CURL* easy, const Exchange& exchange, const Running& running)
      : easy_(easy),
        exchange_(exchange),
        running_(running),
        longest_(std::max(exchange.reply_time, exchange.request->timeout)) {}

  void look() {
    const Clock::time_point now = Clock::now();
    const std::uint64_t moved =
        running_.received_bytes() +
        static_cast<std::uint64_t>(info<curl_off_t>(easy_, CURLINFO_SIZE_UPLOAD_T)) +
        static_cast<std::uint64_t>(info<long>(easy_, CURLINFO_REQUEST_SIZE));
    if (moved != moved_) {
      moved_ = moved;
      since_ = now;
    }
    const std::chrono::seconds timeout = exchange_.request->timeout;
    if (now - since_ > timeout) lose(fmt::format("no data for {} s", timeout.count()), true);
    const std::uint64_t bytes = running_.file_bytes();
    if (bytes - bytes_ >= kLeastBytesPerSecond * static_cast<std::uint64_t>(longest_.count())) {
      bytes_ = bytes;
      begun_ = now;
    }
    if (now - begun_ > longest_)
      lose(fmt::format("unfinished after {} s", longest_.count()), false);
  }

 private:
  [[noreturn]] void lose(std::string_view why, bool passes) const {
    throw_lost(exchange_, running_, why, passes, {});
  }

  CURL* easy_;
  const Exchange& exchange_;
  const Running& running_;
  std::chrono::seconds longest_;  // of the reply, or of so many bytes of a file
  std::uint64_t moved_ = 0, bytes_ = 0;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point since_ = begun_;
};

/// Adds an easy handle to a multi handle for its own lifetime.
class Attached {
 public:
  Attached(CURLM* multi, CURL* easy) : multi_(multi), easy_(easy) {
    if (curl().multi_add_handle(multi, easy) != CURLM_OK) {
      throw std::runtime_error("libcurl refused a request");
    }
  }
  ~Attached() { curl().multi_remove_handle(multi_, easy_); }
  Attached(const Attached&) = delete;
  Attached& operator=(const Attached&) = delete;

 private:
  CURLM* multi_;
  CURL* easy_;
};

/// The result of the only transfer of `multi`, after it ended. Calls `interrupted` often.
CURLcode drive(CURLM* multi, Watch& watch, const std::function<void()>& interrupted) {
  constexpr int kPollMilliseconds = 100;
  for (int running = 1;;) {
    {
      const SigpipeHeldBack held_back;
      if (curl().multi_perform(multi, &running) != CURLM_OK) return CURLE_FAILED_INIT;
    }
    if (running == 0) break;
    interrupted();
    watch.look();
    if (curl().multi_poll(multi, nullptr, 0, kPollMilliseconds, nullptr) != CURLM_OK) {
      return CURLE_FAILED_INIT;
    }
  }
  int rest = 0;
  const CURLMsg* message = curl().multi_info_read(multi, &rest);
  return message == nullptr ? CURLE_FAILED_INIT : message->data.result;
}

}  // namespace

struct HttpSession::Handles {
  std::unique_ptr<CURLM, decltype(&curl_multi_cleanup)> multi{nullptr, curl().multi_cleanup};
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> easy{nullptr, curl().easy_cleanup};
};

HttpSession::HttpSession(std::string user_agent)
    : user_agent_(std::move(user_agent)), handles_(std::make_unique<Handles>()) {
  handles_->multi.reset(curl().multi_init());
  handles_->easy.reset(curl().easy_init());
  if (handles_->multi == nullptr || handles_->easy == nullptr) throw std::bad_alloc();
}

HttpSession::~HttpSession() = default;

HttpResponse HttpSession::run(const Exchange& exchange) {
  CURL* easy = handles_->easy.get();
  curl().easy_reset(easy);
  Running running(exchange);
  HeaderList headers;
  std::array<char, CURL_ERROR_SIZE> error{};
  set_connection(easy, exchange, user_agent_);
  set_security(easy);
  set_certificates(easy, exchange.url);
  set_proxy(easy, exchange.url);
  set_body(easy, exchange, running);
  set_headers(easy, exchange, headers);
  set_reply(easy, running, error.data());
  CURLcode code = CURLE_OK;
  {
    const Attached attached(handles_->multi.get(), easy);
    Watch watch(easy, exchange, running);
    code = drive(handles_->multi.get(), watch, *exchange.interrupted);
  }
  running.rethrow();
  if (code != CURLE_OK) {
    throw_lost(exchange, running, error[0] != 0 ? error.data() : curl().easy_strerror(code),
               may_pass(code), hints_for(code));
  }
  return running.finish();
}

}  // namespace weightlift
