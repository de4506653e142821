#include "weightlift/checkpoint/output_sink.h"

#include <algorithm>

#include "weightlift/base/file.h"

namespace weightlift {

namespace {

/// A tensor of at least this size is written from its own memory; shorter ones are collected in a
/// buffer: a ResNet has hundreds of tensors of a few hundred bytes.
constexpr std::size_t kDirectBytes = std::size_t{64} << 10U;
constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;
/// Size of the pieces that are written, reported and released.
constexpr std::size_t kPieceBytes = std::size_t{2} << 20U;

}  // namespace

OutputSink::OutputSink(std::uint64_t total_bytes, const WriteProgress& progress)
    : total_bytes_(total_bytes), progress_(progress) {
  buffer_.reserve(std::min<std::uint64_t>(kBufferBytes, total_bytes));
}

void OutputSink::append(std::span<const std::byte> bytes) {
  if (bytes.size() >= kDirectBytes) {
    flush();
    write_pieces(bytes);
    return;
  }
  if (bytes.size() > kBufferBytes - buffer_.size()) flush();
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  release_mapped(bytes);
}

void OutputSink::close() {
  flush();
  finish();
}

void OutputSink::flush() {
  write_pieces(buffer_);
  buffer_.clear();
}

void OutputSink::write_pieces(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(bytes.size(), kPieceBytes));
    write_all(piece);
    release_mapped(piece);
    done_bytes_ += piece.size();
    if (progress_) progress_(done_bytes_, total_bytes_);
    bytes = bytes.subspan(piece.size());
  }
}

}  // namespace weightlift
