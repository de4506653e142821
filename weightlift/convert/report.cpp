#include "weightlift/convert/report.h"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "weightlift/progress.h"

namespace weightlift {

namespace {

using OrderedJson = nlohmann::ordered_json;

/// JSON has no infinities: null.
OrderedJson finite(float value) {
  return std::isfinite(value) ? OrderedJson(static_cast<double>(value)) : OrderedJson();
}

OrderedJson to_json(const Difference& difference) {
  return {{"max_abs", finite(difference.max_abs)},
          {"max_rel", finite(difference.max_rel)},
          {"different", difference.different_count}};
}

OrderedJson to_json(const OutputComparison& output, bool same_dtype, bool judged) {
  OrderedJson json = {{"name", output.name}, {"bit_equal", output.bit_equal}};
  if (!same_dtype) json["bit_equal_after_rounding"] = output.bit_equal_rounded;
  if (!same_dtype && judged) json["allclose"] = output.close;
  json["difference"] = to_json(output.difference);
  json["difference"]["mean_abs"] = finite(static_cast<float>(output.mean_abs()));
  if (output.inputs > 0) {
    json["inputs"] = output.inputs;
    json["same_top1"] = output.same_top1;
  }
  return json;
}

OrderedJson to_json(const Verification& verification) {
  OrderedJson json = {{"verified", verification.verified()},
                      {"tensors", verification.tensors},
                      {"different_tensors", verification.different_tensors},
                      {"operations", verification.operations},
                      {"different_operations", verification.graph_differences.size()},
                      {"input", verification.input_shape},
                      {"samples", verification.options.samples},
                      {"seed", verification.options.seed},
                      {"outputs", OrderedJson::array()}};
  const bool judged = verification.options.rtol || verification.options.atol;
  for (const OutputComparison& output : verification.outputs) {
    json["outputs"].push_back(to_json(output, verification.same_dtype, judged));
  }
  if (const auto& first = verification.first_difference) {
    json["first_difference"] = {
        {"position", first->position}, {"src", first->src}, {"dest", first->dest}};
    if (first->difference) json["first_difference"]["difference"] = to_json(*first->difference);
  }
  json["nan"] = verification.nan_count;
  json["inf"] = verification.inf_count;
  return json;
}

OrderedJson to_json(const std::vector<Prediction>& predictions) {
  OrderedJson list = OrderedJson::array();
  for (const Prediction& prediction : predictions) {
    list.push_back({{"label", prediction.label}, {"score", static_cast<double>(prediction.score)}});
  }
  return list;
}

OrderedJson to_json(const LabelDifference& labels) {
  OrderedJson json = {{"classes", labels.classes}, {"different", labels.different}};
  if (labels.different > 0) {
    json["first"] = {{"id", labels.first}, {"source", labels.src}, {"folder", labels.dest}};
  }
  return json;
}

/// One object for each network other than the chosen one, and for each other tensor.
OrderedJson to_json(const std::vector<OutsideTensor>& outside) {
  OrderedJson list = OrderedJson::array();
  std::map<std::string, std::size_t> networks;
  for (const OutsideTensor& tensor : outside) {
    if (tensor.kind == OutsideKind::kOtherNetwork) {
      ++networks[tensor.reason];
      continue;
    }
    OrderedJson json = {{"name", tensor.full_name}, {"kind", to_string(tensor.kind)}};
    if (tensor.tensor) {
      json["dtype"] = to_string(tensor.tensor->dtype());
      json["shape"] = tensor.tensor->shape();
    }
    if (!tensor.reason.empty()) json["reason"] = tensor.reason;
    list.push_back(std::move(json));
  }
  for (const auto& [name, count] : networks) {
    list.push_back(
        {{"name", name}, {"kind", to_string(OutsideKind::kOtherNetwork)}, {"tensors", count}});
  }
  return list;
}

/// The bytes of a folder's files; nothing where it cannot be read.
std::uint64_t bytes_of(const ConversionResult& result) {
  std::uint64_t bytes = 0;
  for (const std::string& name : result.files) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(result.folder / name, ignored);
    if (!ignored) bytes += size;
  }
  return bytes;
}

void add_source(OrderedJson& json, const Conversion& result) {
  json["file"] = result.source_file;
  const Provenance& from = result.provenance;
  if (!from.source_sha256.empty()) json["source_sha256"] = from.source_sha256;
  if (!from.commit.empty()) {
    json["source_repository"] = {{"repo_id", from.source_name}, {"commit", from.commit}};
  }
}

}  // namespace

void add_to(OrderedJson& json, const Conversion& result) {
  json["folder"] = result.folder.string();
  json["form"] = to_string(result.content.form);
  add_source(json, result);
  json["bytes_read"] = result.bytes_read;
  if (result.written) json["bytes_written"] = bytes_of(result);
  json["parameters"] = result.parameters;
  json["dtype"] = torch_name(result.content.config.dtype);
  if (result.already || result.unchanged) return;
  json["files"] = result.files;
  json["logits_shape"] = result.logits_shape;
  json["labels"] = result.labels_from;
  json["tensors"] = {{"moved", result.tensors.moved},
                     {"dropped", result.tensors.dropped},
                     {"filled", result.tensors.filled}};
  json["ignored"] = to_json(result.outside);
  if (!result.head.empty()) json["head"] = result.head;
  json["bias_added"] = result.bias_added;
  for (const ImageComparison& image : result.images) {
    json["images"].push_back({{"image", image.file},
                              {"bit_equal", image.bit_equal},
                              {"source", to_json(image.src)},
                              {"target", to_json(image.dest)}});
  }
  if (result.verification) json["verification"] = to_json(*result.verification);
}

void add_to(OrderedJson& json, const FolderVerification& verification) {
  json["verification"] = to_json(verification.network);
  const auto& [labels, processor] = verification.settings;
  json["ignored"] = to_json(verification.outside);
  if (labels) json["labels"] = to_json(*labels);
  if (processor) json["image_processor"]["differences"] = *processor;
}

OrderedJson operations_json(const TransferReport& transfer) {
  OrderedJson operations = OrderedJson::array();
  for (const TransferredOperation& operation : transfer.operations) {
    OrderedJson tensors = OrderedJson::object();
    for (const auto& [from, to] : operation.tensors) tensors.emplace(from, to);
    operations.push_back({{"op", operation.op},
                          {"src", operation.src},
                          {"dest", operation.dest},
                          {"tensors", std::move(tensors)}});
  }
  return operations;
}

}  // namespace weightlift
