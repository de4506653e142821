#include "weightlift/checkpoint/safetensors_writer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "weightlift/base/bytes.h"
#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint/output_file.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/checkpoint/tensor_name.h"
#include "weightlift/tensor/convert.h"

namespace weightlift {

namespace {

struct Plan {
  std::string header;  // with the length before it and the padding after it
  std::vector<const SafetensorsEntry*> order;
  std::uint64_t total_bytes = 0;
};

std::string quoted(const std::string& text) {
  try {
    // Escapes what the official writer escapes, in the same spelling, and keeps other UTF-8.
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw FormatError("__metadata__", fmt::format("'{}' is not UTF-8", printable(text)));
  }
}

std::uint64_t stored_bytes(const SafetensorsEntry& entry) {
  const DType from = entry.tensor.dtype();
  if (from != entry.dtype && (!is_floating(from) || !is_floating(entry.dtype))) {
    throw UnsupportedError(
        fmt::format("tensor '{}'", printable(entry.name)),
        fmt::format("cannot convert {} to {}: only F16, BF16, F32 and F64 can be converted",
                    to_string(from), to_string(entry.dtype)));
  }
  return narrow<std::uint64_t>(entry.tensor.numel()) * item_bytes(entry.dtype);
}

void require_names(const std::vector<const SafetensorsEntry*>& order) {
  std::vector<std::string_view> names;
  for (const SafetensorsEntry* entry : order) {
    require_writable_name(entry->name);
    names.emplace_back(entry->name);
  }
  std::ranges::sort(names);
  if (const auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
    throw FormatError(fmt::format("tensor '{}'", printable(*twice)), "duplicate name");
  }
}

std::string metadata_json(SafetensorsMetadata metadata) {
  std::ranges::sort(metadata);
  std::string out;
  const std::string* previous = nullptr;
  for (const auto& [key, value] : metadata) {
    if (previous != nullptr && *previous == key) {
      throw FormatError("__metadata__", fmt::format("duplicate key '{}'", printable(key)));
    }
    out += out.empty() ? R"("__metadata__":{)" : ",";
    out += quoted(key) + ":" + quoted(value);
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
  require_names(plan.order);
  std::ranges::sort(plan.order, [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    return a->dtype != b->dtype ? a->dtype > b->dtype : a->name < b->name;
  });
  std::string json = "{" + metadata_json(metadata);
  std::uint64_t offset = 0;
  for (const SafetensorsEntry* entry : plan.order) {
    const std::uint64_t end = offset + stored_bytes(*entry);
    if (json.size() > 1) json += ',';
    json += quoted(entry->name);
    json +=
        fmt::format(R"(:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                    to_string(entry->dtype), fmt::join(entry->tensor.shape(), ","), offset, end);
    offset = end;
  }
  plan.header = frame_header(json + "}");
  plan.total_bytes = plan.header.size() + offset;
  return plan;
}

void append_converted(const SafetensorsEntry& entry, OutputFile& file) {
  const Tensor& tensor = entry.tensor;
  const std::size_t from_bytes = item_bytes(tensor.dtype());
  constexpr std::size_t kElements = OutputFile::kBufferBytes / 4 / sizeof(double);
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
    plan = with_context(shown(path), [&] { return make_plan(entries, metadata); });
  } catch (const FormatError& error) {
    throw FormatError(join_places(shown(path), error.where()), error.message(), error.hints());
  }
  OutputFile file(path, plan.total_bytes, progress);
  file.append(plan.header);
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
