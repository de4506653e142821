#include "weightlift/checkpoint/safetensors_writer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "weightlift/base/bytes.h"
#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {

namespace {

/// A tensor at least this long is written from where it lies, a shorter one is gathered with its
/// neighbours: a ResNet has hundreds of tensors of a few hundred bytes.
constexpr std::size_t kDirectBytes = std::size_t{64} << 10U;
constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;
/// Written, reported and given back in pieces of this size.
constexpr std::size_t kPieceBytes = std::size_t{2} << 20U;

struct Plan {
  std::string header;  // the length before it and the padding after it included
  std::vector<const SafetensorsEntry*> order;
  std::uint64_t total_bytes = 0;
};

std::string quoted(const std::string& text, std::string_view thing) {
  try {
    // Escapes what the official writer escapes, in the same spelling, and leaves other UTF-8 alone.
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw FormatError(
        fmt::format("{} '{}': expected UTF-8, got other bytes", thing, printable(text)));
  }
}

std::uint64_t stored_bytes(const SafetensorsEntry& entry) {
  const DType from = entry.tensor.dtype();
  if (from != entry.dtype && (!is_floating(from) || !is_floating(entry.dtype))) {
    throw FormatError(
        fmt::format("tensor '{}': expected a conversion among F16, BF16, F32 and F64, "
                    "got {} to {}",
                    printable(entry.name), to_string(from), to_string(entry.dtype)));
  }
  return narrow<std::uint64_t>(entry.tensor.numel()) * item_bytes(entry.dtype);
}

void require_writable_names(const std::vector<const SafetensorsEntry*>& order) {
  std::vector<std::string_view> names;
  for (const SafetensorsEntry* entry : order) {
    const std::string& name = entry->name;
    if (name.empty() || name == "__metadata__" || name.find('\0') != std::string::npos) {
      throw FormatError(
          fmt::format("tensor '{}': expected a name that is not empty, not "
                      "__metadata__, and without NUL",
                      printable(name)));
    }
    names.emplace_back(name);
  }
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
    throw FormatError(
        fmt::format("tensor '{}': expected each name once, got it twice", printable(*twice)));
  }
}

std::string metadata_json(SafetensorsMetadata metadata) {
  std::ranges::sort(metadata);
  std::string out;
  const std::string* previous = nullptr;
  for (const auto& [key, value] : metadata) {
    if (previous != nullptr && *previous == key) {
      throw FormatError(
          fmt::format("__metadata__ '{}': expected each key once, got it twice", printable(key)));
    }
    out += out.empty() ? R"("__metadata__":{)" : ",";
    out += quoted(key, "__metadata__") + ":" + quoted(value, "__metadata__");
    previous = &key;
  }
  return out.empty() ? out : out + "}";
}

/// The JSON text with its length before it, padded so that the data begin at a multiple of 8.
std::string frame_header(std::string json) {
  json.append((8 - json.size() % 8) % 8, ' ');
  if (json.size() > kMaxSafetensorsHeaderBytes) {
    throw FormatError(fmt::format("header: expected at most {} bytes, got {}",
                                  kMaxSafetensorsHeaderBytes, json.size()));
  }
  std::string header(sizeof(std::uint64_t), '\0');
  store_little_endian<std::uint64_t>(json.size(), std::as_writable_bytes(std::span(header)));
  return header + json;
}

Plan make_plan(const std::vector<SafetensorsEntry>& entries, const SafetensorsMetadata& metadata) {
  Plan plan;
  for (const SafetensorsEntry& entry : entries) plan.order.push_back(&entry);
  require_writable_names(plan.order);
  std::ranges::sort(plan.order, [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    return a->dtype != b->dtype ? a->dtype > b->dtype : a->name < b->name;
  });
  std::string json = "{" + metadata_json(metadata);
  std::uint64_t offset = 0;
  for (const SafetensorsEntry* entry : plan.order) {
    const std::uint64_t end = offset + stored_bytes(*entry);
    if (json.size() > 1) json += ',';
    json += quoted(entry->name, "tensor");
    json +=
        fmt::format(R"(:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                    to_string(entry->dtype), fmt::join(entry->tensor.shape(), ","), offset, end);
    offset = end;
  }
  plan.header = frame_header(json + "}");
  plan.total_bytes = plan.header.size() + offset;
  return plan;
}

/// A new file that is written from front to end.
class OutputFile {
 public:
  OutputFile(const std::filesystem::path& path, std::uint64_t total_bytes,
             const WriteProgress& progress)
      : path_(path), total_bytes_(total_bytes), progress_(progress) {
    descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0) throw_io_error(path_, "file: cannot be made", errno);
    reserve_space();
    buffer_.reserve(std::min<std::uint64_t>(kBufferBytes, total_bytes));
  }
  ~OutputFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Mapped memory is given back once it was copied or written.
  void append(std::span<const std::byte> bytes) {
    if (bytes.size() >= kDirectBytes) {
      flush();
      write_pieces(bytes);
      return;
    }
    if (bytes.size() > kBufferBytes - buffer_.size()) flush();
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    release_mapped(bytes);
  }

  /// Room for `size` more bytes at the end of the buffer, at most kBufferBytes, to be filled at
  /// once.
  std::span<std::byte> extend(std::size_t size) {
    if (size > kBufferBytes - buffer_.size()) flush();
    buffer_.resize(buffer_.size() + size);
    return std::span(buffer_).last(size);
  }

  /// Some file systems report a full disk only now.
  void close() {
    flush();
    if (::close(std::exchange(descriptor_, -1)) != 0) fail();
  }

 private:
  [[noreturn]] void fail() const {
    throw_io_error(path_, fmt::format("file: cannot be written, {} bytes are needed", total_bytes_),
                   errno);
  }

  /// Asks for the blocks at once: a full disk shows before the first byte, and ext4 writes a fifth
  /// faster. The size still grows with what is written. Other errors mean that the file system has
  /// no such call; its C library emulation would write every block, so it is not asked.
  void reserve_space() const {
    const int result =
        ::fallocate(descriptor_, FALLOC_FL_KEEP_SIZE, 0, narrow<off_t>(total_bytes_));
    if (result != 0 && (errno == ENOSPC || errno == EDQUOT)) fail();
  }

  void flush() {
    write_pieces(buffer_);
    buffer_.clear();
  }

  void write_pieces(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const auto piece = bytes.first(std::min(bytes.size(), kPieceBytes));
      write_all(piece);
      release_mapped(piece);
      done_bytes_ += piece.size();
      if (progress_) progress_(done_bytes_, total_bytes_);
      bytes = bytes.subspan(piece.size());
    }
  }

  void write_all(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail();
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  const std::filesystem::path& path_;
  std::uint64_t total_bytes_;
  const WriteProgress& progress_;
  int descriptor_ = -1;
  std::uint64_t done_bytes_ = 0;
  std::vector<std::byte> buffer_;
};

void append_converted(const SafetensorsEntry& entry, OutputFile& file) {
  const Tensor& tensor = entry.tensor;
  const std::size_t from_bytes = item_bytes(tensor.dtype());
  constexpr std::size_t kElements = kBufferBytes / 4 / sizeof(double);
  const std::size_t piece_bytes = kElements * from_bytes;
  for (std::size_t start = 0; start < tensor.bytes().size(); start += piece_bytes) {
    const auto in =
        tensor.bytes().subspan(start, std::min(piece_bytes, tensor.bytes().size() - start));
    convert_elements(in, tensor.dtype(), entry.dtype,
                     file.extend(in.size() / from_bytes * item_bytes(entry.dtype)));
    release_mapped(in);
  }
}

}  // namespace

std::uint64_t safetensors_file_bytes(const std::vector<SafetensorsEntry>& entries,
                                     const SafetensorsMetadata& metadata) {
  return make_plan(entries, metadata).total_bytes;
}

void write_safetensors(const std::filesystem::path& path,
                       const std::vector<SafetensorsEntry>& entries,
                       const SafetensorsMetadata& metadata, const WriteProgress& progress) {
  Plan plan;
  try {
    plan = make_plan(entries, metadata);
  } catch (const FormatError& error) {
    throw FormatError(fmt::format("{}: {}", shown(path), error.what()));
  }
  OutputFile file(path, plan.total_bytes, progress);
  file.append(std::as_bytes(std::span(plan.header)));
  for (const SafetensorsEntry* entry : plan.order) {
    if (entry->dtype == entry->tensor.dtype()) {
      file.append(entry->tensor.bytes());
    } else {
      append_converted(*entry, file);
    }
  }
  file.close();
}

}  // namespace weightlift
