#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Maximum number of labels: five times the classes of the largest public label sets (200,000). A
/// line takes about 100 bytes of memory while weightlift reads the file.
inline constexpr std::size_t kMaxLabels = 1'000'000;

/// The labels of all classes, in the order of the classes.
struct LabelFile {
  std::vector<std::string> labels;
  std::string form;  ///< the detected form: "one label per line"
};

/// Reads a file of labels, as JSON or as lines of text (parse_label_lines). JSON is a list, {id:
/// label}, {label: id}, or a config with `id2label`; [WordNet id, label] may replace a label.
/// Throws FormatError for other forms, with their name where it is known, and for an object whose
/// keys and values are both the ids 0 to n-1.
LabelFile parse_label_file(std::string_view text, const std::string& where);

/// Reads one label per line, without the blanks around it.
///
/// An index column is a number at the front or at the end of every line. It counts only where the
/// numbers are a permutation of 0 to n-1 (at the front also of 1 to n), and the rests of the lines
/// are not empty and all differ; then it orders the labels. A first line with a word instead of the
/// number is a header. Labels of comma-separated lines may have quotes as in CSV. A WordNet id at
/// the front is removed where every line has one, and text after it.
///
/// Throws FormatError for a blank line between others, for control characters, for lines with an
/// index at both ends, and for YAML and protobuf text.
LabelFile parse_label_lines(std::string_view text, const std::string& where);

/// Throws the FormatError "where: expected one label per line or JSON, got X", with the advice
/// `what_to_do` where it is not empty.
[[noreturn]] void refuse_labels(const std::string& where, std::string_view got,
                                const std::string& what_to_do = "");

/// Whether the text is "n" and eight digits, as ImageNet's folders are named.
bool is_wordnet_id(std::string_view text);

}  // namespace weightlift
