#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Labels by class id, ascending.
using Id2Label = std::vector<std::pair<std::int64_t, std::string>>;

/// A class id in decimal digits, perhaps with leading zeros, as Python's int() reads them. Nothing
/// for other texts.
std::optional<std::int64_t> parse_class_id(std::string_view text);

/// Which class ids may have labels.
enum class LabelIds : std::uint8_t {
  kAny,       ///< with gaps, as in transformers' id2label
  kFromZero,  ///< all from 0 to the number of entries less one
};

/// Collects the entries of a JSON value.
class Id2LabelReader {
 public:
  /// `count`: the number of all entries. `key`: the member that has them, or empty. `where`
  /// outlives the reader.
  Id2LabelReader(LabelIds ids, std::size_t count, std::string_view key, const std::string& where)
      : ids_(ids), count_(count), key_(key), where_(where) {}

  /// Adds a label. `name` and `value` are the entry as the file has it. Throws FormatError "where:
  /// key: ..." without a valid id or label, and for an id that already has a label.
  void add(std::optional<std::int64_t> id, std::optional<std::string> label,
           const std::string& name, const nlohmann::json& value);

  Id2Label take();

 private:
  LabelIds ids_;
  std::size_t count_;
  std::string_view key_;
  const std::string& where_;
  std::map<std::int64_t, std::string> labels_;
};

/// The label in a JSON value, nothing where it has none.
using LabelOf = std::function<std::optional<std::string>(const nlohmann::json&)>;

/// Reads an object {id: label} or a list of labels. Throws FormatError as Id2LabelReader::add, and
/// for other values. `label_of`: empty where labels are strings.
Id2Label parse_id2label(const nlohmann::json& value, LabelIds ids, std::string_view key,
                        const std::string& where, const LabelOf& label_of = {});

}  // namespace weightlift
