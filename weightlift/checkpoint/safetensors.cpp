#include "weightlift/checkpoint/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "weightlift/base/bytes.h"
#include "weightlift/base/error.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/safetensors_header.h"

// A safetensors file:
//
//   offset 0     8             8 + N                                          end of file
//          +-----+-------------+----------+----------+-------------+----------+
//          |  N  | header text | tensor a | tensor b |     ...     | tensor z |
//          +-----+-------------+----------+----------+-------------+----------+
//   N: the length of the header in bytes, as a little-endian u64, padding included.
//   Header: a JSON object, UTF-8, often padded with spaces so that the data begin at a multiple
//   of 8:
//     {"__metadata__": {"format": "pt"},
//      "fc.weight": {"dtype": "F32", "shape": [1000, 512], "data_offsets": [8, 2048008]}, ...}
//   data_offsets [begin, end) count from offset 8 + N. Elements are little-endian, row-major,
//   packed.
//
// There is no magic number and no checksum. What makes a file whole is that the tensors, sorted by
// offset, tile the data section: the first begins at 0, each begins where the one before it ends,
// the last ends where the file ends, and each is exactly as long as its shape and dtype say. So
// holes, overlaps, shared ranges, missing and extra bytes are all errors, and nothing can hide in
// the file. What is free: the order of the entries, the order of the offsets, alignment (an F32 may
// begin at an odd offset), and where __metadata__ stands.
//
// Nothing is allocated by a number that the file declares: tensors are views, and a view exists
// only after its range was found inside the file.

namespace weightlift {

namespace {

constexpr std::size_t kPrefixBytes = sizeof(std::uint64_t);

struct Parts {
  std::string_view header;
  std::span<const std::byte> data;
};

Parts split(std::span<const std::byte> bytes, const std::string& where) {
  const auto header_bytes = load_little_endian<std::uint64_t>(bytes);
  if (!header_bytes) {
    throw FormatError(fmt::format(
        "{}: file: expected at least 8 bytes, got {}; incomplete download?", where, bytes.size()));
  }
  if (*header_bytes > kMaxSafetensorsHeaderBytes) {
    throw FormatError(
        fmt::format("{}: header length: expected at most {} bytes, got {}; not a "
                    "safetensors file?",
                    where, kMaxSafetensorsHeaderBytes, *header_bytes));
  }
  if (*header_bytes == 0) {
    throw FormatError(
        fmt::format("{}: header length: expected at least 2 bytes, got 0; incomplete "
                    "download?",
                    where));
  }
  const std::size_t available = bytes.size() - kPrefixBytes;
  if (*header_bytes > available) {
    throw FormatError(
        fmt::format("{}: file: expected a header of {} bytes, got {}: {} bytes are "
                    "missing; incomplete download?",
                    where, *header_bytes, available, *header_bytes - available));
  }
  const auto text = bytes.subspan(kPrefixBytes, narrow<std::size_t>(*header_bytes));
  return {{reinterpret_cast<const char*>(text.data()), text.size()},
          bytes.subspan(kPrefixBytes + text.size())};
}

/// Indexes of the tensors, sorted by data_offsets.
std::vector<std::size_t> offset_order(const std::vector<SafetensorsDeclaration>& tensors) {
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(
      order, {}, [&](std::size_t i) { return std::pair(tensors[i].begin, tensors[i].end); });
  return order;
}

void require_size(const SafetensorsDeclaration& tensor, const std::string& where) {
  const auto count = numel(tensor.shape);
  const auto needed =
      count ? checked_mul(narrow<std::uint64_t>(*count), std::uint64_t{item_bytes(tensor.dtype)})
            : std::nullopt;
  if (!needed) {
    throw FormatError(fmt::format(
        "{}: tensor '{}': shape: expected a size that 64 bits can count, "
        "got {} {}",
        where, printable(tensor.name), to_string(tensor.dtype), to_string(tensor.shape)));
  }
  if (const std::uint64_t span = tensor.end - tensor.begin; span != *needed) {
    throw FormatError(
        fmt::format("{}: tensor '{}': data_offsets span {} bytes, {} {} needs {}; "
                    "damaged file?",
                    where, printable(tensor.name), span, to_string(tensor.dtype),
                    to_string(tensor.shape), *needed));
  }
}

/// Throws unless the tensors, in this order, tile the data from 0 on. Returns where the last ends.
std::uint64_t require_tiling(const std::vector<SafetensorsDeclaration>& tensors,
                             const std::vector<std::size_t>& order, const std::string& where) {
  std::uint64_t edge = 0;
  const SafetensorsDeclaration* previous = nullptr;
  for (const std::size_t i : order) {
    const SafetensorsDeclaration& tensor = tensors[i];
    if (tensor.begin != edge || tensor.end < tensor.begin) {
      const std::string before = previous == nullptr
                                     ? std::string("the data begin")
                                     : fmt::format("'{}' ends", printable(previous->name));
      const std::string_view fault = tensor.end < tensor.begin ? "reversed"
                                     : tensor.begin < edge     ? "an overlap"
                                                               : "a hole";
      throw FormatError(fmt::format(
          "{}: tensor '{}': data_offsets: expected a range from {} on, "
          "where {}, got [{}, {}]: {}",
          where, printable(tensor.name), edge, before, tensor.begin, tensor.end, fault));
    }
    require_size(tensor, where);
    edge = tensor.end;
    previous = &tensor;
  }
  return edge;
}

void require_data_bytes(std::uint64_t expected, std::uint64_t got, const std::string& where) {
  if (got < expected) {
    throw FormatError(
        fmt::format("{}: file: expected {} bytes of tensor data, got {}: {} bytes are "
                    "missing; incomplete download?",
                    where, expected, got, expected - got));
  }
  if (got > expected) {
    throw FormatError(
        fmt::format("{}: file: expected {} bytes of tensor data, got {}: {} bytes "
                    "follow the last tensor",
                    where, expected, got, got - expected));
  }
}

std::vector<std::string> notes_on(std::string_view text, const SafetensorsHeader& header,
                                  const std::string& where) {
  std::vector<std::string> notes;
  if (text.front() != '{') {
    notes.push_back(
        fmt::format("{}: header: begins with white space, which other readers refuse", where));
  }
  if (header.tensors.empty()) notes.push_back(fmt::format("{}: holds no tensors", where));
  const auto format =
      std::ranges::find(header.metadata, "format", &std::pair<std::string, std::string>::first);
  if (header.has_metadata && format == header.metadata.end()) {
    notes.push_back(
        fmt::format("{}: __metadata__: has no format, which huggingface_hub refuses", where));
  } else if (header.has_metadata && format->second != "pt" && format->second != "mlx") {
    notes.push_back(
        fmt::format("{}: __metadata__: format is '{}', not 'pt': the tensors are taken "
                    "as PyTorch's all the same",
                    where, printable(format->second, 40)));
  }
  return notes;
}

}  // namespace

SafetensorsFile parse_safetensors(std::span<const std::byte> bytes,
                                  const std::shared_ptr<const void>& owner,
                                  const std::string& where) {
  const Parts parts = split(bytes, where);
  SafetensorsHeader header = parse_safetensors_header(parts.header, where);
  const auto order = offset_order(header.tensors);
  require_data_bytes(require_tiling(header.tensors, order, where), parts.data.size(), where);
  SafetensorsFile file;
  file.notes = notes_on(parts.header, header, where);
  file.metadata = std::move(header.metadata);
  for (const std::size_t i : order) {
    SafetensorsDeclaration& tensor = header.tensors[i];
    const auto range = parts.data.subspan(narrow<std::size_t>(tensor.begin),
                                          narrow<std::size_t>(tensor.end - tensor.begin));
    file.tensors.insert(std::move(tensor.name),
                        Tensor::view(tensor.dtype, std::move(tensor.shape), range, owner));
  }
  return file;
}

SafetensorsFile load_safetensors(const std::shared_ptr<const MappedFile>& file) {
  try {
    SafetensorsFile loaded = parse_safetensors(file->bytes(), file, shown(file->path()));
    file->require_intact();
    return loaded;
  } catch (const FormatError&) {
    // A file that shrank meanwhile reads as zeros, and so as bad JSON: tell the cause instead.
    file->require_intact();
    throw;
  }
}

}  // namespace weightlift
