#include "weightlift/models/id2label.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"

namespace weightlift {

namespace {

std::optional<std::string> text_of_label(const nlohmann::json& value) {
  return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_class_id(std::string_view text) {
  const bool digits = std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
  std::int64_t id = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), id);
  if (!digits || parsed.ec != std::errc()) return std::nullopt;
  return id;
}

void Id2LabelReader::add(std::optional<std::int64_t> id, std::optional<std::string> label,
                         const std::string& name, const nlohmann::json& value) {
  const bool allowed = id && *id >= 0 && (ids_ == LabelIds::kAny || std::cmp_less(*id, count_));
  if (allowed && label && labels_.emplace(*id, *std::move(label)).second) return;
  const std::string ids =
      ids_ == LabelIds::kAny ? "each class id" : fmt::format("each of the ids 0 to {}", count_ - 1);
  throw FormatError(
      where_, fmt::format("{}{}expected a label for {}, got {}: {}", key_, key_.empty() ? "" : ": ",
                          ids, printable(name, 40), printable(value.dump(-1, ' ', true), 40)));
}

Id2Label Id2LabelReader::take() {
  Id2Label labels;
  for (auto& [id, label] : labels_) labels.emplace_back(id, std::move(label));
  return labels;
}

Id2Label parse_id2label(const nlohmann::json& value, LabelIds ids, std::string_view key,
                        const std::string& where, const LabelOf& label_of) {
  if (!value.is_structured()) {
    throw_wrong_json(where, key, "a list of labels, or an object from class ids to labels", value);
  }
  Id2LabelReader reader(ids, value.size(), key, where);
  for (const auto& [name, label] : value.items()) {  // a list's names are its indices
    reader.add(parse_class_id(name), label_of ? label_of(label) : text_of_label(label), name,
               label);
  }
  return reader.take();
}

}  // namespace weightlift
