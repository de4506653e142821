#include "weightlift/hub/repo_id.h"

#include <fmt/format.h>

#include <algorithm>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"
#include "weightlift/error.h"

namespace weightlift {

namespace {

constexpr std::string_view kHfScheme = "hf://";

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/// The fault of one of the two parts of an id, empty where it has none.
std::string_view fault_of_part(std::string_view part) {
  constexpr std::size_t kMaxPartBytes = 96;  // huggingface_hub's limit
  if (part.empty()) return "an empty part";
  if (part.size() > kMaxPartBytes) return "a part of more than 96 characters";
  const auto allowed = [](char c) { return is_word(c) || c == '-' || c == '.'; };
  if (!std::ranges::all_of(part, allowed)) {
    return "a character other than ASCII letters, digits, '-', '_' and '.'";
  }
  if (!is_word(part.front()) || !is_word(part.back()))
    return "a part that begins or ends with '-' or '.'";
  return "";
}

std::string_view fault_of_id(std::string_view text) {
  if (std::ranges::count(text, '/') > 1) return "more than one '/'";
  const std::size_t slash = text.find('/');
  if (slash != text.npos) {
    const std::string_view fault = fault_of_part(text.substr(0, slash));
    if (!fault.empty()) return fault;
  }
  const std::string_view fault = fault_of_part(text.substr(slash == text.npos ? 0 : slash + 1));
  if (!fault.empty()) return fault;
  if (text.find("--") != text.npos || text.find("..") != text.npos) return "'--' or '..'";
  if (text.ends_with(".git")) return "a name that ends in .git";
  return "";
}

std::string_view fault_of_segment(std::string_view segment) {
  constexpr std::size_t kMaxSegmentBytes = 200;  // a file name, with room for temporary suffixes
  if (segment.empty()) return "an empty part between slashes";
  if (segment.size() > kMaxSegmentBytes) return "a part of more than 200 bytes";
  if (segment.front() == '.' || segment.back() == '.') return "a part that begins or ends with '.'";
  return "";
}

std::string_view fault_of_revision(std::string_view text) {
  if (text.find("..") != text.npos) return "'..'";
  const auto refused = [](char c) {
    return static_cast<unsigned char>(c) <= ' ' || c == '\x7f' ||
           std::string_view("\\~^:?*[").find(c) != std::string_view::npos;
  };
  if (std::ranges::any_of(text, refused)) return "a blank, a control character or one of \\~^:?*[";
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    const std::string_view fault = fault_of_segment(text.substr(begin, end - begin));
    if (!fault.empty()) return fault;
    begin = end + 1;
  }
  return "";
}

}  // namespace

RepoId RepoId::parse(std::string_view text, RepoType type) {
  const std::string_view fault = fault_of_id(text);
  if (!fault.empty()) {
    throw UsageError(text.empty() ? "''" : printable(text),
                     fmt::format("not a repository name (owner/name): it has {}", fault));
  }
  return {std::string(text), type};
}

std::string RepoId::owner() const {
  const std::size_t slash = text_.find('/');
  return slash == text_.npos ? "" : text_.substr(0, slash);
}

std::string RepoId::name() const {
  const std::size_t slash = text_.find('/');
  return slash == text_.npos ? text_ : text_.substr(slash + 1);
}

std::string RepoId::cache_folder() const {
  const std::string_view kind = type_ == RepoType::kModel ? "models" : "datasets";
  const std::string of = owner();
  return of.empty() ? fmt::format("{}--{}", kind, text_)
                    : fmt::format("{}--{}--{}", kind, of, name());
}

void require_revision(std::string_view text) {
  const std::string_view fault = fault_of_revision(text);
  if (fault.empty()) return;
  throw UsageError(
      text.empty() ? "''" : printable(text),
      fmt::format("not a revision (branch, tag, commit or refs/pr/N): it has {}", fault));
}

bool is_commit(std::string_view text) {
  constexpr std::size_t kDigits = 40;
  return text.size() == kDigits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

RepoRevision RepoRevision::parse(std::string_view text, RepoType type) {
  constexpr std::string_view kScheme = "hf-hub:";
  if (text.starts_with(kScheme)) text.remove_prefix(kScheme.size());
  const std::size_t at = text.find('@');
  RepoRevision parsed{RepoId::parse(text.substr(0, at), type)};
  if (at != text.npos) {
    require_revision(text.substr(at + 1));
    parsed.revision = text.substr(at + 1);
  }
  return parsed;
}

bool is_hf_address(std::string_view text) { return text.starts_with(kHfScheme); }

RepoFileName parse_hf_address(std::string_view text) {
  constexpr std::string_view kDatasets = "datasets/";
  std::string_view rest = text.substr(std::min(text.size(), kHfScheme.size()));
  const bool dataset = rest.starts_with(kDatasets);
  if (dataset) rest.remove_prefix(kDatasets.size());
  const std::size_t slash = rest.find('/');
  const std::size_t end = slash == rest.npos ? rest.npos : rest.find('/', slash + 1);
  if (!is_hf_address(text) || end == rest.npos || end + 1 == rest.size()) {
    throw UsageError(printable(text), "not the address of a file in a repository",
                     advice("write hf://owner/name/path or hf://datasets/owner/name/path"));
  }
  // The slashes of a revision are percent-encoded: refs%2Fpr%2F1.
  std::string repository(rest.substr(0, end));
  replace_all(repository, "%2F", "/");
  return {RepoRevision::parse(repository, dataset ? RepoType::kDataset : RepoType::kModel),
          std::string(rest.substr(end + 1))};
}

}  // namespace weightlift
