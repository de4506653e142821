#include "weightlift/base/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include "weightlift/base/file.h"

namespace weightlift {

std::string sha256(std::span<const std::byte> bytes) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  const auto require = [](bool done) {
    if (!done) throw std::runtime_error("OpenSSL does not compute SHA-256");
  };
  require(context != nullptr && EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1);
  constexpr std::size_t kChunkBytes = std::size_t{1} << 20;
  while (!bytes.empty()) {
    const auto chunk = bytes.first(std::min(bytes.size(), kChunkBytes));
    require(EVP_DigestUpdate(context.get(), chunk.data(), chunk.size()) == 1);
    release_mapped(chunk);
    bytes = bytes.subspan(chunk.size());
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  require(EVP_DigestFinal_ex(context.get(), digest.data(), &length) == 1);
  std::string hex;
  for (unsigned int i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace weightlift
