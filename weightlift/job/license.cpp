#include "weightlift/job/license.h"

#include <fmt/format.h>

#include <cctype>
#include <nlohmann/json.hpp>

#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/export/model_card.h"
#include "weightlift/models/model_config.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

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

}  // namespace

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

void require_accepted(const std::string& license, const PublishOptions& options,
                      const std::string& of) {
  if (!is_noncommercial(license) || license == options.accepted_license) return;
  const std::string_view address = license == kSeerLicense ? kSeerTerms
                                   : license == "cc-by-nc-4.0"
                                       ? "https://creativecommons.org/licenses/by-nc/4.0/"
                                       : "";
  throw UsageError(
      printable(of, 400),
      fmt::format("the weights' license is {}{}: no commercial use; a published copy has it too",
                  printable(license), address.empty() ? "" : fmt::format(" ({})", address)),
      {{HintCode::kAcceptLicense, {printable(license)}}});
}

std::string find_noncommercial_license(const fs::path& folder) {
  const std::string card = read_text_if_there(folder / kCardFile, kMaxConfigBytes);
  std::string license = card_license(card);
  if (is_noncommercial(license)) return license;
  if (const std::string claimed = claimed_license_of(card); !claimed.empty()) return claimed;
  const fs::path config = folder / kConfigFile;
  const std::string text = read_text_if_there(config, kMaxConfigBytes);
  license = text.empty() ? "" : config_license(text, shown(config));
  return is_noncommercial(license) ? license : "";
}

}  // namespace weightlift
