// A Hub that answers with any bytes: pull, push and whoami end in a result or in an Error of a kind
// that is no fault of weightlift, the token stands in no message, and no file lies outside the
// folder. The first byte chooses the work; the rest is the replies, one after the other, with the
// server's address in place of {hub}.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fuzz/round_trip.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/text.h"
#include "weightlift/hub/account.h"
#include "weightlift/hub/hub_client.h"
#include "weightlift/hub/upload.h"

namespace {

using namespace weightlift;
using fuzzing::require;
namespace fs = std::filesystem;

constexpr std::string_view kBetween = "\n--reply--\n";
constexpr std::string_view kToken = "hf_TheTokenOfTheFuzzTarget0123456789";
constexpr int kBacklog = 16;

/// Serves the replies of the current input, one for each connection.
class Server {
 public:
  Server() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    require(::bind(listener_.get(), plain, size) == 0);
    require(::listen(listener_.get(), kBacklog) == 0);
    require(::getsockname(listener_.get(), plain, &size) == 0);
    url_ = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    std::thread([this] { serve(); }).detach();
  }

  const std::string& url() const { return url_; }

  void set_replies(std::string_view text) {
    const std::scoped_lock lock(mutex_);
    replies_.clear();
    next_ = 0;
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(kBetween), text.size());
      replies_.emplace_back(text.substr(0, end));
      replace_all(replies_.back(), "{hub}", url_);
      text.remove_prefix(std::min(end + kBetween.size(), text.size()));
    }
    is_over_ = replies_.empty();
  }

  /// No reply is left: more requests would only wait.
  bool is_over() const { return is_over_; }

 private:
  std::string take() {
    const std::scoped_lock lock(mutex_);
    if (next_ == replies_.size()) is_over_ = true;
    return next_ == replies_.size() ? std::string() : replies_[next_++];
  }

  [[noreturn]] void serve() {
    for (;;) {
      const Descriptor peer(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!peer) continue;
      std::array<char, 1 << 16> request{};
      if (::recv(peer.get(), request.data(), request.size(), 0) <= 0) continue;
      const std::string reply = take();
      ::send(peer.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
      ::shutdown(peer.get(), SHUT_WR);
      // What the client still sends: closing before it is read would take the reply back.
      timeval wait{0, 20'000};
      ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
      while (::recv(peer.get(), request.data(), request.size(), 0) > 0) continue;
    }
  }

  Descriptor listener_;
  std::string url_;
  std::mutex mutex_;
  std::vector<std::string> replies_;
  std::size_t next_ = 0;
  std::atomic<bool> is_over_ = true;
};

class Silent final : public ProgressSink {
 public:
  void note(const Note& note) override {
    for (const auto& [name, value] : note.parameters) {
      require(value.find(kToken) == value.npos);
    }
  }
};

void work(char what, HttpClient& http, const fs::path& folder) {
  Silent progress;
  if (what == 'w') {
    require_write_access(whoami(http), RepoId::parse("alice/net"), false);
  } else if (what == 'u') {
    // The files of the corpus' uploads.
    fs::create_directory(folder / "in");
    write_atomically(folder / "in/config.json", "{}");
    write_atomically(folder / "in/model.safetensors",
                     std::string("\x37\0\0\0\0\0\0\0", 8) +
                         R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} 1234)");
    upload_folder(http,
                  {.folder = folder / "in",
                   .files = {"config.json", "model.safetensors"},
                   .repo = RepoId::parse("alice/net"),
                   .commit_message = "Upload"},
                  progress);
  } else if (what == 'l') {
    HubClient(http, progress).download_to_folder(RepoRevision::parse("alice/net"), folder / "out");
  } else {
    HubClient(http, progress).snapshot_download(RepoRevision::parse("alice/net"));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static auto& server = *new Server;  // its thread never ends
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  server.set_replies(text.substr(1));
  const fs::path folder = fuzzing::make_folder();
  HubSettings settings;
  settings.endpoint = server.url();
  settings.cache = folder / "cache";
  settings.token = kToken;
  settings.first_wait = std::chrono::milliseconds(1);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  HttpClient http(settings, [&] {
    if (server.is_over() || std::chrono::steady_clock::now() > end) throw Interrupted(SIGINT);
  });
  try {
    work(text.front(), http, folder);
  } catch (const Error& error) {
    require(error.kind() != ErrorKind::kInternal);
    require(std::string_view(error.what()).find(kToken) == std::string_view::npos);
    for (const Hint& hint : error.hints()) {
      for (const std::string& value : hint.values) require(value.find(kToken) == value.npos);
    }
  }
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto name = entry.path().filename();
    require(name == "in" || name == "out" || name == "cache");
  }
  fs::remove_all(folder);
  return 0;
}
