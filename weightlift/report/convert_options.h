#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "weightlift/conversion.h"

namespace weightlift {

/// The options of `convert` in the words of users: the program's options, and the names of
/// `options` in docs/json.md.
struct ConvertOptions {
  ConversionRequest request;  ///< without the fields that the words below decide
  PublishOptions publish;
  std::string as, head = "keep", dtype = "keep", to = "transformers", weights_format;
  std::string id2label, image_processor = "source";
  std::string report;
  bool no_verify = false, push = false;
};

/// The choices of those words.
inline constexpr const char* kForms[] = {"transformers", "timm", "torchvision"};
inline constexpr const char* kWeightsFormats[] = {"safetensors", "bin"};
inline constexpr const char* kOutputDtypes[] = {"keep", "float32", "float16", "bfloat16"};
inline constexpr const char* kHeads[] = {"keep", "none"};

/// Reads an object of options by their JSON names, for front ends without a command line. An option
/// that is absent or null keeps the value of `defaults`. `push_to_hub` is a boolean or a
/// repository. Throws UsageError for an unknown name or a wrong value.
ConvertOptions parse_convert_options(const nlohmann::ordered_json& options,
                                     const ConvertOptions& defaults = {});

/// The request that the words mean. Throws NotFoundError for a missing file of labels or of an
/// image processor.
ConversionRequest to_request(const ConvertOptions& options);

/// The options by their JSON names, defaults included: `options` of docs/json.md.
nlohmann::ordered_json options_json(const ConvertOptions& options);

}  // namespace weightlift
