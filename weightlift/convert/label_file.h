#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Five times the classes of the largest public label sets (200,000). A line of the file takes some
/// 100 bytes of memory while the file is read.
inline constexpr std::size_t kMaxLabels = 1'000'000;

/// The labels of all classes, in the order of the classes.
struct LabelFile {
  std::vector<std::string> labels;
  std::string form;  ///< that was recognised: "one label per line"
};

/// Reads a file of labels, JSON or lines of text (parse_label_lines). JSON is a list, {id: label},
/// {label: id}, or a config with `id2label`; in place of a label may stand [WordNet id, label].
/// Throws FormatError "where: ..." for other forms, which it names where it knows them, and for an
/// object whose keys and values both are the ids 0 to n-1.
LabelFile parse_label_file(std::string_view text, const std::string& where);

/// Reads one label per line; blanks around it do not count.
///
/// An index column is a number at the front or at the end of every line. It counts only where the
/// numbers are a permutation of 0 to n-1 (at the front also of 1 to n), and the rests of the lines
/// are not empty and all differ; then it orders the labels. A line in front of it is a header if a
/// word stands in place of the number. Labels of comma-separated lines may be quoted as in CSV. A
/// WordNet id at the front is removed where every line has one, and text after it.
///
/// Throws FormatError for a blank line between others, for control characters, where both a column
/// at the front and one at the end could be the index, and for YAML and protobuf text.
LabelFile parse_label_lines(std::string_view text, const std::string& where);

/// Throws the FormatError "where: expected one label per line or JSON, got X".
[[noreturn]] void refuse_labels(const std::string& where, std::string_view got);

/// Whether the text is "n" and eight digits, as ImageNet's folders are named.
bool is_wordnet_id(std::string_view text);

}  // namespace weightlift
