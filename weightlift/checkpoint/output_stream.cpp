#include "weightlift/checkpoint/output_stream.h"

#include <fmt/format.h>

#include <ios>
#include <ostream>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"

namespace weightlift {

OutputStream::OutputStream(std::ostream& stream, std::uint64_t total_bytes,
                           const WriteProgress& progress)
    : OutputSink(total_bytes, progress), stream_(stream) {
  if (!stream_.good()) fail("the stream failed before the first byte");
}

void OutputStream::write_all(std::span<const std::byte> bytes) {
  try {
    stream_.write(reinterpret_cast<const char*>(bytes.data()),
                  narrow<std::streamsize>(bytes.size()));
  } catch (const std::ios_base::failure&) {
    // The state of the stream has the failure also.
  }
  if (!stream_) fail("the stream failed");
}

void OutputStream::finish() {
  try {
    stream_.flush();
  } catch (const std::ios_base::failure&) {
    // As in write_all.
  }
  if (!stream_) fail("the stream failed at its end");
}

void OutputStream::fail(std::string_view what) const {
  throw IoError(kOutputStream, fmt::format("cannot write {} bytes: {}", total_bytes(), what));
}

}  // namespace weightlift
