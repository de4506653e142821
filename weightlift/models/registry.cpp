#include "weightlift/models/registry.h"

#include <fmt/format.h>

#include <algorithm>

#include "weightlift/base/nearest.h"
#include "weightlift/models/families.h"

namespace weightlift {

std::span<const PretrainedCfg> pretrained_cfgs() {
  // Never destroyed: destructors of other globals may still ask.
  static const auto& all = *[] {
    auto* cfgs = new std::vector<PretrainedCfg>;
    for (const Family* family : families()) {
      cfgs->insert(cfgs->end(), family->tags().begin(), family->tags().end());
    }
    return cfgs;
  }();
  return all;
}

std::string full_name(const PretrainedCfg& cfg) {
  return fmt::format("{}.{}", cfg.architecture, cfg.tag);
}

std::optional<PretrainedCfg> find_pretrained(std::string_view name) {
  const auto deprecated = std::ranges::find(deprecated_names(), name, &DeprecatedName::old_name);
  if (deprecated != deprecated_names().end()) name = deprecated->name;
  const std::size_t dot = name.find('.');
  const std::string_view architecture = name.substr(0, dot);
  // timm also reads "resnet18." as the default tag.
  const std::string_view tag = dot == std::string_view::npos ? "" : name.substr(dot + 1);
  for (const PretrainedCfg& cfg : pretrained_cfgs()) {
    if (cfg.architecture == architecture && (tag.empty() ? cfg.is_default : cfg.tag == tag)) {
      return cfg;
    }
  }
  return std::nullopt;
}

std::string repository_of(const PretrainedCfg& cfg) { return "timm/" + full_name(cfg); }

std::optional<PretrainedCfg> find_by_repository(std::string_view repo_id) {
  for (const PretrainedCfg& cfg : pretrained_cfgs()) {
    if (repository_of(cfg) == repo_id) return cfg;
  }
  return std::nullopt;
}

std::optional<PretrainedCfg> find_by_sha256(std::string_view sha256) {
  for (const PretrainedCfg& cfg : pretrained_cfgs()) {
    if (!cfg.hash_prefix.empty() && sha256.starts_with(cfg.hash_prefix)) return cfg;
  }
  return std::nullopt;
}

std::string_view reason_against(std::string_view architecture) {
  const auto others = other_architectures();
  const auto found = std::ranges::lower_bound(others, architecture, {}, &OtherArchitecture::name);
  return found == others.end() || found->name != architecture ? "" : found->reason;
}

std::vector<std::string> nearest_names(std::string_view name) {
  std::vector<std::string> names;
  for (const Family* family : families()) {
    for (const std::string_view architecture : family->architectures()) {
      names.emplace_back(architecture);
    }
  }
  for (const PretrainedCfg& cfg : pretrained_cfgs()) names.push_back(full_name(cfg));
  for (const DeprecatedName& deprecated : deprecated_names()) {
    names.emplace_back(deprecated.old_name);
  }
  constexpr std::size_t kCount = 3;
  // "resnet50.a2" is the beginning of "resnet50.a2_in1k", however far the spellings are apart.
  std::vector<std::string> near;
  for (const std::string& known : names) {
    if (name.find('.') != std::string_view::npos && known.starts_with(name) &&
        near.size() < kCount) {
      near.push_back(known);
    }
  }
  return near.empty() ? nearest(name, names, kCount) : near;
}

}  // namespace weightlift
