#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <span>
#include <utility>

#include "weightlift/base/message.h"
#include "weightlift/convert/label_file.h"
#include "weightlift/error.h"

namespace weightlift {

namespace {

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kMarks = ",:;=|";  // separate columns, with or without blanks

struct LabelLine {
  std::size_t number = 0;  // in the file, from 1
  std::string_view text;
  std::string_view wordnet_id = {};
  char mark = ' ';  // between the text and the last removed column
};

using LabelLines = std::vector<LabelLine>;

/// One column of a line, at its front or at its end.
struct Column {
  std::string_view cell;
  std::string_view rest;
  char mark;  // one of kMarks, '.', ')', or ' ' for only blanks
};

enum class Side { kFront, kEnd };

std::string_view trim(std::string_view text, std::string_view what = kBlanks) {
  const std::size_t begin = text.find_first_not_of(what);
  if (begin == text.npos) return "";
  return text.substr(begin, text.find_last_not_of(what) - begin + 1);
}

bool is_one_of(std::string_view characters, char c) {
  return characters.find(c) != std::string_view::npos;
}

std::optional<Column> front_column(std::string_view line) {
  const std::size_t end = line.find_first_of(" \t,:;=|");
  if (end == line.npos) return std::nullopt;
  Column column{line.substr(0, end), trim(line.substr(end)), ' '};
  if (end > 0 && is_one_of(".)", line[end - 1])) {  // "1. cat"
    column.mark = column.cell.back();
    column.cell.remove_suffix(1);
  } else if (!column.rest.empty() && is_one_of(kMarks, column.rest.front())) {
    column.mark = column.rest.front();
    column.rest = trim(column.rest.substr(1));
  }
  return column;
}

std::optional<Column> end_column(std::string_view line) {
  const std::size_t before = line.find_last_of(" \t,:;=|");
  if (before == line.npos) return std::nullopt;
  Column column{line.substr(before + 1), trim(line.substr(0, before + 1)), ' '};
  if (!column.rest.empty() && is_one_of(kMarks, column.rest.back())) {
    column.mark = column.rest.back();
    column.rest.remove_suffix(1);
    column.rest = trim(column.rest);
  }
  return column;
}

std::optional<Column> column_at(Side side, std::string_view line) {
  return side == Side::kFront ? front_column(line) : end_column(line);
}

/// A number in digits, perhaps with leading zeros, or in quotes as in CSV.
std::optional<std::size_t> number_in(std::string_view cell) {
  if (cell.size() > 2 && cell.front() == '"' && cell.back() == '"') {
    cell = cell.substr(1, cell.size() - 2);
  }
  constexpr std::size_t kMaxDigits = 9;
  if (cell.empty() || cell.size() > kMaxDigits) return std::nullopt;
  std::size_t number = 0;
  for (const char c : cell) {
    if (c < '0' || c > '9') return std::nullopt;
    number = number * 10 + static_cast<std::size_t>(c - '0');
  }
  return number;
}

/// The lines in the order of their index, without it.
struct Ordered {
  LabelLines lines;
  char mark;
};

/// Removes the column where it is an index. Sets `repeated` where the only reason against an index
/// is that two rests are equal.
std::optional<Ordered> take_index(std::span<const LabelLine> lines, Side side,
                                  std::string_view& repeated) {
  Ordered result{LabelLines(lines.size()), 0};
  std::vector<std::pair<std::size_t, LabelLine>> numbered;
  for (const LabelLine& line : lines) {
    const std::optional<Column> column = column_at(side, line.text);
    const std::optional<std::size_t> number = column ? number_in(column->cell) : std::nullopt;
    const bool same_mark = column && (numbered.empty() || column->mark == result.mark);
    if (!number || !same_mark || column->rest.empty()) return std::nullopt;
    result.mark = column->mark;
    numbered.emplace_back(*number, line);
    numbered.back().second.text = column->rest;
    numbered.back().second.mark = column->mark;
  }
  const std::size_t first =
      std::ranges::min_element(numbered, {}, [](const auto& one) { return one.first; })->first;
  if (first > (side == Side::kFront ? 1U : 0U)) return std::nullopt;
  for (const auto& [number, line] : numbered) {
    if (number - first >= lines.size()) return std::nullopt;
    LabelLine& slot = result.lines[number - first];
    if (slot.number != 0) return std::nullopt;
    slot = line;
  }
  std::set<std::pair<std::string_view, std::string_view>> rests;
  for (const LabelLine& line : result.lines) {
    if (rests.insert({line.wordnet_id, line.text}).second) continue;
    repeated = line.text;
    return std::nullopt;
  }
  return result;
}

/// Whether the first line is a header: a word where the other lines have a number.
bool is_header(std::string_view line, Side side, char mark) {
  const std::string_view marks = is_one_of(kMarks, mark) ? std::string_view(&mark, 1) : kBlanks;
  const std::size_t at =
      side == Side::kFront ? line.find_first_of(marks) : line.find_last_of(marks);
  if (at == line.npos) return false;
  const std::string_view front = trim(line.substr(0, at));
  const std::string_view end = trim(line.substr(at + 1));
  const std::string_view name = side == Side::kFront ? end : front;
  return !name.empty() && !number_in(side == Side::kFront ? front : end);
}

bool same_order(const LabelLines& a, const LabelLines& b) {
  return std::ranges::equal(a, b, {}, &LabelLine::text, &LabelLine::text);
}

/// What was removed from the lines, for the form.
struct Taken {
  std::string_view index;  // its place; empty: none
  bool header = false;
  std::size_t header_columns = 0;  // separated by marks
  bool wordnet_ids = false;
  std::string_view repeated;  // the label that comes twice, so numbers are no index
};

/// Orders the lines by their index where they have one.
void order_by_index(LabelLines& lines, Taken& taken, const std::string& where) {
  constexpr std::size_t kLeastBelowHeader = 2;
  for (const std::size_t header : {0U, 1U}) {
    if (lines.size() < header + (header > 0 ? kLeastBelowHeader : 1)) return;
    const std::span<const LabelLine> body = std::span(lines).subspan(header);
    auto front = take_index(body, Side::kFront, taken.repeated);
    auto end = take_index(body, Side::kEnd, taken.repeated);
    const std::string_view title = lines.front().text;
    if (header > 0 && front && !is_header(title, Side::kFront, front->mark)) front.reset();
    if (header > 0 && end && !is_header(title, Side::kEnd, end->mark)) end.reset();
    if (front && end && !same_order(front->lines, end->lines)) {
      throw FormatError(where, "each line has an index at both ends",
                        advice("remove one of the two columns"));
    }
    if (!front && !end) continue;
    taken.index =
        front ? "an index, then a label on each line" : "a label, then an index on each line";
    taken.header = header > 0;
    if (taken.header) {
      taken.header_columns =
          1 + static_cast<std::size_t>(std::ranges::count(title, front ? front->mark : end->mark));
    }
    lines = std::move(front ? front->lines : end->lines);
    return;
  }
}

void take_wordnet_ids(LabelLines& lines, Taken& taken) {
  LabelLines without = lines;
  for (LabelLine& line : without) {
    const std::optional<Column> column = front_column(line.text);
    if (!column || !is_wordnet_id(column->cell) || column->rest.empty()) return;
    line.wordnet_id = column->cell;
    line.text = column->rest;
    line.mark = column->mark;
  }
  taken.wordnet_ids = !lines.empty();
  lines = std::move(without);
}

/// A field of CSV without its quotes.
std::string unquoted(const LabelLine& line, const std::string& where) {
  std::string_view rest = line.text;
  if (!is_one_of(",;", line.mark) || !rest.starts_with('"')) return std::string(rest);
  std::string label;
  for (rest.remove_prefix(1); !rest.empty(); rest.remove_prefix(1)) {
    if (rest.starts_with("\"\"")) {
      rest.remove_prefix(1);
    } else if (rest.front() == '"') {
      break;
    }
    label += rest.front();
  }
  if (rest != "\"") {
    throw FormatError(
        where, fmt::format("line {}: expected {}", line.number,
                           rest.empty() ? "a closing quote" : "nothing after the quoted label"));
  }
  return label;
}

/// Refuses more columns, which would become part of the labels.
void require_two_columns(const Taken& taken, const std::string& where) {
  const std::size_t most = taken.wordnet_ids ? 3 : 2;
  if (taken.header_columns <= most) return;
  throw FormatError(where,
                    fmt::format("line 1: expected two columns, the index and the label, got {}",
                                taken.header_columns));
}

std::string describe_form(const Taken& taken) {
  std::string form(taken.index.empty() ? "one label per line" : taken.index);
  if (taken.header) form += ", after a header";
  if (taken.wordnet_ids) form += ", without WordNet ids";
  if (taken.index.empty() && !taken.repeated.empty()) {
    form += fmt::format(" (the numbers are not an index: '{}' occurs twice)",
                        printable(taken.repeated));
  }
  return form;
}

/// The lines of the file, without their ends.
std::vector<std::string_view> split_lines(std::string_view text, const std::string& where) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (lines.size() > kMaxLabels) {
      throw FormatError(where, fmt::format("expected at most {} lines, got more", kMaxLabels));
    }
  }
  while (!lines.empty() && trim(lines.back()).empty()) lines.pop_back();
  return lines;
}

bool is_identifier(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  });
}

/// `item {`, as in TensorFlow's label maps.
bool opens_message(std::string_view line) {
  const std::size_t brace = line.find('{');
  return brace != line.npos && is_identifier(trim(line.substr(0, brace), " \t:"));
}

/// "YAML" or another format; empty where the lines may be labels.
std::string_view name_other_text(const std::vector<std::string_view>& lines) {
  const auto filled = [](std::string_view line) { return !trim(line).empty(); };
  const auto has_content = [&](std::string_view line) {
    return filled(line) && !trim(line).starts_with('#');
  };
  const auto first = std::ranges::find_if(lines, has_content);
  if (first == lines.end()) return "";
  if (opens_message(*first)) return "protobuf text (item { id: 1 ... })";
  const auto is_item = [&](std::string_view line) {
    return !filled(line) || line.starts_with("- ");
  };
  const bool key_with_block =
      std::ranges::adjacent_find(lines, [](std::string_view a, std::string_view b) {
        return trim(a).ends_with(':') && (b.starts_with(' ') || b.starts_with("- "));
      }) != lines.end();
  if (first->starts_with("%YAML") || *first == "---" || std::ranges::all_of(lines, is_item) ||
      key_with_block) {
    return "YAML";
  }
  return "";
}

LabelLines number_lines(const std::vector<std::string_view>& lines, const std::string& where) {
  LabelLines numbered;
  for (const std::string_view line : lines) {
    numbered.push_back({numbered.size() + 1, trim(line)});
    if (!numbered.back().text.empty()) continue;
    throw FormatError(where,
                      fmt::format("line {}: expected a label, got a blank line", numbered.size()));
  }
  return numbered;
}

}  // namespace

LabelFile parse_label_lines(std::string_view text, const std::string& where) {
  const std::vector<std::string_view> raw = split_lines(text, where);
  if (const std::string_view other = name_other_text(raw); !other.empty()) {
    refuse_labels(where, other);
  }
  LabelLines lines = number_lines(raw, where);
  Taken taken;
  order_by_index(lines, taken, where);
  take_wordnet_ids(lines, taken);
  if (taken.index.empty() && taken.wordnet_ids) order_by_index(lines, taken, where);
  require_two_columns(taken, where);
  LabelFile result{{}, describe_form(taken)};
  for (const LabelLine& line : lines) {
    result.labels.push_back(unquoted(line, where));
    const std::string& label = result.labels.back();
    // JSON refuses such labels, but later and without the file's name.
    if (is_printable(label)) continue;
    throw FormatError(
        where, fmt::format("line {}: expected UTF-8 text without control characters", line.number));
  }
  return result;
}

}  // namespace weightlift
