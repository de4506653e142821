#include "weightlift/checkpoint/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/safetensors_header.h"
#include "weightlift/progress.h"

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
// There is no magic number and no checksum. A file is complete where the tensors, sorted by offset,
// tile the data section: the first begins at 0, each begins where the previous one ends, the last
// ends where the file ends, and each has the length that its shape and dtype require. So holes,
// overlaps, shared ranges, missing and extra bytes are all errors, and nothing can hide in the
// file. The order of the entries, the order of the offsets, the alignment (an F32 may begin at an
// odd offset) and the place of __metadata__ are free.
//
// Nothing is allocated by a number that the file declares: tensors are views, and a view exists
// only after its range was found inside the file.

namespace weightlift {

namespace {

constexpr std::size_t kPrefixBytes = sizeof(std::uint64_t);
constexpr std::string_view kDownloadAgain = "download the file again";

struct Parts {
  std::string_view header;
  std::span<const std::byte> data;
};

Parts split(std::span<const std::byte> bytes, const std::string& where) {
  const auto header_bytes = load_little_endian<std::uint64_t>(bytes);
  if (!header_bytes) {
    throw FormatError(where,
                      fmt::format("truncated: expected at least 8 bytes, got {}", bytes.size()),
                      advice(std::string(kDownloadAgain)));
  }
  if (*header_bytes > kMaxSafetensorsHeaderBytes) {
    throw FormatError(where, fmt::format("header length: expected at most {} bytes, got {}",
                                         kMaxSafetensorsHeaderBytes, *header_bytes));
  }
  if (*header_bytes == 0) {
    throw FormatError(where, "header length: expected at least 2 bytes, got 0",
                      advice(std::string(kDownloadAgain)));
  }
  const std::size_t available = bytes.size() - kPrefixBytes;
  if (*header_bytes > available) {
    throw FormatError(
        where,
        fmt::format("truncated: expected a header of {} bytes, got {}", *header_bytes, available),
        advice(std::string(kDownloadAgain)));
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
  const auto count = checked_numel(tensor.shape);
  const auto needed =
      count ? checked_mul(narrow<std::uint64_t>(*count), std::uint64_t{item_bytes(tensor.dtype)})
            : std::nullopt;
  if (!needed) {
    throw FormatError(fmt::format("{}: tensor '{}'", where, printable(tensor.name)),
                      fmt::format("size of {} {} exceeds 64 bits", to_string(tensor.dtype),
                                  to_string(tensor.shape)));
  }
  if (const std::uint64_t span = tensor.end - tensor.begin; span != *needed) {
    throw FormatError(fmt::format("{}: tensor '{}'", where, printable(tensor.name)),
                      fmt::format("data_offsets span {} bytes, but {} {} needs {}", span,
                                  to_string(tensor.dtype), to_string(tensor.shape), *needed));
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
      throw FormatError(
          fmt::format("{}: tensor '{}'", where, printable(tensor.name)),
          fmt::format("data_offsets: expected a range from {} on, where {}, got [{}, {}]: {}", edge,
                      before, tensor.begin, tensor.end, fault));
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
        where, fmt::format("truncated: expected {} bytes of tensor data, got {}", expected, got),
        advice(std::string(kDownloadAgain)));
  }
  if (got > expected) {
    throw FormatError(where,
                      fmt::format("expected {} bytes of tensor data, got {}", expected, got));
  }
}

Notes notes_on(std::string_view text, const SafetensorsHeader& header, const std::string& where) {
  Notes notes;
  if (text.front() != '{') {
    notes.push_back({NoteCode::kHeaderWhitespace, where});
  }
  if (header.tensors.empty()) notes.push_back({NoteCode::kNoTensors, where});
  const auto format =
      std::ranges::find(header.metadata, "format", &std::pair<std::string, std::string>::first);
  if (header.has_metadata && format == header.metadata.end()) {
    notes.push_back({NoteCode::kMetadataFormatMissing, where});
  } else if (header.has_metadata && format->second != "pt" && format->second != "mlx") {
    notes.push_back(
        {NoteCode::kMetadataFormatUnknown, where, {{"format", printable(format->second, 40)}}});
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
  } catch (const Error&) {
    // A file that shrank meanwhile reads as zeros, and so as bad JSON: report the cause instead.
    file->require_intact();
    throw;
  }
}

}  // namespace weightlift
