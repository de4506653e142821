#pragma once

#include <cstddef>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/report/convert_options.h"

namespace weightlift {

/// A line of a manifest. One that cannot be read has what could be read of it, and fails at its
/// turn.
struct BatchItem {
  std::size_t line = 0;     ///< in the file, from 1
  std::string text = {};    ///< a JSON object; of a list the source
  std::string source = {};  ///< empty: unknown
  std::string name = {};    ///< of the new folder; empty: unknown
};

enum class ManifestKind { kJsonLines, kList };

struct Manifest {
  ManifestKind kind = ManifestKind::kJsonLines;
  std::vector<BatchItem> items;  ///< the lines that are not empty
  std::string digest;            ///< sha256 of the text and of the names' template
};

/// What a template of names can have in braces: {parent}, {grandparent} and {stem}.
struct ManifestRequest {
  std::filesystem::path file;  ///< "-": standard input; or a pipe
  ManifestKind kind = ManifestKind::kJsonLines;
  std::string name_template = {};   ///< for lines without `name`; empty: the names of `convert`
  std::string to = "transformers";  ///< the form of lines without `to`, which decides on names
};

/// A member that is a text; empty where there is none, or it is something else.
std::string text_in(const nlohmann::json& object, std::string_view name);

/// Reads a manifest, and names all folders. Blanks around a line do not count. Throws UsageError
/// where two lines would become one folder, where there are no lines, or for a wrong template; else
/// as read_text_file.
Manifest read_manifest(const ManifestRequest& request);

/// The options of an item, with its source and name. Throws FormatError where the line is no JSON
/// object, and UsageError for a wrong option or name.
ConvertOptions parse_item(const BatchItem& item, ManifestKind kind, const ConvertOptions& defaults);

}  // namespace weightlift
