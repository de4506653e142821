#include "weightlift/base/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <stdexcept>

#include "weightlift/base/file.h"
#include "weightlift/base/posix.h"

namespace weightlift {

namespace {

/// OpenSSL crashes where it cannot allocate its tables.
EVP_MD_CTX* new_context() {
  constexpr std::size_t kBytes = std::size_t{4} << 20;
  require_memory(kBytes);
  return EVP_MD_CTX_new();
}

void require(bool done) {
  if (!done) throw std::runtime_error("OpenSSL cannot compute this digest");
}

}  // namespace

void Hasher::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Hasher::Hasher(const char* algorithm) : context_(new_context()) {
  const EVP_MD* digest = EVP_get_digestbyname(algorithm);
  require(context_ != nullptr && digest != nullptr &&
          EVP_DigestInit_ex(context_.get(), digest, nullptr) == 1);
}

Hasher Hasher::sha256() { return Hasher("SHA256"); }

Hasher Hasher::git_blob(std::uint64_t size_bytes) {
  Hasher hasher("SHA1");
  const std::string head = fmt::format("blob {}", size_bytes);
  hasher.update(std::as_bytes(std::span(head.c_str(), head.size() + 1)));
  return hasher;
}

void Hasher::update(std::span<const std::byte> piece) {
  require(EVP_DigestUpdate(context_.get(), piece.data(), piece.size()) == 1);
}

std::string Hasher::hex() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  require(EVP_DigestFinal_ex(context_.get(), digest.data(), &length) == 1);
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

std::string sha256(std::span<const std::byte> bytes) {
  Hasher hasher = Hasher::sha256();
  constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
  while (!bytes.empty()) {
    const auto chunk = bytes.first(std::min(bytes.size(), kChunkBytes));
    hasher.update(chunk);
    release_mapped(chunk);
    bytes = bytes.subspan(chunk.size());
  }
  return hasher.hex();
}

}  // namespace weightlift
