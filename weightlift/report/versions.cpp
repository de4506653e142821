#include "weightlift/report/versions.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "weightlift/models/model_config.h"
#include "weightlift/runtime/program.h"
#include "weightlift/version.h"

namespace weightlift {

nlohmann::ordered_json versions_json() {
  return {{"weightlift", version()},
          {"onednn", onednn_version()},
          {"transformers", kTransformersVersion}};
}

}  // namespace weightlift
