#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace weightlift {

enum class RepoType : std::uint8_t { kModel, kDataset };

/// The name "owner/name" of a repository, valid by huggingface_hub's rules.
class RepoId {
 public:
  /// Accepts also a bare "name" (a canonical model). Throws UsageError with the broken rule.
  static RepoId parse(std::string_view text, RepoType type = RepoType::kModel);

  const std::string& string() const { return text_; }
  RepoType type() const { return type_; }
  std::string owner() const;  ///< empty for a bare name
  std::string name() const;
  /// The folder in the cache: "models--owner--name", "datasets--owner--name".
  std::string cache_folder() const;
  bool operator==(const RepoId&) const = default;

 private:
  RepoId(std::string text, RepoType type) : text_(std::move(text)), type_(type) {}
  std::string text_;
  RepoType type_;
};

/// Throws UsageError unless `text` is valid as a branch, tag, commit or "refs/pr/N". git's rules
/// for names also make it a safe path below the cache's refs/.
void require_revision(std::string_view text);

/// Whether `text` is a commit: 40 lower-case hex digits.
bool is_commit(std::string_view text);

/// A repository at a branch, tag, commit or "refs/pr/N": "owner/name@revision".
struct RepoRevision {
  RepoId repo;
  std::string revision = "main";
  /// Accepts a leading "hf-hub:". Throws UsageError.
  static RepoRevision parse(std::string_view text, RepoType type = RepoType::kModel);
};

/// One file of a repository at a revision.
struct RepoFileName {
  RepoRevision in;
  std::string path;  ///< with '/', inside the repository
};

/// Whether `text` begins with "hf://", as addresses of HfFileSystem do.
bool is_hf_address(std::string_view text);

/// Parses an address of HfFileSystem: "hf://datasets/owner/name[@revision]/path" is a file of a
/// dataset, "hf://owner/name[@revision]/path" of a model. Throws UsageError.
RepoFileName parse_hf_address(std::string_view text);

}  // namespace weightlift
