#include "weightlift/checkpoint/torch_objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/checkpoint/torch_dicts.h"

namespace weightlift {

namespace {

using OrderedJson = nlohmann::ordered_json;

/// The dict of an object's attributes, nothing where it has none.
std::optional<PickleId> attributes_of(const Pickle& pickle, PickleId id) {
  const PickleNode& object = pickle.at(id);
  if (object.kind != PickleKind::kOpaque) return std::nullopt;
  for (std::size_t i = 1; i < object.items.size(); ++i) {
    if (is_dict(pickle.at(object.items[i]))) return object.items[i];
  }
  return std::nullopt;
}

bool is_named(const PickleNode& node, std::string_view name) {
  return node.kind == PickleKind::kOpaque && node.name == name;
}

bool is_numpy_array(const PickleNode& node) {
  return is_named(node, "_reconstruct") && node.text.starts_with("numpy");
}

/// Python saves a bound method as getattr(object, name).
bool is_method(const Pickle& pickle, const PickleNode& node) {
  if (!is_named(node, "getattr") || node.items.empty()) return false;
  return std::ranges::any_of(pickle.at(node.items.front()).items, [&](PickleId item) {
    return pickle.at(item).kind == PickleKind::kText && pickle.at(item).text == "state_dict";
  });
}

/// What the value is where it stands for weights but is no tensor.
std::optional<TorchObstacle> obstacle_at(const Pickle& pickle, PickleId id,
                                         const std::string& name) {
  const PickleNode& node = pickle.at(id);
  const std::string subject = name.empty() ? "the file" : fmt::format("'{}'", name);
  if (is_method(pickle, node)) {
    return TorchObstacle{fmt::format("{} holds the method state_dict, not its result", subject),
                         "save model.state_dict() with the parentheses"};
  }
  const auto attributes = attributes_of(pickle, id);
  if (attributes && find_item(pickle, *attributes, "_modules")) {
    return TorchObstacle{fmt::format("{} holds a whole model ({}.{}), which only code can load",
                                     subject, printable(node.text), printable(node.name)),
                         "load it with torch and save its state_dict() instead"};
  }
  if (is_numpy_array(node)) {
    return TorchObstacle{fmt::format("{} holds a numpy array, not a tensor", subject),
                         "convert each value with torch.from_numpy() and save again"};
  }
  return std::nullopt;
}

/// None, bools, numbers and texts as JSON, and lists of these; the type's name for the rest.
OrderedJson json_of(const Pickle& pickle, PickleId id, bool in_list = false) {
  const PickleNode& node = pickle.at(id);
  switch (node.kind) {
    case PickleKind::kNone:
      return nullptr;
    case PickleKind::kBool:
      return node.integer != 0;
    case PickleKind::kInt:
      return node.integer;
    case PickleKind::kFloat:
      return node.real;
    case PickleKind::kText:
      return printable(node.text);
    default:
      break;
  }
  constexpr std::size_t kLongest = 64;
  if (!is_list(node) || in_list || node.items.size() > kLongest) return type_of(node);
  OrderedJson list = OrderedJson::array();
  for (const PickleId item : node.items) list.push_back(json_of(pickle, item, true));
  return list;
}

}  // namespace

std::optional<TorchObstacle> find_obstacle(const TorchFile& file) {
  const Pickle& pickle = file.pickle;
  if (std::ranges::any_of(file.dicts, &TorchDict::layers)) return std::nullopt;
  if (auto obstacle = obstacle_at(pickle, pickle.root, "")) return obstacle;
  std::vector<std::pair<PickleId, std::string>> containers = {{pickle.root, ""}};
  for (const TorchDict& dict : file.dicts) containers.emplace_back(dict.id, dict.path);
  for (const auto& [container, path] : containers) {
    for (const PickleItem& item : items_of(pickle, container)) {
      const std::string name = path.empty() ? item.part : path + "." + item.part;
      if (auto obstacle = obstacle_at(pickle, item.value, name)) return obstacle;
    }
  }
  return std::nullopt;
}

std::string find_model_args(const Pickle& pickle) {
  const auto args = find_item(pickle, pickle.root, "args");
  if (!args) return "";
  const PickleId attributes = attributes_of(pickle, *args).value_or(*args);
  OrderedJson json = OrderedJson::object();
  if (const auto kwargs = find_item(pickle, attributes, "model_kwargs")) {
    if (is_dict(pickle.at(*kwargs))) {
      for (const PickleItem& item : items_of(pickle, *kwargs)) {
        json[item.part] = json_of(pickle, item.value);
      }
    }
  }
  constexpr std::array<std::pair<std::string_view, const char*>, 2> kOwnOptions = {
      {{"gp", "global_pool"}, {"bn_eps", "bn_eps"}}};
  for (const auto& [option, argument] : kOwnOptions) {
    const auto value = find_item(pickle, attributes, option);
    if (value && pickle.at(*value).kind != PickleKind::kNone) {
      json[argument] = json_of(pickle, *value);
    }
  }
  return json.empty() ? "" : json.dump();
}

}  // namespace weightlift
