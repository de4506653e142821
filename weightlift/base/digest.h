#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace weightlift {

/// Computes a digest of bytes that arrive in pieces.
class Hasher {
 public:
  static Hasher sha256();
  /// Git's name for a file of that size: SHA-1 of "blob SIZE", a zero byte and the content.
  static Hasher git_blob(std::uint64_t size_bytes);

  void update(std::span<const std::byte> piece);
  /// The digest in lower-case hex, 64 or 40 digits. Call it once; no update() may follow.
  std::string hex();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  explicit Hasher(const char* algorithm);
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

/// SHA-256 in 64 lower-case hex digits. Releases mapped pages while it reads (release_mapped), so
/// that hashing a file adds little to the memory in use.
std::string sha256(std::span<const std::byte> bytes);

}  // namespace weightlift
