#include "weightlift/models/regnet/regnet_timm.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/text.h"
#include "weightlift/models/config_json.h"
#include "weightlift/models/regnet/regnet_tags.h"
#include "weightlift/models/regnet/regnet_widths.h"

namespace weightlift {

namespace {

using Use = ModelArgument::Use;

// What timm's class has.
constexpr std::size_t kRegNetStages = 4;
constexpr std::int64_t kRegNetStem = 32;  // unless stem_width states another width

constexpr auto kRegNetArguments = std::to_array<ModelArgument>({
    {.key = "depth", .use = Use::kShown},
    {.key = "w0", .use = Use::kShown},
    {.key = "wa", .use = Use::kShown},
    {.key = "wm", .use = Use::kShown},
    {.key = "group_size", .use = Use::kShown},
    {.key = "group_min_ratio", .use = Use::kShown},
    {.key = "se_ratio", .use = Use::kShown},
    {.key = "stem_width", .use = Use::kShown},
    {.key = "act_layer", .use = Use::kStated},
    {.key = "drop_rate"},
    {.key = "drop_path_rate"},
    {.key = "zero_init_last"},
    {.key = "device"},
    {.key = "dtype"},
    {.key = "bottle_ratio",
     .values = "1 1.0",
     .reason = "transformers' RegNet has as many channels inside its blocks as outside"},
    {.key = "downsample",
     .values = R"("conv1x1")",
     .reason = "transformers' RegNet has 1x1 convolutions as shortcuts"},
    {.key = "linear_out",
     .values = "false",
     .reason = "transformers' RegNet has an activation after each block"},
    {.key = "preact", .values = "false"},
    {.key = "num_features", .values = "0", .reason = "it adds a convolution after the last stage"},
    {.key = "norm_layer", .values = R"("batchnorm" "batchnorm2d")"},
    {.key = "output_stride", .values = "32", .reason = "smaller ones dilate convolutions"},
    {.key = "global_pool", .values = R"("avg" "fast" "fastavg")"},
});

/// An activation by timm's names. Source: timm.layers.create_act. The first name of each is
/// written.
struct TimmActivation {
  std::string_view name;
  Activation activation;
};

constexpr auto kTimmActivations =
    std::to_array<TimmActivation>({{"relu", Activation::kRelu},
                                   {"relu6", Activation::kRelu6},
                                   {"silu", Activation::kSilu},
                                   {"swish", Activation::kSilu},
                                   {"gelu", Activation::kGelu},
                                   {"gelu_tanh", Activation::kGeluTanh},
                                   {"mish", Activation::kMish},
                                   {"hard_swish", Activation::kHardswish},
                                   {"hardswish", Activation::kHardswish},
                                   {"leaky_relu", Activation::kLeakyRelu},
                                   {"tanh", Activation::kTanh},
                                   {"sigmoid", Activation::kSigmoid}});

template <class Value>
void require_as_stated(std::string_view what, const Value& stated, const Value& shown,
                       const std::string& where) {
  if (stated != shown) disagree(where, what, fmt::format("{}", stated), fmt::format("{}", shown));
}

const RegNetArchitecture* find_regnet(std::string_view name) {
  const auto found = std::ranges::find(regnet_architectures(), name, &RegNetArchitecture::name);
  return found == regnet_architectures().end() ? nullptr : &*found;
}

std::optional<RegNetRule> find_rule(std::string_view architecture) {
  const auto found = std::ranges::find(regnet_rules(), architecture, &RegNetRuleOf::architecture);
  if (found == regnet_rules().end()) return std::nullopt;
  return found->rule;
}

/// Groups of each stage's 3x3 convolutions.
std::vector<std::int64_t> groups_of(const RegNetConfig& config) {
  std::vector<std::int64_t> groups;
  for (const std::int64_t width : config.hidden_sizes) {
    groups.push_back(regnet_groups(config, width));
  }
  return groups;
}

std::vector<std::int64_t> groups_of(const RegNetWidths& widths) {
  std::vector<std::int64_t> groups;
  for (std::size_t i = 0; i < widths.hidden_sizes.size(); ++i) {
    groups.push_back(widths.hidden_sizes[i] / widths.group_sizes[i]);
  }
  return groups;
}

RegNetWidths widths_of(const RegNetArchitecture& known) {
  RegNetWidths widths{{known.depths.begin(), known.depths.end()},
                      {known.hidden_sizes.begin(), known.hidden_sizes.end()},
                      {}};
  for (const std::int64_t width : widths.hidden_sizes) {
    widths.group_sizes.push_back(std::min<std::int64_t>(width, known.groups_width));
  }
  return widths;
}

bool has_widths(const RegNetConfig& config, const RegNetWidths& widths) {
  return widths.depths == config.depths && widths.hidden_sizes == config.hidden_sizes &&
         groups_of(widths) == groups_of(config);
}

double get_real(const nlohmann::json& args, std::string_view key, const std::string& where) {
  return to_number(args.at(key), key, where).value;
}

/// The rule of an architecture with the arguments that are stated; nothing where they are too few.
/// Throws FormatError for values that timm refuses, and beyond what a network can have.
std::optional<RegNetRule> stated_rule(std::string_view architecture, const nlohmann::json& args,
                                      const std::string& where) {
  std::optional<RegNetRule> rule = find_rule(architecture);
  const bool complete = std::ranges::all_of(std::array{"depth", "w0", "wa", "wm", "group_size"},
                                            [&](const char* key) { return args.contains(key); });
  if (!rule && complete) rule.emplace();
  if (!rule) return std::nullopt;
  rule->depth = get_int(args, "depth", where, rule->depth);
  rule->w0 = get_int(args, "w0", where, rule->w0);
  rule->group_size = get_int(args, "group_size", where, rule->group_size);
  if (args.contains("wa")) rule->wa = get_real(args, "wa", where);
  if (args.contains("wm")) rule->wm = get_real(args, "wm", where);
  if (args.contains("group_min_ratio")) {
    rule->as_torchvision = get_real(args, "group_min_ratio", where) != 0;
  }
  constexpr double kMost = 1e6;
  if (rule->depth < 1 || rule->depth > kMaxDepth || rule->w0 < 1 || rule->w0 > kMaxChannels ||
      rule->w0 % 8 != 0 || rule->group_size < 1 || !(rule->wa >= 0 && rule->wa <= kMost) ||
      !(rule->wm > 1 && rule->wm <= kMost)) {
    throw FormatError(
        where, fmt::format("expected depth from 1 to {}, w0 divisible by 8, wa from 0, wm "
                           "above 1 and group_size from 1, got {}, {}, {}, {} and {}",
                           kMaxDepth, rule->depth, rule->w0, rule->wa, rule->wm, rule->group_size));
  }
  return rule;
}

/// What timm makes of an architecture and the arguments; nothing where they are too few. Of two
/// roundings that an unknown architecture may have, the one that gives `shown`.
std::optional<RegNetWidths> stated_widths(std::string_view architecture, const nlohmann::json& args,
                                          const RegNetConfig& shown, const std::string& where) {
  const bool others =
      std::ranges::any_of(std::array{"depth", "w0", "wa", "wm", "group_size", "group_min_ratio"},
                          [&](const char* key) { return args.contains(key); });
  const RegNetArchitecture* known = find_regnet(architecture);
  if (known != nullptr && !others) return widths_of(*known);
  std::optional<RegNetRule> rule = stated_rule(architecture, args, where);
  if (!rule) return std::nullopt;
  RegNetWidths widths = regnet_widths(*rule);
  if (known != nullptr || args.contains("group_min_ratio")) return widths;
  rule->as_torchvision = true;
  RegNetWidths as_torchvision = regnet_widths(*rule);
  return has_widths(shown, as_torchvision) ? as_torchvision : widths;
}

void compare_layer_type(std::string_view architecture, const nlohmann::json& args,
                        const RegNetConfig& shown, const std::string& where) {
  if (args.contains("se_ratio")) {
    const bool squeezes = shown.layer_type == RegNetType::kY;
    require_as_stated("se_ratio", get_real(args, "se_ratio", where), squeezes ? 0.25 : 0.0, where);
  } else if (const RegNetArchitecture* known = find_regnet(architecture)) {
    require_as_stated(fmt::format("layer type of {}", known->name), known->layer_type,
                      to_string(shown.layer_type), where);
  }
}

void compare_widths(std::string_view architecture, const nlohmann::json& args,
                    const RegNetConfig& shown, const std::string& where) {
  const auto widths = stated_widths(architecture, args, shown, where);
  if (!widths) {
    // Only the arguments are known, and without all of them no widths follow.
    const std::int64_t blocks =
        std::accumulate(shown.depths.begin(), shown.depths.end(), std::int64_t{0});
    require_as_stated("blocks (depth)", get_int(args, "depth", where, blocks), blocks, where);
    const std::int64_t size = get_int(args, "group_size", where, shown.groups_width);
    RegNetConfig stated = shown;
    stated.groups_width = std::max<std::int64_t>(1, size);
    require_as_stated("groups per stage (group_size)", groups_of(stated), groups_of(shown), where);
    return;
  }
  require_as_stated("blocks per stage", widths->depths, shown.depths, where);
  require_as_stated("channels per stage", widths->hidden_sizes, shown.hidden_sizes, where);
  require_as_stated("groups per stage", groups_of(*widths), groups_of(shown), where);
}

Activation stated_activation(const nlohmann::json& args, RegNetType type,
                             const std::string& where) {
  const std::string name = get_string(args, "act_layer", where, "relu");
  const auto found = std::ranges::find(kTimmActivations, name, &TimmActivation::name);
  if (found == kTimmActivations.end()) {
    std::vector<std::string_view> names;
    for (const TimmActivation& one : kTimmActivations) names.push_back(one.name);
    throw UnsupportedError(where, fmt::format("act_layer: expected {}, got {}",
                                              fmt::join(names, ", "), printable(name)));
  }
  if (type == RegNetType::kY && found->activation != Activation::kRelu) {
    throw UnsupportedError(
        where, fmt::format("act_layer: expected relu in layer type y, got {}; transformers' "
                           "squeeze-and-excitation always has ReLU",
                           name));
  }
  return found->activation;
}

/// Throws UnsupportedError for what timm's class does not have.
void require_timms_regnet(const RegNetConfig& config) {
  const auto require = [](bool same, std::string_view timms, std::string_view of_network) {
    if (same) return;
    throw UnsupportedError(
        fmt::format("timm's RegNet has {}, this network has {}", timms, of_network));
  };
  const std::string_view act = to_string(config.hidden_act);
  require(config.depths.size() == kRegNetStages, "4 stages", std::to_string(config.depths.size()));
  require(config.downsample_in_first_stage, "stride 2 in the first stage",
          "stride 1 (downsample_in_first_stage)");
  require(config.layer_type == RegNetType::kX || config.hidden_act == Activation::kRelu,
          "one activation in layer type y, also in its squeeze-and-excitation",
          fmt::format("{} and relu", act));
  const bool named = std::ranges::find(kTimmActivations, config.hidden_act,
                                       &TimmActivation::activation) != kTimmActivations.end();
  require(named, "an activation in each block", act);
}

/// The architecture with these widths and arguments, "" where there is none.
std::string_view find_architecture(const RegNetConfig& config, nlohmann::ordered_json& args) {
  const auto same_type = [&](const RegNetArchitecture& one) {
    return one.layer_type == to_string(config.layer_type);
  };
  for (const RegNetArchitecture& one : regnet_architectures()) {
    if (same_type(one) && has_widths(config, widths_of(one))) return one.name;
  }
  for (const RegNetArchitecture& one : regnet_architectures()) {
    std::optional<RegNetRule> rule = same_type(one) ? find_rule(one.name) : std::nullopt;
    if (!rule) continue;
    rule->group_size = config.groups_width;
    if (!has_widths(config, regnet_widths(*rule))) continue;
    args["group_size"] = config.groups_width;
    return one.name;
  }
  return "";
}

}  // namespace

std::span<const ModelArgument> regnet_arguments() { return kRegNetArguments; }

RegNetConfig with_timm_arguments(std::string_view architecture, std::string_view model_args,
                                 const RegNetConfig& shown, const std::string& where) {
  const nlohmann::json args = parse_json(model_args, where);
  require_as_stated("stride of the first stage", 2, shown.downsample_in_first_stage ? 2 : 1, where);
  compare_layer_type(architecture, args, shown, where);
  const bool known = find_regnet(architecture) != nullptr;
  require_as_stated("channels of the stem (stem_width)",
                    get_int(args, "stem_width", where, known ? kRegNetStem : shown.embedding_size),
                    shown.embedding_size, where);
  compare_widths(architecture, args, shown, where);
  RegNetConfig merged = shown;
  if (args.contains("act_layer")) {  // else a config may have stated it
    merged.hidden_act = stated_activation(args, shown.layer_type, where);
  }
  return merged;
}

TimmConfig regnet_timm_config(const RegNetConfig& config) {
  require_timms_regnet(config);
  nlohmann::ordered_json args = nlohmann::ordered_json::object();
  TimmConfig made;
  made.architecture = find_architecture(config, args);
  if (made.architecture.empty()) {
    throw UnsupportedError(fmt::format(
        "timm's RegNet computes its channels from w0, wa and wm, and no architecture has the "
        "blocks {}, the channels {} and the group width {} of this network",
        config.depths, config.hidden_sizes, config.groups_width));
  }
  if (config.embedding_size != kRegNetStem) args["stem_width"] = config.embedding_size;
  if (config.hidden_act != Activation::kRelu) {
    args["act_layer"] =
        std::ranges::find(kTimmActivations, config.hidden_act, &TimmActivation::activation)->name;
  }
  made.model_args = dump_json_line(args);
  return made;
}

}  // namespace weightlift
