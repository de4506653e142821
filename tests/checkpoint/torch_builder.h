#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/checkpoint/pickle_builder.h"

namespace weightlift::testing {

/// A reference to a storage; of the legacy form where `view` is given.
inline std::string storage(std::string_view type, std::string_view key, std::string_view numel,
                           std::string_view view = "") {
  return tuple(text("storage") + global("torch", type) + text(key) + text("cpu") +
               std::string(numel) + std::string(view)) +
         "Q";
}

inline std::string integers(const std::vector<std::int64_t>& values) {
  std::string items;
  for (const std::int64_t value : values) items += integer(value);
  return tuple(items);
}

inline const std::string& no_hooks() {
  static const std::string hooks = global("collections", "OrderedDict") + ")R";
  return hooks;
}

/// A call of _rebuild_tensor_v2 with these arguments.
inline std::string raw_tensor(std::string_view arguments) {
  return call(global("torch._utils", "_rebuild_tensor_v2"), arguments);
}

inline std::string tensor(std::string_view from, std::string_view offset, std::string_view size,
                          std::string_view stride) {
  return raw_tensor(std::string(from) + std::string(offset) + std::string(size) +
                    std::string(stride) + "\x89" + no_hooks());
}

/// A view of float32 storage "0" of `numel` elements.
inline std::string float_tensor(std::int64_t numel, std::int64_t offset,
                                const std::vector<std::int64_t>& size,
                                const std::vector<std::int64_t>& stride) {
  return tensor(storage("FloatStorage", "0", integer(numel)), integer(offset), integers(size),
                integers(stride));
}

/// A file with this value at the top, and these storages "0", "1"...
inline std::string torch_zip(std::string_view value, const std::vector<std::string>& storages) {
  std::vector<ZipPart> parts = {{"archive/data.pkl", pickle_of(value)}};
  for (std::size_t i = 0; i < storages.size(); ++i) {
    parts.push_back({"archive/data/" + std::to_string(i), storages[i]});
  }
  parts.push_back({"archive/version", "3\n"});
  return zip_of(parts);
}

/// float32 elements 0, 1, 2...
inline std::string counting_floats(std::size_t count) {
  std::vector<float> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(static_cast<float>(i));
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

/// A legacy file: the value, the list of keys, and the data.
inline std::string torch_legacy(std::string_view value, std::string_view keys,
                                std::string_view data) {
  const std::string magic = "\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.";
  return magic + pickle_of("M\xE9\x03") + pickle_of("}") + pickle_of(value) + pickle_of(keys) +
         std::string(data);
}

}  // namespace weightlift::testing
