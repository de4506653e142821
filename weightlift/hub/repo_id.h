#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace weightlift {

/// "owner/name" of a model repository, checked by huggingface_hub's rules.
class RepoId {
 public:
  /// Throws UsageError naming the rule that is broken. A bare "name" (a canonical model) is taken.
  static RepoId parse(std::string_view text);

  const std::string& string() const { return text_; }
  std::string owner() const;  ///< empty for a bare name
  std::string name() const;
  /// Folder of the cache: "models--owner--name".
  std::string cache_folder() const;
  bool operator==(const RepoId&) const = default;

 private:
  explicit RepoId(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

/// Throws UsageError unless `text` can be a branch, tag, commit or "refs/pr/N": by git's rules for
/// names, so that it also is a safe path below the cache's refs/.
void require_revision(std::string_view text);

/// Whether `text` is a commit: 40 lower-case hex digits.
bool is_commit(std::string_view text);

/// A repository at a branch, tag, commit or "refs/pr/N": "owner/name@revision".
struct RepoRevision {
  RepoId repo;
  std::string revision = "main";
  static RepoRevision parse(std::string_view text);  ///< takes a leading "hf-hub:", too
};

}  // namespace weightlift
