#include "weightlift/report/inspection_json.h"

#include <nlohmann/json.hpp>

#include "weightlift/report/phrase.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

void add_network(Json& json, const NetworkFacts& network) {
  const ModelConfig& config = network.config;
  json["form"] = to_string(network.form);
  if (!network.architecture.empty()) json["architecture"] = network.architecture;
  if (!network.tag.empty()) json["tag"] = network.tag;
  json["family"] = network.family;
  json.update(Json::parse(network.sizes_json));
  json.update({{"num_channels", config.num_channels},
               {"num_labels", config.num_labels},
               {"dtype", torch_name(config.dtype)}});
  json["labels"] = labels_of(config);
}

Json outside_json(const std::vector<OutsideTensor>& outside) {
  Json list = Json::array();
  for (const OutsideTensor& tensor : outside) {
    Json json = {{"name", tensor.full_name}, {"kind", to_string(tensor.kind)}};
    if (!tensor.reason.empty()) json["reason"] = tensor.reason;
    list.push_back(std::move(json));
  }
  return list;
}

/// The chosen tensors of the file, and its other content.
Json contents_json(const Inspection& found) {
  Json dicts = Json::array();
  for (const NamedDict& dict : found.dicts) {
    if (!dict.names.empty()) dicts.push_back({{"path", dict.path}, {"tensors", dict.names.size()}});
  }
  return {{"state_dicts", dicts},
          {"state_dict", found.dicts[found.chosen].path},
          {"prefix", found.prefix},
          {"naming", found.naming.empty() ? "unknown" : found.naming},
          {"outside", outside_json(found.outside)},
          {"ignored", found.ignored},
          {"globals", found.globals}};
}

Json tensors_json(const StateDict& tensors) {
  Json list = Json::array();
  for (const auto& [name, tensor] : tensors) {
    list.push_back({{"name", name},
                    {"dtype", to_string(tensor.dtype())},
                    {"shape", tensor.shape()},
                    {"bytes", tensor.bytes().size()}});
  }
  return list;
}

}  // namespace

std::vector<std::string> labels_of(const ModelConfig& config) {
  std::vector<std::string> labels;
  if (config.id2label.empty()) return labels;
  for (std::int64_t id = 0; id < config.num_labels; ++id) labels.push_back(config.label(id));
  return labels;
}

Json inspection_json(const Subject& subject, const Inspection& found) {
  Json json = begin_json(subject, "ok");
  json.update({{"file", found.file.string()},
               {"format", to_string(found.format)},
               {"files", found.files},
               {"bytes", found.bytes},
               {"parameters", found.parameters}});
  if (!found.sha256.empty()) {
    json["sha256"] = found.sha256;
    if (!found.known.empty()) json["known"] = found.known;
  }
  if (found.network) add_network(json, *found.network);
  if (found.not_convertible) json["not_convertible"] = phrase(*found.not_convertible);
  json.update(contents_json(found));
  json["metadata"] = Json::object();
  for (const auto& [key, value] : found.metadata) json["metadata"][key] = value;
  json["tensors"] = tensors_json(found.tensors);
  json["notes"] = to_json(found.notes);
  return json;
}

}  // namespace weightlift
