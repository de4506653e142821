#include "weightlift/report/request_words.h"

#include <fmt/format.h>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/hub/repo_id.h"
#include "weightlift/models/registry.h"
#include "weightlift/report/phrase.h"

namespace weightlift {

namespace {

[[noreturn]] void refuse_missing(const char* field, const std::string& file, const Hints& hints) {
  throw NotFoundError(fmt::format("{} {}", phrase_place(field), printable(file, 400)),
                      "no such file or folder", hints);
}

}  // namespace

LabelsFrom parse_labels_from(const std::string& text) {
  if (text.empty()) return FromSource();
  if (text == kImagenetLabels) return Preset{text};
  if (is_hf_address(text)) return Repository{text};
  if (!is_there(text)) {
    refuse_missing("id2label", text, did_you_mean(nearest(text, {kImagenetLabels}, 1)));
  }
  return File{text};
}

ProcessorFrom parse_processor_from(const std::string& text) {
  if (text == "source") return FromSource();
  if (text == "source-test") return FromSourceTest();
  if (text == kConvNextProcessor) return Preset{text};
  if (is_hf_address(text)) return Repository{text};
  if (is_there(text)) return File{text};
  if (find_pretrained(text)) return Preset{text};
  if (text.find('/') == std::string::npos && !text.starts_with("hf-hub:")) {
    refuse_missing("image_processor", text, did_you_mean(nearest_names(text)));
  }
  return Repository{parse_source_name(text).repository};
}

}  // namespace weightlift
