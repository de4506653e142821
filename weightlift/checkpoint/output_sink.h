#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "weightlift/checkpoint.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// An output of known size that is written from front to end, in pieces; progress is reported after
/// each. After an exception a part of it may remain. `progress` outlives it.
class OutputSink {
 public:
  virtual ~OutputSink() = default;
  OutputSink(const OutputSink&) = delete;
  OutputSink& operator=(const OutputSink&) = delete;

  /// Adds bytes at the end, and releases them where they are mapped.
  void append(std::span<const std::byte> bytes);
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }

  /// Call it at the end: only now all bytes are written.
  void close();

 protected:
  OutputSink(std::uint64_t total_bytes, const WriteProgress& progress);
  std::uint64_t total_bytes() const { return total_bytes_; }

 private:
  /// Writes all bytes. Throws IoError.
  virtual void write_all(std::span<const std::byte> bytes) = 0;
  /// Called once, after the last byte. Throws IoError.
  virtual void finish() = 0;
  void flush();
  void write_pieces(std::span<const std::byte> bytes);

  std::uint64_t total_bytes_;
  const WriteProgress& progress_;
  std::uint64_t done_bytes_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace weightlift
