#include "weightlift/cli/words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/base/text.h"

namespace weightlift {

namespace {

/// Fields of a request, and the options that set them.
constexpr auto kOptions = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"as", "--as"},
    {"config", "--config"},
    {"head_key", "--head-key"},
    {"ignore", "--ignore"},
    {"image_processor", "--image-processor"},
    {"images", "--image"},
    {"id2label", "--id2label"},
    {"organization", "--organization"},
    {"revision", "--revision"},
    {"shard", "--shard"},
    {"shards", "--shards"},
    {"name_template", "--name-template"},
});

std::string ignore_options(const std::vector<std::string>& patterns) {
  if (patterns.empty()) return "--ignore GLOB";
  std::string text;
  for (const std::string& pattern : patterns) {
    text += fmt::format("{}--ignore {}", text.empty() ? "" : " ", shell_quoted(pattern));
  }
  return text;
}

std::string phrase_for_shell(const Hint& hint) {
  const std::string value = first_value(hint);
  const auto or_word = [&](const char* word) { return value.empty() ? word : shell_quoted(value); };
  switch (hint.code) {
    case HintCode::kAdvice:
      return value;
    case HintCode::kDidYouMean:
      return fmt::format("did you mean {}?", fmt::join(hint.values, ", "));
    case HintCode::kReplace:
      return "use --force to replace it";
    case HintCode::kChooseName:
      return "choose another name with --name";
    case HintCode::kChooseOutput:
      return "choose another place with --output or --name";
    case HintCode::kChooseWeights:
      return fmt::format("choose one with --weights-key {}", or_word("KEY"));
    case HintCode::kIgnoreTensors:
      return "if they do not change the outputs, add " + ignore_options(hint.values);
    case HintCode::kChooseHead:
      return fmt::format("--head-key {} uses it as the classifier{}", or_word("MODULE"),
                         hint.values.size() > 1 && !hint.values[1].empty()
                             ? fmt::format(" ({})", hint.values[1])
                             : "");
    case HintCode::kDropHead:
      return "--head none converts only the backbone";
    case HintCode::kGiveArchitecture:
      return fmt::format("override with --as {}", or_word("NAME"));
    case HintCode::kOmitArchitecture:
      return "convert a fine-tuned checkpoint without --as";
    case HintCode::kGiveImageProcessor:
      return fmt::format("add --image-processor {}", or_word("NAME"));
    case HintCode::kGiveLabels:
      return fmt::format("add --id2label {}", or_word("FILE"));
    case HintCode::kTargetTimm:
      return "--to timm supports it";
    case HintCode::kConvertFirst:
      return fmt::format("convert it first: weightlift convert {} -o DIR", or_word("SOURCE"));
    case HintCode::kListModels:
      return "list the names with: weightlift models";
    case HintCode::kUseRepositoryPrefix:
      return "write a repository as hf-hub:OWNER/NAME";
    case HintCode::kAllowPublic:
      return "publish to another repository, or omit --private";
    case HintCode::kAcceptLicense:
      return fmt::format("--accept-license {} publishes under it", or_word("LICENSE"));
    case HintCode::kChooseRepository:
      return fmt::format("choose another with --repo-id or --name, or replace it with --repo-id {}",
                         or_word("OWNER/NAME"));
    case HintCode::kNameEach:
      return "convert them one by one with --name, or with weightlift batch and --name-template";
    case HintCode::kAddTrainingState:
      return "--all-files publishes it";
    case HintCode::kGiveShard:
      return fmt::format("name the shard with --shard {}", or_word("I/N"));
    case HintCode::kGiveNames:
      return "give each a name, or use --name-template '{parent}-{stem}'";
  }
  return "";
}

/// $'a\012b': a terminal must not get control characters.
std::string escaped_for_shell(const std::string& word) {
  std::string escaped;
  for (const char c : word) {
    constexpr unsigned char kSpace = 0x20, kDelete = 0x7f;
    const auto byte = static_cast<unsigned char>(c);
    if (byte < kSpace || byte >= kDelete) {
      escaped += fmt::format("\\{:03o}", byte);
    } else {
      if (c == '\'' || c == '\\') escaped += '\\';
      escaped += c;
    }
  }
  return "$'" + escaped + "'";
}

std::string option_of(const std::string& where) {
  const auto* const option =
      std::ranges::find(kOptions, where, &decltype(kOptions)::value_type::first);
  return option == kOptions.end() ? where : std::string(option->second);
}

std::string hints_for_shell(const Hints& hints) {
  std::string text;
  for (std::size_t i = 0; i < hints.size(); ++i) {
    // "weightlift convert X -o DIR --image-processor NAME" is one command.
    const bool joined = i > 0 && hints[i - 1].code == HintCode::kConvertFirst &&
                        hints[i].code == HintCode::kGiveImageProcessor;
    std::string next = phrase_for_shell(hints[i]);
    if (joined) next = next.substr(next.find("--"));
    text += (joined ? " " : "; ") + next;
  }
  return text;
}

}  // namespace

Words program_words() { return {hints_for_shell, option_of}; }

std::string shell_quoted(const std::string& word) {
  if (!is_printable(word)) return escaped_for_shell(word);
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./@:,+=%";
  if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) return word;
  std::string quoted = word;
  replace_all(quoted, "'", "'\\''");
  return "'" + quoted + "'";
}

}  // namespace weightlift
