#include "weightlift/batch/manifest.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>

#include "weightlift/base/digest.h"
#include "weightlift/base/file.h"
#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/text.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/job/conversions.h"
#include "weightlift/models/registry.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

// A million lines of 200 bytes; the items are kept in memory.
constexpr std::size_t kMaxManifestBytes = std::size_t{256} << 20;
constexpr std::size_t kMaxMembers = 100;  // of a line: there are fewer options

/// The text of a pipe.
std::string read_stream(int file, const std::string& where) {
  std::string text;
  std::array<char, 1 << 16> piece{};
  for (;;) {
    const ssize_t length = ::read(file, piece.data(), piece.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) throw_io_error(where, "cannot read", errno);
    if (length == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(length));
    if (text.size() > kMaxManifestBytes) {
      throw FormatError(where, fmt::format("expected at most {} bytes", kMaxManifestBytes));
    }
  }
}

/// The text of a file, of standard input ("-"), or of a shell's `<(...)`.
std::string read_input(const fs::path& file) {
  if (file == "-") return read_stream(STDIN_FILENO, "standard input");
  if (type_at(file) != fs::file_type::fifo) return read_text_file(file, kMaxManifestBytes);
  const Descriptor pipe(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!pipe) throw_io_error(file, "cannot open", errno);
  return read_stream(pipe.get(), shown(file));
}

std::string line_name(std::size_t line) { return fmt::format("line {}", line); }

/// The object of a line. Throws FormatError.
nlohmann::json parse_line(const BatchItem& item) {
  const std::string where = line_name(item.line);
  nlohmann::json json = parse_json(item.text, where);
  if (!json.is_object()) throw_wrong_json(where, "manifest", "an object", json);
  if (json.size() > kMaxMembers) {
    throw FormatError(where, fmt::format("expected at most {} members", kMaxMembers));
  }
  return json;
}

/// The parts of a source's text that a template can use. A name without a parent has none.
std::string field_of(std::string_view field, const std::string& source) {
  constexpr std::string_view kScheme = "hf-hub:";
  const std::string text = source.starts_with(kScheme) ? source.substr(kScheme.size()) : source;
  if (field == "stem") return strip_known_ending(last_part_of(text));
  const bool registered = text.find('/') == text.npos && find_pretrained(text);
  if (registered) return "";
  std::error_code ignored;
  fs::path path = fs::absolute(text, ignored).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  path = path.parent_path();
  return (field == "parent" ? path : path.parent_path()).filename().string();
}

/// Throws UsageError unless the template has only known fields.
void require_template(const std::string& text) {
  constexpr std::array<std::string_view, 3> kFields = {"parent", "grandparent", "stem"};
  std::string_view rest = text;
  bool any = false;
  for (std::size_t open = 0; (open = rest.find_first_of("{}")) != rest.npos;) {
    const std::size_t close = rest.find('}', open);
    const std::string_view field =
        rest[open] == '{' && close != rest.npos ? rest.substr(open + 1, close - open - 1) : "";
    if (std::ranges::find(kFields, field) == kFields.end()) {
      throw UsageError("name_template",
                       fmt::format("expected {{parent}}, {{grandparent}} or {{stem}}, got '{}'",
                                   printable(rest.substr(open))));
    }
    rest.remove_prefix(close + 1);
    any = true;
  }
  if (!text.empty() && !any) {
    throw UsageError("name_template", "gives all folders one name",
                     advice("use {parent}, {grandparent} or {stem} in it"));
  }
}

/// The name by the template; empty where the source lacks one of the parts.
std::string fill_template(std::string_view text, const std::string& source) {
  std::string name;
  while (!text.empty()) {
    const std::size_t open = std::min(text.find('{'), text.size());
    name += text.substr(0, open);
    if (open == text.size()) break;
    const std::size_t close = text.find('}', open);
    const std::string value = field_of(text.substr(open + 1, close - open - 1), source);
    if (value.empty()) return "";
    name += value;
    text.remove_prefix(close + 1);
  }
  return name;
}

/// The name that `convert` gives; also for a source that is not there.
std::string usual_name(const std::string& source, const std::string& to) {
  ConvertOptions options;
  if (std::ranges::find(kForms, to) != std::end(kForms)) options.to = to;
  ConversionRequest request = to_request(options);
  request.source = source;
  if (const auto folder = planned_folder(request)) return folder->filename();
  const std::string last = strip_known_ending(last_part_of(source));
  return request.to == Form::kTransformers ? checkpoint_name(last) : last;
}

/// Names are parts of JSON texts.
bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void describe(BatchItem& item, const ManifestRequest& request) {
  std::string to = request.to;
  if (request.kind == ManifestKind::kList) {
    item.source = item.text;
  } else {
    try {
      const nlohmann::json json = parse_line(item);
      item.source = text_in(json, "source");
      item.name = text_in(json, "name");
      if (const std::string own = text_in(json, "to"); !own.empty()) to = own;
    } catch (const Error&) {
      return;  // parse_item reports it
    }
  }
  if (!item.name.empty() || item.source.empty()) return;
  item.name = request.name_template.empty() ? usual_name(item.source, to)
                                            : fill_template(request.name_template, item.source);
  if (!is_utf8(item.name)) item.name.clear();
}

void require_distinct_names(const std::vector<BatchItem>& items) {
  std::unordered_map<std::string_view, std::size_t> lines;
  for (const BatchItem& item : items) {
    if (item.name.empty()) continue;
    const auto [place, fresh] = lines.emplace(item.name, item.line);
    if (fresh) continue;
    throw UsageError(fmt::format("lines {} and {}", place->second, item.line),
                     fmt::format("both would become the folder '{}'", printable(item.name)),
                     {{HintCode::kGiveNames, {}}});
  }
}

}  // namespace

std::string text_in(const nlohmann::json& object, std::string_view name) {
  const nlohmann::json* member = find_member(object, name);
  return member != nullptr && member->is_string() ? member->get<std::string>() : "";
}

Manifest read_manifest(const ManifestRequest& request) {
  require_template(request.name_template);
  const std::string text = read_input(request.file);
  Manifest manifest{request.kind, {}, {}};
  std::size_t line = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view words = std::string_view(text).substr(at, end - at);
    at = end + 1;
    ++line;
    constexpr std::string_view kBlanks = " \t\r";
    words.remove_prefix(std::min(words.find_first_not_of(kBlanks), words.size()));
    words.remove_suffix(words.size() - (words.find_last_not_of(kBlanks) + 1));
    if (words.empty()) continue;
    manifest.items.push_back({line, std::string(words)});
    describe(manifest.items.back(), request);
  }
  // Such as the output of a command that failed.
  if (manifest.items.empty()) throw UsageError(shown(request.file), "no sources");
  require_distinct_names(manifest.items);
  Hasher hasher = Hasher::sha256();
  for (const std::string* part : {&request.name_template, &text}) {
    hasher.update(std::as_bytes(std::span(*part)));
  }
  manifest.digest = hasher.hex();
  return manifest;
}

ConvertOptions parse_item(const BatchItem& item, ManifestKind kind,
                          const ConvertOptions& defaults) {
  ConvertOptions options = defaults;
  if (kind == ManifestKind::kJsonLines) {
    nlohmann::json json = parse_line(item);
    const nlohmann::json* source = find_member(json, "source");
    if (source == nullptr) throw UsageError(line_name(item.line), "source: missing");
    if (!source->is_string()) throw_wrong_json(line_name(item.line), "source", "a string", *source);
    json.erase("source");
    for (const char* const name : {"output", "dry_run", "if_changed", "checksum"}) {
      if (!json.contains(name)) continue;
      throw UsageError(name, "not an option of a line: it holds for the whole batch");
    }
    options = parse_convert_options(nlohmann::ordered_json(json), defaults);
  }
  if (item.name.empty()) {
    throw UsageError(printable(item.source),
                     "gives no name for its folder, or one that is not UTF-8",
                     {{HintCode::kGiveNames, {}}});
  }
  options.request.source = item.source;
  options.request.name = item.name;
  return options;
}

}  // namespace weightlift
