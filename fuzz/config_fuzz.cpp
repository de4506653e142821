// Any text is refused by an Error of its kind or read, as transformers' config.json, as timm's, and
// as a preprocessor_config.json. What has a writer is written, reads back, and is written the same.
#include <cstdint>

#include "fuzz/round_trip.h"
#include "weightlift/base/message.h"
#include "weightlift/image/processor.h"
#include "weightlift/models/families.h"
#include "weightlift/models/timm_config.h"

namespace {

using namespace weightlift;
using fuzzing::require;

std::string rewritten(std::string_view text, const std::string& where) {
  const Model model = parse_transformers_config(text, where);
  return model.network->transformers_config(model.config);
}

void check_transformers(std::string_view text) {
  std::string written;
  try {
    written = rewritten(text, "input");
  } catch (const FormatError&) {
    return;
  } catch (const UnsupportedError&) {
    return;
  }
  require(is_transformers_config(written, "written"));
  require(rewritten(written, "written") == written);
}

void check_timm(std::string_view text) {
  try {
    parse_timm_config(text, "input");
  } catch (const FormatError&) {
    return;
  } catch (const UnsupportedError&) {
    return;
  } catch (const MismatchError&) {
    return;
  }
}

void check_processor(std::string_view text) {
  std::string written;
  try {
    written = to_preprocessor_json(parse_image_processor(text, "input"));
  } catch (const FormatError&) {
    return;
  } catch (const UnsupportedError&) {
    return;
  }
  require(to_preprocessor_json(parse_image_processor(written, "written")) == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_transformers(text);
  check_timm(text);
  check_processor(text);
  return 0;
}
