#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "weightlift/models/family.h"
#include "weightlift/models/regnet/regnet_config.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// The Network of a RegNet.
class RegNet : public Network {
 public:
  explicit RegNet(RegNetConfig config) : config_(std::move(config)) {}

  const RegNetConfig& config() const { return config_; }

  const Family& family() const override;
  std::int64_t features() const override { return config_.hidden_sizes.back(); }
  std::unique_ptr<Module> make(Form tree, const ModelConfig& config) const override;
  std::string transformers_config(const ModelConfig& config) const override;
  TimmConfig timm_config() const override;
  std::string torchvision_code(const ModelConfig& config) const override;
  std::string describe() const override;
  std::string sizes_json() const override;

 private:
  RegNetConfig with(const ModelConfig& config) const;
  std::int64_t group_width() const;

  RegNetConfig config_;  // sizes alone: make() gets the common part
};

}  // namespace weightlift
