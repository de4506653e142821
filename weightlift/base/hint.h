#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weightlift {

/// One thing that the caller can do about an error or a note. The library names the action; each
/// front end adds how to do it: the program with an option, Python with an argument.
enum class HintCode {
  kAdvice,              ///< {a sentence}: needs no option
  kDidYouMean,          ///< {the nearest known names}
  kReplace,             ///< replace what is there
  kChooseName,          ///< choose another name for the new folder
  kChooseOutput,        ///< choose another place for the new folder
  kChooseWeights,       ///< {keys}: choose one of the file's state dicts; empty: any of those named
  kIgnoreTensors,       ///< {patterns, joined by commas}: ignore them
  kChooseHead,          ///< {module}: name the Linear layer that is the classifier
  kDropHead,            ///< convert the backbone without its classifier
  kGiveArchitecture,    ///< {name}: name the model in a lone weights file; empty: any name
  kOmitArchitecture,    ///< do not name the model in the file
  kGiveImageProcessor,  ///< {which}: choose an image processor; empty: any
  kGiveLabels,          ///< {which}: name the classes; empty: any
  kTargetTimm,          ///< convert to timm instead
  kConvertFirst,        ///< {source}: convert it, then use the new folder
  kListModels,          ///< list the known names
  kUseRepositoryPrefix,  ///< {owner/name}: name the repository as hf-hub:owner/name
  kAllowPublic,          ///< publish to the repository although it is public
  kAcceptLicense,        ///< {license}: publish under it although it forbids commercial use
  kChooseRepository,     ///< {owner/name}: choose another repository, or name this one
  kNameEach,             ///< convert the sources one by one, and name each folder
};

struct Hint {
  HintCode code = HintCode::kAdvice;
  std::vector<std::string> values = {};
  bool operator==(const Hint&) const = default;
};

using Hints = std::vector<Hint>;

/// "advice", "did-you-mean", "replace", ...
std::string_view to_string(HintCode code);

/// The facts on one line, for a log: "choose-head(encoder.fc)".
std::string to_string(const Hint& hint);

/// Advice that every front end gives in the same words.
inline Hints advice(std::string text) { return {{HintCode::kAdvice, {std::move(text)}}}; }

}  // namespace weightlift
