#include "weightlift/convert/provenance.h"

#include "weightlift/base/digest.h"
#include "weightlift/convert/plan.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/models/timm_config.h"
#include "weightlift/nn/module.h"

namespace weightlift {

namespace {

/// Takes the registry entry of the tag as facts.
void state_facts(const PretrainedCfg& cfg, std::string known_by, Provenance& from) {
  from.known_by = std::move(known_by);
  from.architecture = cfg.architecture;
  from.tag = cfg.tag;
  from.license = cfg.license;
  from.origin_url = cfg.origin_url;
  from.base_model = repository_of(cfg);
  if (cfg.tag.ends_with("in1k")) from.datasets = {"imagenet-1k"};
}

/// Whether the network has the tag's shape. Eight digits of a hash can be forged, and a repository
/// can change hands, so facts of the tag also need this check.
bool has_shape_of(const PretrainedCfg& cfg, const Source& source) {
  return source.config.num_labels == cfg.num_classes &&
         count_parameters(*source.network->make(Form::kTimm, source.config)) == cfg.parameters;
}

/// The tag whose own Hub repository is the source; empty for other repositories, and for other
/// revisions than main, such as pull requests.
std::optional<PretrainedCfg> find_by_origin(const std::optional<SourceOrigin>& origin) {
  if (!origin || origin->revision != "main") return std::nullopt;
  return find_by_repository(origin->repo_id);
}

}  // namespace

std::optional<PretrainedCfg> find_known(const ConversionRequest& request, const LocalSource& from,
                                        const Source& source, std::string& sha256_hex) {
  const std::string where = source.checkpoint.path.string();
  if (request.hints.as) {
    const PretrainedCfg cfg = require_pretrained(*request.hints.as);
    Model shown{source.network, source.config};
    take_statements(timm_config_of(cfg), shown, where);
    return cfg;
  }
  sha256_hex = sha256(source.checkpoint.files.front().bytes);
  for (const auto& cfg : {find_by_sha256(sha256_hex), find_by_origin(from.origin)}) {
    if (cfg && has_shape_of(*cfg, source)) return cfg;
  }
  return std::nullopt;
}

Provenance make_provenance(const ConversionRequest& request, const LocalSource& local,
                           const Source& source, const std::string& sha256_hex) {
  const std::optional<SourceOrigin>& origin = local.origin;
  Provenance from;
  from.source_name = origin ? origin->repo_id : last_part_of(local.path);
  from.commit = origin ? origin->commit : "";
  from.source_file = source.checkpoint.path.filename().string();
  from.source_sha256 = sha256_hex;
  from.form = form_of(source);
  if (const auto& timm = source.timm) {
    from.architecture = timm->architecture;
    from.tag = timm->pretrained_cfg.tag;
    from.named_by_user = source.kind == SourceKind::kFile;
    from.claimed_license = timm->pretrained_cfg.license;
    from.claimed_origin_url = timm->pretrained_cfg.origin_url;
    from.paper_ids = timm->pretrained_cfg.paper_ids;
  }
  const auto known = find_by_sha256(sha256_hex);
  const auto published = find_by_origin(origin);
  if (known && has_shape_of(*known, source)) {
    state_facts(*known, "by the file's sha256", from);
  } else if (published && has_shape_of(*published, source)) {
    state_facts(*published, "from their own repository", from);
  }
  if (!request.license.empty()) from.license = request.license;
  if (!request.base_model.empty()) from.base_model = request.base_model;
  if (!request.datasets.empty()) from.datasets = request.datasets;
  return from;
}

}  // namespace weightlift
