#include "tests/hub/client.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "tests/support/refusal.h"

namespace weightlift::testing {

namespace fs = std::filesystem;

namespace {

std::string hex_digest(const EVP_MD* kind, const std::string& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, kind, nullptr);
  std::string hex;
  for (unsigned i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

/// Whether the cache uses `name` for a file of these bytes.
bool is_name_of(const std::string& name, const std::string& bytes) {
  constexpr std::size_t kSha256Digits = 64;
  if (name.size() == kSha256Digits) return name == hex_digest(EVP_sha256(), bytes);
  const std::string head = fmt::format("blob {}", bytes.size()) + '\0';
  return name == hex_digest(EVP_sha1(), head + bytes);
}

/// All files and links below the cache.
std::vector<fs::path> cached(const fs::path& cache) {
  std::vector<fs::path> found;
  if (!fs::exists(cache)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(cache)) {
    if (!entry.is_directory() || entry.is_symlink()) found.push_back(entry.path());
  }
  return found;
}

bool is_incomplete(const fs::path& path) { return path.extension() == ".incomplete"; }

}  // namespace

std::string noise(std::size_t size, std::uint64_t seed) {
  std::string bytes(size, '\0');
  std::uint64_t state = seed;
  for (char& byte : bytes) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    byte = static_cast<char>(state >> 56U);
  }
  return bytes;
}

std::map<std::string, std::string> tree_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    files[entry.path().lexically_relative(folder).generic_string()] = read_file(entry.path());
  }
  return files;
}

HubSettings HubClientTest::settings(const std::string& token) const {
  HubSettings settings;
  settings.endpoint = server_.url();
  settings.cache = dir_ / "hub";
  settings.token = token;
  settings.first_wait = std::chrono::milliseconds(1);
  return settings;
}

Snapshot HubClientTest::pull(std::string_view what, const std::string& token) {
  HttpClient http(settings(token));
  ProgressSink progress;
  return HubClient(http, progress).snapshot_download(RepoRevision::parse(what));
}

std::string HubClientTest::failed_pull(std::string_view what, const std::string& token) {
  return refusal<HubError>([&] { pull(what, token); });
}

CommitInfo HubClientTest::push(const fs::path& folder, std::string_view repo,
                               const std::string& token) {
  UploadRequest request{
      .folder = folder, .files = {}, .repo = RepoId::parse(repo), .commit_message = "Add"};
  for (const auto& [name, bytes] : tree_of(folder)) request.files.push_back(name);
  HttpClient http(settings(token));
  ProgressSink progress;
  return upload_folder(http, request, progress);
}

std::vector<std::string> HubClientTest::program(const std::vector<std::string>& arguments,
                                                const std::string& token) const {
  std::vector<std::string> command = {"/usr/bin/env",
                                      "HF_ENDPOINT=" + server_.url(),
                                      "HF_HOME=" + (dir_ / "home").string(),
                                      "HF_HUB_CACHE=" + (dir_ / "hub").string(),
                                      "HF_TOKEN=" + token,
                                      WEIGHTLIFT_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return command;
}

void HubClientTest::expect_sound_cache() const {
  for (const fs::path& path : cached(dir_ / "hub")) {
    if (path.parent_path().filename() == "blobs" && !is_incomplete(path)) {
      EXPECT_TRUE(is_name_of(path.filename(), read_file(path))) << path;
    }
    if (path.string().find("/snapshots/") != std::string::npos) {
      EXPECT_TRUE(fs::is_symlink(path) && fs::is_regular_file(path)) << path;
    }
  }
}

int HubClientTest::count_incomplete() const {
  const std::vector<fs::path> all = cached(dir_ / "hub");
  return static_cast<int>(std::ranges::count_if(all, is_incomplete));
}

}  // namespace weightlift::testing
