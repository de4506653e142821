#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/checkpoint.h"
#include "weightlift/checkpoint/output_elements.h"
#include "weightlift/checkpoint/output_file.h"
#include "weightlift/checkpoint/output_sink.h"
#include "weightlift/checkpoint/output_stream.h"
#include "weightlift/checkpoint/safetensors.h"

namespace weightlift {

namespace {

struct SafetensorsPlan {
  std::string header;  // with the length before it and the padding after it
  std::vector<const OutputTensor*> order;
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

SafetensorsPlan make_plan(const std::vector<OutputTensor>& tensors,
                          const SafetensorsMetadata& metadata) {
  SafetensorsPlan plan;
  require_writable(tensors);
  for (const OutputTensor& output : tensors) plan.order.push_back(&output);
  std::ranges::sort(plan.order, [](const OutputTensor* a, const OutputTensor* b) {
    return a->dtype != b->dtype ? a->dtype > b->dtype : a->name < b->name;
  });
  std::string json = "{" + metadata_json(metadata);
  std::uint64_t offset = 0;
  for (const OutputTensor* output : plan.order) {
    const std::uint64_t end = offset + stored_bytes(*output);
    if (json.size() > 1) json += ',';
    json += quoted(output->name);
    json +=
        fmt::format(R"(:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                    to_string(output->dtype), fmt::join(output->tensor.shape(), ","), offset, end);
    offset = end;
  }
  plan.header = frame_header(json + "}");
  plan.total_bytes = plan.header.size() + offset;
  return plan;
}

SafetensorsPlan make_plan_for(const std::string& where, const std::vector<OutputTensor>& tensors,
                              const SafetensorsMetadata& metadata) {
  return plan_output(where, [&] { return make_plan(tensors, metadata); });
}

void write_plan(const SafetensorsPlan& plan, OutputSink& output) {
  output.append(plan.header);
  for (const OutputTensor* tensor : plan.order) append_elements(*tensor, output);
  output.close();
}

}  // namespace

std::uint64_t safetensors_file_bytes(const std::vector<OutputTensor>& tensors,
                                     const SafetensorsMetadata& metadata) {
  return make_plan(tensors, metadata).total_bytes;
}

void write_safetensors(const std::filesystem::path& path, const std::vector<OutputTensor>& tensors,
                       const SafetensorsMetadata& metadata, const WriteProgress& progress) {
  const SafetensorsPlan plan = make_plan_for(shown(path), tensors, metadata);
  OutputFile file(path, plan.total_bytes, progress);
  write_plan(plan, file);
}

void write_safetensors(std::ostream& stream, const std::vector<OutputTensor>& tensors,
                       const SafetensorsMetadata& metadata, const WriteProgress& progress) {
  const SafetensorsPlan plan = make_plan_for(kOutputStream, tensors, metadata);
  OutputStream output(stream, plan.total_bytes, progress);
  write_plan(plan, output);
}

}  // namespace weightlift
