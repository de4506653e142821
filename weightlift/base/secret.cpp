#include "weightlift/base/secret.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <system_error>
#include <unordered_set>
#include <utility>

#include "weightlift/base/text.h"

namespace weightlift {

namespace {

// A run of eight characters of a token: shorter ones reveal little, and occur in other words.
constexpr std::size_t kRunBytes = 8;
constexpr std::size_t kShortestSecret = 4;

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

std::optional<int> hex_value(char digit) {
  const char c = lower_case(digit);
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? std::optional<int>(c - 'a' + 10) : std::nullopt;
}

/// The character that the two hex digits at `at` stand for.
std::optional<char> hex_pair(std::string_view text, std::size_t at) {
  if (at + 2 > text.size()) return std::nullopt;
  const auto high = hex_value(text[at]), low = hex_value(text[at + 1]);
  return high && low ? std::optional(static_cast<char>(*high * 16 + *low)) : std::nullopt;
}

/// Bytes at the front that show nothing, or only room: a server may put them between characters.
std::size_t blank_length(std::string_view text) {
  constexpr auto kInvisible = std::to_array<std::string_view>(
      {"\u200B", "\u200C", "\u200D", "\u200E", "\u200F", "\u2060", "\uFEFF", "\u00AD", "\u00A0"});
  const auto byte = static_cast<unsigned char>(text.front());
  if (byte <= 0x20 || byte == 0x7F) return 1;
  const auto* const found = std::ranges::find_if(
      kInvisible, [&](std::string_view character) { return text.starts_with(character); });
  return found == kInvisible.end() ? 0 : found->size();
}

struct Entity {
  char character;
  std::size_t length;
};

/// The HTML entity at the front: "&#104;" or "&#x68;".
std::optional<Entity> entity(std::string_view text) {
  if (!text.starts_with("&#")) return std::nullopt;
  constexpr std::size_t kLongest = 10;
  const bool hex = text.size() > 2 && lower_case(text[2]) == 'x';
  const std::size_t end = text.substr(0, kLongest).find(';');
  if (end == text.npos) return std::nullopt;
  const std::size_t begin = std::min<std::size_t>(hex ? 3 : 2, end);
  unsigned value = 0;
  const auto [last, error] =
      std::from_chars(text.data() + begin, text.data() + end, value, hex ? 16 : 10);
  if (error != std::errc() || last != text.data() + end || value > 0x7F) return std::nullopt;
  return Entity{static_cast<char>(value), end + 1};
}

/// Removes one character from the front, in lower case: as it is, as %XX, as \xXX or \u00XX, or as
/// an HTML entity. Backslashes before any other character are skipped, as in JSON's "\/".
char take_character(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  at = std::min(text.find_first_not_of('\\', at), text.size() - 1);
  const std::string_view rest = text.substr(at);
  if (const auto found = entity(rest)) {
    at += found->length;
    return lower_case(found->character);
  }
  const bool escaped = at > begin;
  std::size_t digits = 0;
  if (rest.starts_with('%')) digits = 1;
  if (escaped && (rest.starts_with("u00") || rest.starts_with("U00"))) digits = 3;
  if (escaped && rest.starts_with('x')) digits = 1;
  const auto decoded = digits > 0 ? hex_pair(rest, digits) : std::nullopt;
  at += decoded ? digits + 2 : 1;
  return lower_case(decoded.value_or(rest.front()));
}

/// Calls `use` with each run of kRunBytes characters of the text, as a number, and with its place.
template <class Use>
void for_each_run(std::string_view text, const Use& use) {
  std::array<std::size_t, kRunBytes> begins{};
  std::uint64_t run = 0;
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (const std::size_t blank = blank_length(text.substr(at)); blank > 0) {
      at += blank;
      continue;
    }
    begins[count++ % kRunBytes] = at;
    run = run << 8U | static_cast<unsigned char>(take_character(text, at));
    if (count >= kRunBytes) use(run, begins[count % kRunBytes], at);
  }
}

/// Base64 of the text where `before` other bytes precede it, without the letters that also depend
/// on its neighbours. `last`: the letters for 62 and 63.
std::string inner_base64(std::string_view text, std::size_t before, std::string_view last) {
  std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  letters += last;
  std::string out;
  std::uint32_t bits = 0;
  std::size_t held = 0;
  std::size_t foreign = (before * 8) % 6;  // bits of the neighbour in the first letter
  for (const char c : text) {
    bits = (bits << 8U | static_cast<unsigned char>(c)) & 0xFFFFU;
    held += 8;
    if (foreign > 0) held -= 6 - std::exchange(foreign, 0);
    while (held >= 6) {
      held -= 6;
      out += letters[bits >> held & 63U];
    }
  }
  return out;
}

class Secrets {
 public:
  void add(std::string_view secret) {
    if (secret.size() < kShortestSecret || !known_.insert(std::string(secret)).second) return;
    if (secret.size() < kRunBytes) short_.emplace(secret);
    add_runs(secret);
    for (std::size_t before = 0; before < 3; ++before) {
      for (const std::string_view last : {"+/", "-_"}) {
        add_runs(inner_base64(secret, before, last));
      }
    }
  }

  std::string hide(std::string_view text) const {
    std::string out;
    std::size_t copied = 0, begin = 0, end = 0;
    const auto close = [&] {
      if (end == 0) return;
      out.append(text.substr(copied, begin - copied)).append(kHiddenSecret);
      copied = end;
    };
    if (!runs_.empty()) {
      for_each_run(text, [&](std::uint64_t run, std::size_t first, std::size_t last) {
        if (!runs_.contains(run)) return;
        if (end == 0 || first > end) {
          close();
          begin = first;
        }
        end = last;
      });
      close();
    }
    out += text.substr(copied);
    for (const std::string& secret : short_) replace_all(out, secret, kHiddenSecret);
    return out;
  }

 private:
  void add_runs(std::string_view text) {
    for_each_run(text, [&](std::uint64_t run, std::size_t, std::size_t) { runs_.insert(run); });
  }

  std::set<std::string> known_, short_;
  std::unordered_set<std::uint64_t> runs_;
};

struct SharedSecrets {
  std::shared_mutex mutex;
  Secrets secrets;
};

SharedSecrets& shared_secrets() {
  static auto& shared = *new SharedSecrets;  // never destroyed: a global's destructor may ask
  return shared;
}

/// Hides what precedes the '@' of a URL's host. An address of HfFileSystem has a revision there.
std::string without_credentials(std::string text) {
  constexpr std::string_view kSchemeEnd = "://";
  for (std::size_t at = 0; (at = text.find(kSchemeEnd, at)) != text.npos;) {
    const bool hub_address = std::string_view(text).substr(0, at).ends_with("hf");
    at += kSchemeEnd.size();
    const std::size_t end = std::min(text.find_first_of("/?#\"'<>\n", at), text.size());
    const std::size_t host = end == at ? text.npos : text.rfind('@', end - 1);
    if (host == text.npos || host < at || hub_address) continue;
    text.replace(at, host - at, kHiddenSecret);
  }
  return text;
}

}  // namespace

void hide_in_messages(std::string_view secret) {
  SharedSecrets& shared = shared_secrets();
  const std::unique_lock lock(shared.mutex);
  shared.secrets.add(secret);
}

std::string without_secrets(std::string_view text) {
  SharedSecrets& shared = shared_secrets();
  const std::shared_lock lock(shared.mutex);
  return without_credentials(shared.secrets.hide(text));
}

}  // namespace weightlift
