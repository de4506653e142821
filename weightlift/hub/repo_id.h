#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace weightlift {

enum class RepoType : std::uint8_t { kModel, kDataset };

/// "owner/name" of a repository, checked by huggingface_hub's rules.
class RepoId {
 public:
  /// Throws UsageError naming the rule that is broken. A bare "name" (a canonical model) is taken.
  static RepoId parse(std::string_view text, RepoType type = RepoType::kModel);

  const std::string& string() const { return text_; }
  RepoType type() const { return type_; }
  std::string owner() const;  ///< empty for a bare name
  std::string name() const;
  /// Folder of the cache: "models--owner--name", "datasets--owner--name".
  std::string cache_folder() const;
  bool operator==(const RepoId&) const = default;

 private:
  RepoId(std::string text, RepoType type) : text_(std::move(text)), type_(type) {}
  std::string text_;
  RepoType type_;
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
  /// Takes a leading "hf-hub:", too. Throws UsageError.
  static RepoRevision parse(std::string_view text, RepoType type = RepoType::kModel);
};

/// One file of a repository at a revision.
struct RepoFileName {
  RepoRevision in;
  std::string path;  ///< with '/', inside the repository
};

/// Whether `text` is an address of HfFileSystem: "hf://...".
bool is_hf_address(std::string_view text);

/// "hf://datasets/owner/name[@revision]/path" of a dataset's file, "hf://owner/name/path" of a
/// model's, as HfFileSystem has them. Throws UsageError.
RepoFileName parse_hf_address(std::string_view text);

}  // namespace weightlift
