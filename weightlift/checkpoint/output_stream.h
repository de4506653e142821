#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <span>
#include <string_view>

#include "weightlift/checkpoint.h"
#include "weightlift/checkpoint/output_sink.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The name of a stream in messages.
inline constexpr const char* kOutputStream = "output stream";

/// A stream as an output: from its current position on, without seeking, and flushed at the end.
/// Throws IoError where the stream fails, also where its mask makes it throw ios_base::failure.
/// Exceptions of the stream's buffer that the mask lets through reach the caller. The mask stays as
/// it is. `stream` outlives it.
class OutputStream : public OutputSink {
 public:
  OutputStream(std::ostream& stream, std::uint64_t total_bytes, const WriteProgress& progress);

 private:
  void write_all(std::span<const std::byte> bytes) override;
  void finish() override;
  [[noreturn]] void fail(std::string_view what) const;

  std::ostream& stream_;
};

}  // namespace weightlift
