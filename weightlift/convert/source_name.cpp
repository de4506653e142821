#include "weightlift/convert/source_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/base/snapshot.h"
#include "weightlift/checkpoint/weights_file.h"
#include "weightlift/error.h"
#include "weightlift/models/families.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

/// "owner/name", perhaps with a revision; not "./name", "/name" or "weights.pth".
bool is_like_repository(std::string_view text) {
  const std::string_view id = text.substr(0, text.find('@'));
  return std::ranges::count(id, '/') == 1 && !id.starts_with('/') && !id.starts_with('.') &&
         !id.ends_with('/') && weights_ending(id).empty();
}

SourceName repository_name(const std::string& given, std::string_view repository) {
  SourceName name{given, SourceName::Kind::kRepository, std::string(repository), {}, {}};
  name.last_part = name_of_repository(name.repository);
  name.cfg = find_by_repository(id_of_repository(name.repository));
  return name;
}

[[noreturn]] void refuse(const std::string& given) {
  if (given.find("://") != std::string::npos) {
    throw UsageError(printable(given), "expected a path, a timm model or OWNER/NAME, got a URL",
                     {{HintCode::kUseRepositoryPrefix, {}}});
  }
  if (given.find('/') != std::string::npos || !weights_ending(given).empty()) {
    throw NotFoundError(printable(given), "no such file or folder");
  }
  const std::string_view reason = reason_against(given.substr(0, given.find('.')));
  if (!reason.empty()) {
    throw UnsupportedError(printable(given),
                           fmt::format("known to timm, not supported: {}", reason));
  }
  const std::vector<std::string> near = nearest_names(given);
  throw NotFoundError(printable(given), "no such file, folder or timm model",
                      near.empty() ? Hints{{HintCode::kListModels, {}}} : did_you_mean(near));
}

}  // namespace

SourceName parse_source_name(const std::string& given) {
  if (given.empty()) throw UsageError("source", "expected a path or a name, got an empty text");
  const fs::file_type type = type_at(given);
  if (type != fs::file_type::not_found) {
    SourceName name{given, SourceName::Kind::kPath, {}, {}, last_part_of(given)};
    if (type != fs::file_type::directory) name.last_part = strip_known_ending(name.last_part);
    return name;
  }
  constexpr std::string_view kScheme = "hf-hub:";
  if (given.starts_with(kScheme)) {
    return repository_name(given, std::string_view(given).substr(kScheme.size()));
  }
  if (const auto cfg = find_pretrained(given)) {
    return {given, SourceName::Kind::kRegistry, repository_of(*cfg), cfg, full_name(*cfg)};
  }
  if (is_like_repository(given)) return repository_name(given, given);
  refuse(given);
}

std::string strip_known_ending(std::string name) {
  name.resize(name.size() - weights_ending(name).size());
  return name;
}

std::string last_part_of(const std::string& path) {
  if (std::string cached = name_of_cached(path); !cached.empty()) return cached;
  std::error_code ignored;
  const fs::path absolute = fs::absolute(path, ignored).lexically_normal();
  return absolute.has_filename() ? absolute.filename().string()
                                 : absolute.parent_path().filename().string();
}

std::string checkpoint_name(const std::string& last_part) {
  const auto cfg = find_pretrained(last_part);
  if (!cfg) return last_part;
  std::string name = family_of(cfg->architecture)->folder_name(cfg->architecture);
  return cfg->is_default ? name : fmt::format("{}.{}", name, cfg->tag);
}

std::string id_of_repository(const std::string& repository) {
  return repository.substr(0, repository.find('@'));
}

std::string name_of_repository(const std::string& repository) {
  const std::string id = id_of_repository(repository);
  return id.substr(id.rfind('/') + 1);
}

}  // namespace weightlift
