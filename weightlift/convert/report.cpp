#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"
#include "weightlift/convert/convert.h"

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
  for (const OutputComparison& output : verification.outputs) {
    json["outputs"].push_back({{"name", output.name},
                               {"bit_equal", output.bit_equal},
                               {"bit_equal_after_rounding", output.bit_equal_rounded},
                               {"allclose", output.close},
                               {"difference", to_json(output.difference)},
                               {"mean_abs", finite(static_cast<float>(output.mean_abs()))},
                               {"inputs", output.inputs},
                               {"same_top1", output.same_top1}});
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

/// One object for each network beside the chosen one, and for each other tensor.
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

OrderedJson summary(const ConversionResult& result) {
  OrderedJson json = {{"folder", result.folder.string()},
                      {"written", result.written},
                      {"already", result.already},
                      {"form", to_string(result.content.form)},
                      {"files", file_names(result.content)},
                      {"source", {{"file", result.source_file}, {"sha256", nullptr}}},
                      {"parameters", result.parameters},
                      {"logits_shape", result.logits_shape},
                      {"dtype", torch_name(result.content.config.dtype)},
                      {"labels", result.labels_from},
                      {"ignored", to_json(result.outside)},
                      {"head", result.head.empty() ? OrderedJson() : OrderedJson(result.head)},
                      {"bias_added", result.bias_added},
                      {"notes", result.notes}};
  const std::string& digest = result.provenance.source_sha256;
  if (!digest.empty()) json["source"]["sha256"] = digest;  // none after a dry run
  if (!result.provenance.commit.empty()) {
    json["source"]["repo_id"] = result.provenance.source_name;
    json["source"]["commit"] = result.provenance.commit;
  }
  for (const PictureComparison& picture : result.pictures) {
    json["pictures"].push_back({{"image", picture.file},
                                {"bit_equal", picture.bit_equal},
                                {"source", to_json(picture.src)},
                                {"target", to_json(picture.dest)}});
  }
  json["verification"] = result.verification ? to_json(*result.verification) : OrderedJson(nullptr);
  return json;
}

}  // namespace

std::string to_result_json(const FolderVerification& verification) {
  OrderedJson json = to_json(verification.network);
  const auto& [labels, processor] = verification.settings;
  json["ignored"] = to_json(verification.outside);
  json["labels"] = labels ? to_json(*labels) : OrderedJson(nullptr);
  json["image_processor"] =
      processor ? OrderedJson{{"differences", *processor}} : OrderedJson(nullptr);
  return dump_json_line(json);
}

std::string to_result_json(const ConversionResult& result) {
  return dump_json_line(summary(result));
}

std::string to_report_json(const ConversionResult& result) {
  OrderedJson json = summary(result);
  OrderedJson operations = OrderedJson::array();
  for (const TransferredOperation& operation : result.transfer.operations) {
    OrderedJson tensors = OrderedJson::object();
    for (const auto& [from, to] : operation.tensors) tensors.emplace(from, to);
    operations.push_back({{"op", operation.op},
                          {"src", operation.src},
                          {"dest", operation.dest},
                          {"tensors", std::move(tensors)}});
  }
  json["operations"] = std::move(operations);
  return dump_python_json(json) + "\n";
}

}  // namespace weightlift
