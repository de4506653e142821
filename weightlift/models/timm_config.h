#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/base/number.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/resnet_config.h"

namespace weightlift {

/// timm's pretrained_cfg as a source's config.json states it. These are claims: timm stamps every
/// model it builds with its architecture's default tag, licence and origin.
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

/// A source's config.json in timm's form: what it promises of the network, and what it claims.
struct TimmConfig {
  std::string architecture;  ///< without tag, old names resolved: "resnet50"
  std::optional<std::vector<std::int64_t>> layers,
      channels;  ///< model_args that change the network
  std::optional<std::int64_t> in_chans, num_classes;
  std::vector<std::string> labels;  ///< of all classes in order, empty where the source has none
  PretrainedClaims pretrained_cfg;
};

/// Reads a config.json of timm's form: as save_for_hf or the Hub has it, or the older flat one.
/// Throws FormatError for wrong types, and MismatchError, with the reason by name, for an
/// architecture or a model_args key that ResNetConfig cannot express: many of these leave every
/// tensor as it was. Source: timm.models._hub, timm.models.resnet.ResNet.
TimmConfig parse_timm_config(std::string_view text, const std::string& where);

/// What a registry name says of a lone weights file.
TimmConfig timm_config_of(const PretrainedCfg& cfg);

/// The config of a network of timm's that has this shape: `known`'s, where the tag is known, else
/// the architecture that has these blocks, with model_args where it needs them, and no claims.
/// Throws MismatchError, with the reason, where timm cannot express the network.
TimmConfig make_timm_config(const ResNetConfig& config,
                            const std::optional<PretrainedCfg>& known = {});

/// The config.json that timm reads, in save_for_hf's order: what `config` states, and no more.
/// `network` gives the features, and the side of the last feature map.
std::string to_timm_json(const TimmConfig& config, const ResNetConfig& network);

/// Throws MismatchError unless what the config promises (architecture, model_args, channels,
/// classes, number of labels) is what the tensors show.
void require_agreement(const TimmConfig& promised, const ResNetConfig& shown,
                       const std::string& where);

}  // namespace weightlift
