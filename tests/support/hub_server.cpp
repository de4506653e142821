#include "tests/support/hub_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace weightlift::testing {

namespace {

using Json = nlohmann::json;

struct Pipe {
  int read_end = -1, write_end = -1;
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    read_end = ends[0];
    write_end = ends[1];
  }
};

std::string read_line(int from) {
  std::string line;
  for (char c = 0; ::read(from, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

/// A connection to a local port.
int connect_to(const std::string& url) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))));
  const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(connection);
    throw std::runtime_error("the stand-in Hub does not answer");
  }
  return connection;
}

/// Sends one request on a new connection, and returns the whole reply.
std::string round_trip(const std::string& url, const std::string& request) {
  const int connection = connect_to(url);
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t n =
        ::send(connection, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;
    sent += static_cast<std::size_t>(n);
  }
  std::string reply;
  std::array<char, 65536> piece{};
  for (ssize_t n = 0; (n = ::read(connection, piece.data(), piece.size())) > 0;) {
    reply.append(piece.data(), static_cast<std::size_t>(n));
  }
  ::close(connection);
  return reply;
}

}  // namespace

HubServer::HubServer(const std::filesystem::path& certificate) {
  const Pipe in;
  const Pipe out;
  std::vector<std::string> words = {"python3", "-B", WEIGHTLIFT_HUB_SERVER, "--root", root_.path()};
  if (!certificate.empty()) words.insert(words.end(), {"--tls", certificate.string()});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.read_end, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.write_end, STDOUT_FILENO);
  const int failed =
      ::posix_spawnp(&pid_, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in.read_end);
  ::close(out.write_end);
  stdin_ = in.write_end;
  if (failed == 0) std::istringstream(read_line(out.read_end)) >> url_ >> cdn_url_ >> plain_url_;
  ::close(out.read_end);
  if (plain_url_.empty()) throw std::runtime_error("the stand-in Hub does not start");
}

HubServer::~HubServer() {
  ::close(stdin_);
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

std::string HubServer::send(std::string_view method, std::string_view path,
                            const std::string& body) {
  std::ostringstream request;
  request << method << ' ' << path << " HTTP/1.1\r\nHost: " << plain_url_.substr(7)
          << "\r\nConnection: close\r\nContent-Length: " << body.size() << "\r\n\r\n"
          << body;
  const std::string reply = round_trip(plain_url_, request.str());
  const std::size_t head = reply.find("\r\n\r\n");
  if (!reply.starts_with("HTTP/1.1 200 ") || head == std::string::npos) {
    throw std::runtime_error(std::string(path) + ": " + reply.substr(0, 1000));
  }
  return reply.substr(head + 4);
}

std::string HubServer::add_repo(std::string_view id, const std::filesystem::path& folder,
                                Json more) {
  more["id"] = id;
  more["folder"] = folder.string();
  return Json::parse(send("POST", "/_test/repo", more.dump()))["commit"];
}

void HubServer::set_faults(const std::string& rules_json) {
  send("POST", "/_test/faults", rules_json);
}

void HubServer::clear_faults() { send("DELETE", "/_test/faults"); }

void HubServer::set_mode(const std::string& modes_json) { send("POST", "/_test/mode", modes_json); }

std::vector<Json> HubServer::log() { return Json::parse(send("GET", "/_test/log")); }

void HubServer::clear_log() { send("DELETE", "/_test/log"); }

std::vector<std::string> HubServer::requests(std::string_view part) {
  std::vector<std::string> found;
  for (const Json& entry : log()) {
    const std::string target = entry["path"];
    const std::string line = entry["method"].get<std::string>() + " " + target;
    if (line.find(part) == std::string::npos) continue;
    found.push_back(line.substr(0, line.find('?')));
  }
  return found;
}

std::string HubServer::stored(std::string_view what, std::string_view id, std::string_view revision,
                              std::string_view path) {
  std::ostringstream target;
  target << "/_test/" << what << "?id=" << id << "&revision=" << revision << "&path=" << path;
  return send("GET", target.str());
}

std::vector<std::string> HubServer::commit_titles(std::string_view id, std::string_view revision) {
  return Json::parse(stored("commits", id, revision));
}

std::string HubServer::file(std::string_view id, std::string_view path, std::string_view revision) {
  return stored("file", id, revision, path);
}

std::vector<std::string> HubServer::paths(std::string_view id, std::string_view revision) {
  return Json::parse(stored("paths", id, revision));
}

}  // namespace weightlift::testing
