#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/models/family.h"
#include "weightlift/models/registry.h"
#include "weightlift/number.h"

namespace weightlift {

/// timm's pretrained_cfg in a source's config.json. These are claims: timm writes the default tag,
/// license and origin of the architecture into every model that it builds.
struct PretrainedClaims {
  std::string tag;
  std::vector<std::int64_t> input_size;       ///< (C, H, W), empty where not stated
  std::vector<std::int64_t> test_input_size;  ///< the same
  std::optional<Number> crop_pct, test_crop_pct;
  std::string interpolation, crop_mode;
  std::vector<Number> mean, std;  ///< per channel or one for all
  std::optional<std::int64_t> num_classes;
  std::string license, origin_url;
  std::vector<std::string> paper_ids;
};

/// timm's config.json of a source: what it states about the network, and what it claims.
struct TimmConfig {
  std::string architecture;  ///< current name without tag: "resnet50"
  /// JSON object of the model_args that change the network.
  std::string model_args = "{}";
  std::optional<std::int64_t> in_chans, num_classes;
  std::vector<std::string> labels;  ///< one per class, empty where the source has none
  PretrainedClaims pretrained_cfg;
};

/// Reads timm's config.json, as save_for_hf writes it or in the older flat form. Throws FormatError
/// for wrong types, UnsupportedError, with the reason, for an architecture, a model_args key or a
/// label_offset that transformers' class does not have (many of these do not change the tensors),
/// and MismatchError where it contradicts itself. Source: timm.models._hub.
TimmConfig parse_timm_config(std::string_view text, const std::string& where);

/// Compares what timm's config states (architecture, model_args, channels, classes, number of
/// labels) with what the tensors show, and takes from it what they do not show. Throws
/// MismatchError where they differ.
void take_statements(const TimmConfig& stated, Model& shown, const std::string& where);

/// The same for the arguments of a model, a JSON object from a training checkpoint. Throws
/// UnsupportedError for arguments that transformers' class does not have.
void take_model_args(std::string_view json, Model& shown, const std::string& where);

/// The config of a tag of timm's registry, for a lone weights file.
TimmConfig timm_config_of(const PretrainedCfg& cfg);

/// timm's config of a network: `known`'s where the tag is known, else the architecture with these
/// sizes, the model_args that it needs, and no claims. Throws UnsupportedError, with the reason,
/// where timm does not have the network.
TimmConfig make_timm_config(const Model& model, const std::optional<PretrainedCfg>& known = {});

/// The config.json that timm reads, in save_for_hf's order, with only what `config` states.
/// `model` gives the number of features and of input channels.
std::string to_timm_json(const TimmConfig& config, const Model& model);

}  // namespace weightlift
