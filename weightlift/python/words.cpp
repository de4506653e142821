#include "weightlift/python/words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

/// A literal of Python.
std::string quoted(const std::string& text) {
  std::string inner = text;
  replace_all(inner, "\\", "\\\\");
  replace_all(inner, "'", "\\'");
  return "'" + printable(inner, inner.size()) + "'";
}

std::string quoted_list(const std::vector<std::string>& texts) {
  if (texts.empty()) return "['GLOB']";
  std::vector<std::string> items;
  for (const std::string& text : texts) items.push_back(quoted(text));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

/// What the caller gives another value to.
std::string phrase_for_python(const Hint& hint) {
  const std::string value = first_value(hint);
  const auto or_word = [&](const char* word) { return quoted(value.empty() ? word : value); };
  switch (hint.code) {
    case HintCode::kAdvice:
      return value;
    case HintCode::kDidYouMean:
      return fmt::format("did you mean {}?", fmt::join(hint.values, ", "));
    case HintCode::kReplace:
      return "use force=True to replace it";
    case HintCode::kChooseName:
      return "choose another name with name=";
    case HintCode::kChooseOutput:
      return "choose another place with output= or name=";
    case HintCode::kChooseWeights:
      return fmt::format("choose one with weights_key={}", or_word("KEY"));
    case HintCode::kIgnoreTensors:
      return "if they do not change the outputs, add ignore=" + quoted_list(hint.values);
    case HintCode::kChooseHead:
      return fmt::format("head_key={} uses it as the classifier{}", or_word("MODULE"),
                         hint.values.size() > 1 && !hint.values[1].empty()
                             ? fmt::format(" ({})", hint.values[1])
                             : "");
    case HintCode::kDropHead:
      return "head='none' converts only the backbone";
    case HintCode::kGiveArchitecture:
      return fmt::format("override with as_={}", or_word("NAME"));
    case HintCode::kOmitArchitecture:
      return "convert a fine-tuned checkpoint without as_";
    case HintCode::kGiveImageProcessor:
      return fmt::format("add image_processor={}", or_word("NAME"));
    case HintCode::kGiveLabels:
      return fmt::format("add id2label={}", or_word("FILE"));
    case HintCode::kTargetTimm:
      return "to='timm' supports it";
    case HintCode::kConvertFirst:
      return fmt::format("convert it first: weightlift.convert({}, 'DIR')", or_word("SOURCE"));
    case HintCode::kListModels:
      return "list the names with weightlift.models()";
    case HintCode::kUseRepositoryPrefix:
      return "write a repository as hf-hub:OWNER/NAME";
    case HintCode::kAllowPublic:
      return "publish to another repository, or omit private=True";
    case HintCode::kAcceptLicense:
      return fmt::format("accept_license={} publishes under it", or_word("LICENSE"));
    case HintCode::kChooseRepository:
      return fmt::format(
          "choose another with push_to_hub= or name=, or replace it with push_to_hub={}",
          or_word("OWNER/NAME"));
    case HintCode::kNameEach:
      return "convert them one by one with name=";
    case HintCode::kAddTrainingState:
      return "all_files=True publishes it";
    case HintCode::kGiveShard:
    case HintCode::kGiveNames:
      return "";  // of the program's batch
  }
  return "";
}

std::string hints_for_python(const Hints& hints) {
  std::string text;
  for (const Hint& hint : hints) text += "; " + phrase_for_python(hint);
  return text;
}

/// The argument that sets a field of a request.
std::string argument_of(const std::string& field) {
  if (field == "as") return "as_";
  if (field == "image") return "images";
  if (field == "dataset") return "datasets";
  return field;
}

}  // namespace

Words python_words() { return {hints_for_python, argument_of}; }

}  // namespace weightlift
