#include "weightlift/cli/versions.h"

#include <nlohmann/json.hpp>

#include "weightlift/models/model_config.h"
#include "weightlift/runtime/program.h"

namespace weightlift {

nlohmann::ordered_json versions_json() {
  return {{"weightlift", WEIGHTLIFT_VERSION},
          {"onednn", onednn_version()},
          {"transformers", kTransformersVersion}};
}

}  // namespace weightlift
