#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/models/model_config.h"
#include "weightlift/nn/graph.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

// No real network is larger. The limits keep products far from overflow, and a hostile config from
// creating a million modules.
inline constexpr std::int64_t kMaxStages = 64;
inline constexpr std::int64_t kMaxDepth = 10'000;
inline constexpr std::int64_t kMaxChannels = 1 << 20;

/// config.json as transformers writes it: `own` has the keys of the family, the common keys are
/// added, all sorted. `architecture`: the class.
std::string write_config(const ModelConfig& config, std::string_view model_type,
                         std::string_view architecture, nlohmann::ordered_json own);

/// Parses config.json, and refuses another model_type.
nlohmann::json read_config_json(std::string_view text, std::string_view model_type,
                                const std::string& where);

/// Reads the keys that all families have. `classes`: those of the family; the first has a
/// classifier.
ModelConfig read_model_config(const nlohmann::json& json, std::span<const std::string_view> classes,
                              const std::string& where);

/// transformers refuses a config with null in one of its own keys.
void refuse_nulls(const nlohmann::json& json, std::span<const std::string_view> keys,
                  const std::string& where);

/// A list of sizes from 1 to `largest`; `fallback` where the key is missing.
std::vector<std::int64_t> get_sizes(const nlohmann::json& json, const std::string& key,
                                    const std::string& where, std::int64_t largest,
                                    std::vector<std::int64_t> fallback);

/// A list of positive integers, nothing where the key is missing.
std::optional<std::vector<std::int64_t>> find_sizes(const nlohmann::json& json,
                                                    std::string_view key, const std::string& where);

/// A number of channels.
std::int64_t get_channels(const nlohmann::json& json, const char* key, const std::string& where,
                          std::int64_t fallback);

/// Throws MismatchError: a config states something else than the tensors show.
[[noreturn]] void disagree(const std::string& where, std::string_view what, std::string_view stated,
                           std::string_view shown);

/// `hidden_act`, "relu" where it is missing. Throws UnsupportedError for an unknown one.
Activation get_activation(const nlohmann::json& json, const std::string& where);

}  // namespace weightlift
