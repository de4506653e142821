#include "weightlift/models/regnet/regnet_family.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "weightlift/models/regnet/infer_regnet.h"
#include "weightlift/models/regnet/regnet_config.h"
#include "weightlift/models/regnet/regnet_names.h"
#include "weightlift/models/regnet/regnet_network.h"
#include "weightlift/models/regnet/regnet_tags.h"
#include "weightlift/models/regnet/regnet_timm.h"

namespace weightlift {

namespace {

const RegNetConfig& config_of_regnet(const Network& network) {
  return static_cast<const RegNet&>(network).config();
}

class RegNetFamily : public Family {
 public:
  std::string_view model_type() const override { return "regnet"; }
  std::string_view name() const override { return "RegNet"; }
  std::span<const std::string_view> transformers_classes() const override { return kRegNetClasses; }
  std::span<const Dialect> dialects() const override { return regnet_dialects(); }
  std::string_view head(Form tree) const override {
    return tree == Form::kTransformers ? "classifier.1" : tree == Form::kTimm ? "head.fc" : "fc";
  }
  std::string_view first_convolution() const override { return "stem.conv"; }
  bool is_of_backbone(std::string_view timm_name) const override {
    return is_regnet_backbone(timm_name);
  }

  std::span<const PretrainedCfg> tags() const override { return regnet_tags(); }
  std::vector<std::string_view> architectures() const override {
    std::vector<std::string_view> names;
    for (const RegNetArchitecture& one : regnet_architectures()) names.push_back(one.name);
    return names;
  }
  std::span<const ModelArgument> arguments() const override { return regnet_arguments(); }
  std::string folder_name(std::string_view architecture) const override {
    std::string rest(architecture.substr(model_type().size()));
    std::ranges::replace(rest, '_', '-');
    return fmt::format("regnet-{}", rest);
  }

  /// In transformers' naming, a ResNet's bottleneck has a last convolution with a fourth of its
  /// outputs as inputs, and its basic block has none in this place.
  bool is_mine(const StateDict& tensors, const Dialect& dialect) const override {
    if (dialect.form != Form::kTransformers) return true;
    const Tensor* last = tensors.find("s1.b1.conv3.conv.weight");
    return last != nullptr && last->shape().size() == 4 && last->shape()[0] == last->shape()[1];
  }

  Model from_tensors(const StateDict& tensors, const std::string& where) const override {
    const RegNetConfig config = infer_regnet_config(tensors, where);
    return {std::make_shared<RegNet>(config), config};
  }

  Model from_transformers_config(std::string_view json, const std::string& where) const override {
    const RegNetConfig config = parse_regnet_config(json, where);
    return {std::make_shared<RegNet>(config), config};
  }

  std::shared_ptr<const Network> merge(const Network& stated, const Network& shown) const override {
    const RegNetConfig& of_config = config_of_regnet(stated);
    RegNetConfig merged = config_of_regnet(shown);
    merged.groups_width = of_config.groups_width;
    merged.hidden_act = of_config.hidden_act;
    merged.downsample_in_first_stage = of_config.downsample_in_first_stage;
    return std::make_shared<RegNet>(merged);
  }

  std::shared_ptr<const Network> merge_timm(std::string_view architecture,
                                            std::string_view model_args,
                                            std::shared_ptr<const Network> shown,
                                            const std::string& where) const override {
    return std::make_shared<RegNet>(
        with_timm_arguments(architecture, model_args, config_of_regnet(*shown), where));
  }
};

}  // namespace

const Family& regnet_family() {
  static const RegNetFamily family;
  return family;
}

}  // namespace weightlift
