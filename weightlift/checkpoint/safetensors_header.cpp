#include "weightlift/checkpoint/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint/tensor_name.h"

// The header is untrusted JSON of up to 100 MB. One machine without recursion reads it as a stream
// of events (SAX), so that memory grows with what is kept, never with what is declared. Every event
// is legal in few states:
//
//   state           takes                              and goes to
//   kStart          {                                  kName
//   kName           a key: "__metadata__"              kMetadata
//                   a key: a tensor's name             kEntry
//                   }                                  kDone
//   kEntry          {                                  kField
//   kField          a key: dtype, shape, data_offsets  kDType, kShape, kOffsets
//                   a key: anything else               kIgnored
//                   }  (all three were there)          kName
//   kDType          a string                           kField
//   kShape          [                                  kDims
//   kDims           a number                           kDims
//                   ]                                  kField
//   kOffsets        [                                  kOffsetPair
//   kOffsetPair     a number, twice                    kOffsetPair
//                   ]                                  kField
//   kMetadata       {                                  kMetadataKey
//                   null                               kName
//   kMetadataKey    a key                              kMetadataValue
//                   }                                  kName
//   kMetadataValue  a string                           kMetadataKey
//   kIgnored        any value, however deep            kField
//
// The official reader accepts and this one refuses on purpose: duplicate names and metadata keys,
// in any spelling (the specification forbids them, and readers disagree on which one counts); an
// entry as an array and a dtype as an object (no writer makes them, other readers fail on them);
// names that are empty or contain NUL (they break state dicts and C strings); and sizes beyond the
// limits below.

namespace weightlift {

namespace {

using Json = nlohmann::json;

/// The official reader's own limit, the outermost object included.
constexpr int kMaxDepth = 127;
/// Tensors, and metadata entries. The largest ResNet has 932 and the largest published models tens
/// of thousands in all their files; a header within its 100 MB could declare millions, at gigabytes
/// of memory.
constexpr std::size_t kMaxEntries = 100'000;

enum class State : std::uint8_t {
  kStart,
  kName,
  kEntry,
  kField,
  kDType,
  kShape,
  kDims,
  kOffsets,
  kOffsetPair,
  kMetadata,
  kMetadataKey,
  kMetadataValue,
  kIgnored,
  kDone,
};

std::string_view expected_in(State state) {
  switch (state) {
    case State::kStart:
      return "a JSON object";
    case State::kEntry:
      return "an object with dtype, shape and data_offsets";
    case State::kDType:
      return "a string";
    case State::kShape:
      return "an array of dimensions";
    case State::kDims:
      return "integers from 0 to 2^63 - 1";
    case State::kOffsets:
      return "an array of two offsets";
    case State::kOffsetPair:
      return "two integers from 0 to 2^64 - 1";
    case State::kMetadata:
      return "an object of strings";
    case State::kMetadataValue:
      return "a string";
    default:
      return "nothing";  // never used: JSON has a key or an end at these places
  }
}

/// Receives nlohmann's events. Refusals leave as exceptions; the return value is always true.
class HeaderMachine final : public Json::json_sax_t {
 public:
  explicit HeaderMachine(const std::string& where) : where_(where) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t /*unknown*/) override {
    switch (state_) {
      case State::kStart:
        return open(State::kName);
      case State::kEntry:
        return open(State::kField);
      case State::kMetadata:
        header_.has_metadata = true;
        return open(State::kMetadataKey);
      case State::kIgnored:
        return open(State::kIgnored);
      default:
        refuse("an object");
    }
  }

  bool end_object() override {
    switch (state_) {
      case State::kName:
        return close(State::kDone);
      case State::kField:
        finish_entry();
        return close(State::kName);
      case State::kMetadataKey:
        return close(State::kName);
      default:
        return close_ignored();
    }
  }

  bool start_array(std::size_t /*unknown*/) override {
    switch (state_) {
      case State::kShape:
        return open(State::kDims);
      case State::kOffsets:
        return open(State::kOffsetPair);
      case State::kIgnored:
        return open(State::kIgnored);
      default:
        refuse("an array");
    }
  }

  bool end_array() override {
    switch (state_) {
      case State::kDims:
        return close(State::kField);
      case State::kOffsetPair:
        if (offset_count_ != 2) refuse(fmt::format("{}", offset_count_));
        return close(State::kField);
      default:
        return close_ignored();
    }
  }

  bool key(std::string& text) override {
    switch (state_) {
      case State::kName:
        return begin_entry(text);
      case State::kField:
        return begin_field(text);
      case State::kMetadataKey:
        return begin_metadata_value(text);
      default:
        return true;  // inside an ignored value
    }
  }

  bool string(std::string& text) override {
    switch (state_) {
      case State::kDType:
        set_dtype(text);
        return go(State::kField);
      case State::kMetadataValue:
        header_.metadata.back().second = std::move(text);
        return go(State::kMetadataKey);
      default:
        return ignored_scalar([&] { return fmt::format("\"{}\"", printable(text, 40)); });
    }
  }

  bool number_unsigned(std::uint64_t value) override {
    switch (state_) {
      case State::kDims:
        return add_dimension(value);
      case State::kOffsetPair:
        return add_offset(value);
      default:
        return ignored_scalar([&] { return fmt::format("{}", value); });
    }
  }

  // nlohmann reports -0 as the integer 0, and integers beyond 64 bits as floats.
  bool number_integer(std::int64_t value) override {
    return ignored_scalar([&] { return value == 0 ? "-0" : fmt::format("{}", value); });
  }
  bool number_float(double /*value*/, const std::string& text) override {
    return ignored_scalar([&] { return printable(text, 40); });
  }
  bool boolean(bool value) override {
    return ignored_scalar([&] { return value ? "true" : "false"; });
  }
  bool null() override {
    if (state_ == State::kMetadata) return go(State::kName);
    return ignored_scalar([] { return "null"; });
  }
  bool binary(Json::binary_t& /*value*/) override { refuse("binary"); }  // never in JSON text

  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& error) override {
    throw FormatError(where_, "header: " + json_fault(position, error.what()));
  }

 private:
  static constexpr int kEntryDepth = 2;

  /// Throws FormatError: "SUBJECT: expected ..., got ...".
  [[noreturn]] void refuse(std::string_view got) const {
    throw FormatError(where_,
                      fmt::format("{}: expected {}, got {}", subject(), expected_in(state_), got));
  }

  std::string subject() const {
    switch (state_) {
      case State::kStart:
        return "header";
      case State::kDType:
        return tensor_subject() + ": dtype";
      case State::kShape:
      case State::kDims:
        return tensor_subject() + ": shape";
      case State::kOffsets:
      case State::kOffsetPair:
        return tensor_subject() + ": data_offsets";
      case State::kMetadata:
        return "__metadata__";
      case State::kMetadataValue:
        return fmt::format("__metadata__ '{}'", printable(header_.metadata.back().first));
      default:
        return tensor_subject();
    }
  }

  std::string tensor_subject() const { return fmt::format("tensor '{}'", printable(entry_.name)); }

  bool go(State next) {
    state_ = next;
    return true;
  }

  bool open(State next) {
    if (++depth_ > kMaxDepth) {
      throw FormatError(where_, fmt::format("header: nested deeper than {} levels", kMaxDepth));
    }
    return go(next);
  }

  bool close(State next) {
    --depth_;
    return go(next);
  }

  bool close_ignored() {
    --depth_;
    return go(depth_ == kEntryDepth ? State::kField : State::kIgnored);
  }

  template <class Describe>
  bool ignored_scalar(Describe describe) {
    if (state_ != State::kIgnored) refuse(describe());
    return go(depth_ == kEntryDepth ? State::kField : State::kIgnored);
  }

  bool begin_entry(std::string& name) {
    if (name == "__metadata__") {
      if (seen_metadata_) {
        throw FormatError(where_, "header: duplicate key '__metadata__'");
      }
      seen_metadata_ = true;
      return go(State::kMetadata);
    }
    require_name(name);
    if (header_.tensors.size() == kMaxEntries) {
      throw FormatError(where_, fmt::format("header: more than {} tensors", kMaxEntries));
    }
    entry_ = {};
    entry_.name = std::move(name);
    seen_fields_ = {};
    return go(State::kEntry);
  }

  void require_name(const std::string& name) const {
    const std::string missing = missing_in_tensor_name(name);
    if (missing.empty()) return;
    throw FormatError(fmt::format("{}: tensor '{}'", where_, printable(name)),
                      fmt::format("expected a name {}", missing));
  }

  bool begin_field(std::string_view field) {
    constexpr std::array<std::pair<std::string_view, State>, 3> kFields = {{
        {"dtype", State::kDType},
        {"shape", State::kShape},
        {"data_offsets", State::kOffsets},
    }};
    for (std::size_t i = 0; i < kFields.size(); ++i) {
      if (field != kFields[i].first) continue;
      if (seen_fields_[i]) {
        throw FormatError(where_, fmt::format("{}: duplicate '{}'", tensor_subject(), field));
      }
      seen_fields_[i] = true;
      offset_count_ = 0;
      return go(kFields[i].second);
    }
    return go(State::kIgnored);
  }

  void finish_entry() {
    constexpr std::array<std::string_view, 3> kNames = {"dtype", "shape", "data_offsets"};
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (seen_fields_[i]) continue;
      throw FormatError(where_, fmt::format("{}: '{}' is missing", tensor_subject(), kNames[i]));
    }
    header_.tensors.push_back(std::move(entry_));
  }

  bool begin_metadata_value(std::string& key) {
    if (header_.metadata.size() == kMaxEntries) {
      throw FormatError(where_, fmt::format("__metadata__: more than {} entries", kMaxEntries));
    }
    header_.metadata.emplace_back(std::move(key), std::string());
    return go(State::kMetadataValue);
  }

  void set_dtype(std::string_view name) {
    if (const auto dtype = parse_dtype(name)) {
      entry_.dtype = *dtype;
      return;
    }
    const std::string where = fmt::format("{}: {}", where_, tensor_subject());
    if (name == "F4" || name == "F6_E2M3" || name == "F6_E3M2") {
      throw UnsupportedError(
          where, fmt::format("unsupported dtype '{}': its elements are smaller than a byte", name));
    }
    throw FormatError(where, fmt::format("unknown dtype '{}'", printable(name, 40)));
  }

  bool add_dimension(std::uint64_t value) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      refuse(fmt::format("{}", value));
    }
    if (entry_.shape.size() == kMaxRank) {
      throw FormatError(
          where_, fmt::format("{}: shape: more than {} dimensions", tensor_subject(), kMaxRank));
    }
    entry_.shape.push_back(static_cast<std::int64_t>(value));
    return true;
  }

  bool add_offset(std::uint64_t value) {
    if (offset_count_ == 2) refuse("more");
    (offset_count_ == 0 ? entry_.begin : entry_.end) = value;
    ++offset_count_;
    return true;
  }

  const std::string& where_;
  State state_ = State::kStart;
  int depth_ = 0;
  bool seen_metadata_ = false;
  SafetensorsDeclaration entry_;  // of the states kEntry to kOffsetPair, and kIgnored
  std::array<bool, 3> seen_fields_{};
  int offset_count_ = 0;
  SafetensorsHeader header_;
};

/// nlohmann ends the text at a NUL, and skips a byte order mark. JSON has neither.
void require_plain_text(std::string_view text, const std::string& where) {
  if (text.starts_with("\xEF\xBB\xBF")) {
    throw FormatError(where, "header: invalid JSON: it begins with a byte order mark");
  }
  if (const auto nul = text.find('\0'); nul != std::string_view::npos) {
    throw FormatError(where, fmt::format("header: invalid JSON at byte {}: a NUL byte", nul));
  }
}

/// A name that appears more than once. The parser has decoded escapes: spelling does not matter.
std::optional<std::string_view> find_repeated(std::vector<std::string_view> names) {
  std::ranges::sort(names);
  const auto found = std::ranges::adjacent_find(names);
  if (found == names.end()) return std::nullopt;
  return *found;
}

void require_unique_names(const SafetensorsHeader& header, const std::string& where) {
  std::vector<std::string_view> names;
  names.reserve(header.tensors.size());
  for (const auto& tensor : header.tensors) names.emplace_back(tensor.name);
  if (const auto name = find_repeated(std::move(names))) {
    throw FormatError(fmt::format("{}: tensor '{}'", where, printable(*name)), "duplicate name");
  }
  std::vector<std::string_view> keys;
  keys.reserve(header.metadata.size());
  for (const auto& [key, value] : header.metadata) keys.emplace_back(key);
  if (const auto key = find_repeated(std::move(keys))) {
    throw FormatError(where, fmt::format("__metadata__: duplicate key '{}'", printable(*key)));
  }
}

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& where) {
  require_plain_text(text, where);
  HeaderMachine machine(where);
  Json::sax_parse(text.begin(), text.end(), &machine);
  SafetensorsHeader header = machine.take();
  require_unique_names(header, where);
  return header;
}

}  // namespace weightlift
