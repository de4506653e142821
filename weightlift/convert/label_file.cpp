#include "weightlift/convert/label_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/error.h"
#include "weightlift/models/id2label.h"

namespace weightlift {

namespace {

using Json = nlohmann::json;

/// Refuses binary files, and texts that a text editor shows as something else.
void refuse_other_files(std::string_view text, const std::string& where) {
  if (text.starts_with('\x80')) refuse_labels(where, "a Python pickle");
  if (const std::string_view kind = name_other_file(text); !kind.empty()) {
    refuse_labels(where, kind);
  }
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    refuse_labels(where, "UTF-16 text", "save it as UTF-8");
  }
  if (text.find('\0') != text.npos)
    refuse_labels(where, "a NUL byte, as UTF-16 and binary files have");
}

/// Refuses a key that comes twice: JSON readers silently keep only its last value.
void refuse_repeated_keys(std::string_view text, const std::string& where) {
  std::vector<std::set<std::string>> open;  // of the objects around the key
  const auto look = [&](int, Json::parse_event_t event, const Json& key) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key &&
        !open.back().insert(key.get_ref<const std::string&>()).second) {
      throw FormatError(where,
                        fmt::format("duplicate key {}", printable(key.dump(-1, ' ', true), 40)));
    }
    return true;
  };
  [[maybe_unused]] const Json again = Json::parse(text.begin(), text.end(), look);
}

Json parse_labels_json(std::string_view text, const std::string& where) {
  const std::size_t inside = text.find_first_not_of(" \t\r\n", 1);
  try {
    Json json = parse_json(text, where);
    refuse_repeated_keys(text, where);
    return json;
  } catch (const FormatError&) {
    // A well-known list of ImageNet's labels has this form: {0: 'tench', ...}.
    const bool python =
        inside != text.npos &&
        (text[inside] == '\'' || (text[0] == '{' && text[inside] >= '0' && text[inside] <= '9'));
    if (!python) throw;
    refuse_labels(where, "a Python literal", "write it with json.dump");
  }
}

/// The id in a key or a value, as an integer or as digits. Digits with leading zeros are labels, as
/// of folders "00" to "42".
std::optional<std::int64_t> id_of(const Json& value) {
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_string()) return std::nullopt;
  const auto& text = value.get_ref<const std::string&>();
  const auto id = parse_class_id(text);
  return id && std::to_string(*id) == text ? id : std::nullopt;
}

/// A label, or the label in [WordNet id, label].
std::optional<std::string> label_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  const bool pair = value.is_array() && value.size() == 2 && value[0].is_string() &&
                    is_wordnet_id(value[0].get_ref<const std::string&>()) && value[1].is_string();
  return pair ? std::optional(value[1].get<std::string>()) : std::nullopt;
}

std::vector<std::string> without_ids(Id2Label entries) {
  std::vector<std::string> labels;
  for (auto& [id, label] : entries) labels.push_back(std::move(label));
  return labels;
}

std::vector<std::string> by_key(const Json& json, const std::string& where) {
  return without_ids(parse_id2label(json, LabelIds::kFromZero, "", where, label_of));
}

std::vector<std::string> by_value(const Json& json, const std::string& where) {
  Id2LabelReader labels(LabelIds::kFromZero, json.size(), "", where);
  for (const auto& [key, value] : json.items()) labels.add(id_of(value), key, key, value);
  return without_ids(labels.take());
}

/// Whether these are the ids 0 to n-1 in any order.
bool is_permutation(const std::vector<std::optional<std::int64_t>>& ids) {
  std::vector<bool> seen(ids.size());
  for (const std::optional<std::int64_t>& id : ids) {
    if (!id || *id < 0 || std::cmp_greater_equal(*id, ids.size())) return false;
    const auto place = static_cast<std::size_t>(*id);
    if (seen[place]) return false;
    seen[place] = true;
  }
  return !ids.empty();
}

LabelFile read_object(const Json& json, const std::string& where) {
  std::vector<std::optional<std::int64_t>> keys;
  std::vector<std::optional<std::int64_t>> values;
  for (const auto& [key, value] : json.items()) {
    keys.push_back(id_of(key));
    values.push_back(id_of(value));
  }
  const bool ids_as_values = is_permutation(values);
  if (ids_as_values && is_permutation(keys)) {
    refuse_labels(where, "an object with the ids 0 to n-1 as keys and as values",
                  "write the labels as a list");
  }
  if (ids_as_values || (!json.empty() && json.begin()->is_number())) {
    return {by_value(json, where), "JSON, {label: id}"};
  }
  const bool pairs = !json.empty() && json.begin()->is_array();
  return {by_key(json, where), pairs ? "JSON, {id: [WordNet id, label]}" : "JSON, {id: label}"};
}

LabelFile read_json(const Json& json, const std::string& where) {
  const Json* config = json.is_object() ? find_member(json, "id2label") : nullptr;
  if (config != nullptr && config->is_object()) {
    return {by_key(*config, where), "id2label of a config"};
  }
  return json.is_object() ? read_object(json, where)
                          : LabelFile{by_key(json, where), "JSON, a list"};
}

}  // namespace

void refuse_labels(const std::string& where, std::string_view got, const std::string& what_to_do) {
  throw FormatError(where, fmt::format("expected one label per line or JSON, got {}", got),
                    what_to_do.empty() ? Hints() : advice(what_to_do));
}

bool is_wordnet_id(std::string_view text) {
  constexpr std::size_t kLength = 9;
  return text.size() == kLength && text.front() == 'n' &&
         std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

LabelFile parse_label_file(std::string_view text, const std::string& where) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::size_t first = std::min(text.find_first_not_of(" \t\r\n"), text.size());
  if (text.substr(first).starts_with('{') || text.substr(first).starts_with('[')) {
    return read_json(parse_labels_json(text.substr(first), where), where);
  }
  refuse_other_files(text, where);
  return parse_label_lines(text, where);
}

}  // namespace weightlift
