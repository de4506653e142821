#include "weightlift/cli/publish.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "weightlift/base/error.h"
#include "weightlift/base/file.h"
#include "weightlift/base/hint.h"
#include "weightlift/base/json.h"
#include "weightlift/base/note.h"
#include "weightlift/base/posix.h"
#include "weightlift/cli/phrase.h"
#include "weightlift/export/model_card.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxTextBytes = std::size_t{4} << 20;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r'\"";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

/// `license` of a card's metadata: the text behind the key, and the list below it.
std::string card_license(std::string_view card) {
  const std::size_t begin = card.find_first_not_of(" \t\r\n");
  constexpr std::string_view kFence = "---";
  if (begin == card.npos || card.substr(begin, kFence.size()) != kFence) return "";
  std::string license;
  bool inside = false;
  for (std::size_t at = card.find('\n', begin); at != card.npos; at = card.find('\n', at + 1)) {
    std::string_view line = card.substr(at + 1);
    line = line.substr(0, line.find('\n'));
    if (line.starts_with(kFence)) break;
    constexpr std::string_view kKey = "license:";
    constexpr std::string_view kNameKey = "license_name:";  // of a license that the Hub lacks
    const bool item = trimmed(line).starts_with('-');
    if (line.starts_with(kNameKey)) {
      license = trimmed(line.substr(kNameKey.size()));
      inside = false;
    } else if (line.starts_with(kKey)) {
      license = trimmed(line.substr(kKey.size()));
      inside = true;
    } else if (inside && item) {
      license += (license.empty() ? "" : ", ") + std::string(trimmed(trimmed(line).substr(1)));
    } else {
      inside = false;
    }
  }
  return license;
}

/// The license that forbids commercial use in the line of a card about the weights' origin, also
/// where it is a claim; empty where there is none.
std::string claimed_license_of(std::string_view card) {
  constexpr std::string_view kLine = "\n- license: ";
  const std::size_t begin = card.find(kLine);
  if (begin == card.npos) return "";
  std::string_view line = card.substr(begin + kLine.size());
  line = line.substr(0, line.find('\n'));
  const std::size_t open = line.find('`');
  if (open == line.npos) return "";
  line.remove_prefix(open + 1);
  const std::string license(line.substr(0, line.find('`')));
  return is_noncommercial(license) ? license : "";
}

std::string text_of(const nlohmann::json& object, std::string_view key) {
  const nlohmann::json* value = find_member(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

/// `license` of timm's config.json, in either of its forms.
std::string config_license(const std::string& text, const std::string& where) {
  const nlohmann::json config = parse_json(text, where);
  const nlohmann::json* pretrained = find_member(config, "pretrained_cfg");
  const std::string inner = pretrained != nullptr ? text_of(*pretrained, "license") : "";
  return inner.empty() ? text_of(config, "license") : inner;
}

std::string read_if_there(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error)) return "";
  return read_text_file(file, kMaxTextBytes);
}

std::string noncommercial_license(const PublishRequest& request) {
  return is_noncommercial(request.license) ? request.license
                                           : find_noncommercial_license(request.folder);
}

void note_decisions(const PublishRequest& request, const PublishedCard& card,
                    ProgressSink& progress) {
  note_skipped_files(request.files, progress);
  const std::string license = noncommercial_license(request);
  if (!license.empty()) {
    progress.note({NoteCode::kNoncommercialLicense,
                   request.repo.string(),
                   {{"license", printable(license)}}});
  }
  if (!card.path().empty()) {
    progress.note({NoteCode::kCardNamesRepository,
                   std::string(kCardFile),
                   {{"repository", request.repo.string()}}});
  }
}

UploadRequest make_upload(const PublishRequest& request, const PublishedCard& card) {
  return {.folder = request.folder,
          .files = request.files.paths,
          .card = card.path(),
          .repo = request.repo,
          .revision = request.flags.revision,
          .commit_message = request.flags.commit_message,
          .create_repo = true,
          .private_repo = request.flags.private_repo,
          .create_pr = request.flags.create_pr};
}

}  // namespace

void add_publish_flags(CLI::App& command, PublishFlags& flags) {
  const auto publishing = [](CLI::Option* option) { return option->group("Publishing"); };
  publishing(command.add_option("--repo-id", flags.repo_id,
                                "Repository: OWNER/NAME, or NAME in your account"));
  publishing(command.add_option("--organization", flags.organization,
                                "Owner of the repository, where --repo-id has none"));
  publishing(command.add_flag("--private", flags.private_repo,
                              "Create a missing repository as a private one; refuse a public one"));
  publishing(command.add_flag("--create-pr", flags.create_pr,
                              "Open a pull request instead of committing to the branch"));
  publishing(command
                 .add_option("--accept-license", flags.accepted_license,
                             "Publish weights whose license forbids commercial use: its name")
                 ->type_name("LICENSE"));
  publishing(
      command.add_option("--revision", flags.revision, "Branch to commit to, created if missing"))
      ->capture_default_str();
  publishing(command.add_option("--commit-message", flags.commit_message, "Commit message"))
      ->capture_default_str();
}

std::string name_of_folder(const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::canonical(folder, error);
  if (error) throw IoError(shown(folder), error.message());
  return whole.filename().string();
}

std::string push_command(const fs::path& folder, const RepoId& repo, const PublishFlags& flags) {
  const PublishFlags usual;
  std::string command =
      fmt::format("weightlift push {} {}", shell_quoted(folder.string()), repo.string());
  if (flags.private_repo) command += " --private";
  if (flags.create_pr) command += " --create-pr";
  if (!flags.accepted_license.empty()) {
    command += " --accept-license " + shell_quoted(flags.accepted_license);
  }
  if (flags.revision != usual.revision) command += " --revision " + shell_quoted(flags.revision);
  if (flags.commit_message != usual.commit_message) {
    command += " --commit-message " + shell_quoted(flags.commit_message);
  }
  return command;
}

std::string name_repo(const PublishFlags& flags, const std::string& name) {
  const RepoId given = RepoId::parse(flags.repo_id.empty() ? name : flags.repo_id);
  if (flags.organization.empty() || flags.organization == given.owner()) return given.string();
  if (given.owner().empty()) return RepoId::parse(flags.organization + "/" + given.name()).string();
  throw UsageError("--organization", fmt::format("the repository's owner is {}, not {}",
                                                 given.owner(), printable(flags.organization)));
}

RepoId choose_repo(const PublishFlags& flags, const std::string& name, const Account& account) {
  const std::string named = name_repo(flags, name);
  const bool owned = named.find('/') != std::string::npos;
  RepoId repo = RepoId::parse(owned ? named : account.name + "/" + named);
  require_write_access(account, repo, flags.create_pr);
  return repo;
}

bool is_noncommercial(std::string_view license) {
  std::string letters;
  for (const char c : license) {
    const auto byte = static_cast<unsigned char>(c);
    letters += std::isalnum(byte) != 0 ? static_cast<char>(std::tolower(byte)) : '-';
  }
  letters = "-" + letters + "-";
  return letters.find("-nc-") != std::string::npos ||
         letters.find("noncommercial") != std::string::npos ||
         letters.find("non-commercial") != std::string::npos ||
         letters.find("by-nc") != std::string::npos || letters.find("-seer-") != std::string::npos;
}

void require_accepted(const std::string& license, const PublishFlags& flags,
                      const std::string& of) {
  if (!is_noncommercial(license) || license == flags.accepted_license) return;
  const std::string_view address = license == kSeerLicense ? kSeerTerms
                                   : license == "cc-by-nc-4.0"
                                       ? "https://creativecommons.org/licenses/by-nc/4.0/"
                                       : "";
  throw UsageError(
      printable(of, 400),
      fmt::format("the weights' license is {}{}: no commercial use; a published copy has it too",
                  printable(license), address.empty() ? "" : fmt::format(" ({})", address)),
      advice(
          fmt::format("--accept-license {} publishes under it", shell_quoted(printable(license)))));
}

std::string find_noncommercial_license(const fs::path& folder) {
  const std::string card = read_if_there(folder / "README.md");
  std::string license = card_license(card);
  if (is_noncommercial(license)) return license;
  if (const std::string claimed = claimed_license_of(card); !claimed.empty()) return claimed;
  const fs::path config = folder / "config.json";
  const std::string text = read_if_there(config);
  license = text.empty() ? "" : config_license(text, shown(config));
  return is_noncommercial(license) ? license : "";
}

PublishedCard::PublishedCard(const PublishRequest& request) {
  const PublishFlags& flags = request.flags;
  if (std::ranges::find(request.files.paths, kCardFile) == request.files.paths.end()) return;
  const std::string card = read_if_there(request.folder / kCardFile);
  // A pull request's card names the branch that will contain it after the merge.
  const bool branch =
      flags.revision != PublishFlags().revision && !flags.revision.starts_with("refs/");
  const std::string placed = place_model_card(
      card, {name_of_folder(request.folder), request.repo.string(), branch ? flags.revision : ""});
  if (placed == card) return;
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  if (error) throw IoError("TMPDIR", error.message());
  folder_.emplace(parent, "weightlift-card");
  path_ = folder_->path() / kCardFile;
  write_atomically(path_, placed);
}

CommitInfo publish_folder(const PublishRequest& request, HttpClient& http, ProgressSink& progress) {
  const PublishedCard card(request);
  note_decisions(request, card, progress);
  require_accepted(noncommercial_license(request), request.flags, request.folder.string());
  return upload_folder(http, make_upload(request, card), progress);
}

UploadPlan plan_publication(const PublishRequest& request, const Account& account, HttpClient& http,
                            ProgressSink& progress) {
  const PublishedCard card(request);
  note_decisions(request, card, progress);
  require_accepted(noncommercial_license(request), request.flags, request.folder.string());
  UploadPlan plan = plan_upload(http, make_upload(request, card), progress);
  if (plan.creates_repository) require_write_access(account, request.repo, false);
  return plan;
}

std::string describe(const CommitInfo& info) {
  const std::string counts =
      info.nothing_changed
          ? fmt::format("  nothing changed: the repository already has the {} files\n",
                        info.unchanged)
          : fmt::format("  committed {} files ({} sent), {} unchanged\n", info.committed,
                        info.uploaded, info.unchanged);
  const std::string& url = info.pull_request_url.empty() ? info.url : info.pull_request_url;
  return fmt::format("{}{}\n", counts, printable(url, url.size()));
}

nlohmann::ordered_json to_json(const RepoId& repo, const CommitInfo& info) {
  nlohmann::ordered_json json = {
      {"repo_id", repo.string()},  {"commit", info.oid},
      {"commit_url", info.url},    {"committed", info.committed},
      {"uploaded", info.uploaded}, {"unchanged", info.unchanged},
      {"ignored", info.ignored},   {"nothing_changed", info.nothing_changed}};
  if (!info.pull_request_url.empty()) json["pull_request_url"] = info.pull_request_url;
  return json;
}

}  // namespace weightlift
