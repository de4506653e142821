#include "weightlift/predict/csv.h"

#include <fmt/format.h>

#include <algorithm>

#include "weightlift/base/message.h"
#include "weightlift/base/text.h"

namespace weightlift {

namespace {

class Reader {
 public:
  Reader(std::string_view text, const std::string& where) : rest_(text), where_(where) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (rest_.starts_with(kByteOrderMark)) rest_.remove_prefix(kByteOrderMark.size());
  }

  bool at_end() const { return rest_.empty(); }

  /// Skips a line end, if there is one.
  bool skip_line_end() {
    const std::size_t length = rest_.starts_with("\r\n") ? 2 : rest_.starts_with('\n') ? 1 : 0;
    if (length == 0) return false;
    rest_.remove_prefix(length);
    ++line_;
    return true;
  }

  CsvRecord record() {
    CsvRecord record{line_, {}};
    record.fields.push_back(field());
    while (rest_.starts_with(',')) {
      rest_.remove_prefix(1);
      record.fields.push_back(field());
    }
    if (!at_end() && !skip_line_end()) {
      throw FormatError(where_,
                        fmt::format("line {}: expected a comma after the closing quote", line_));
    }
    return record;
  }

 private:
  std::string field() { return rest_.starts_with('"') ? quoted() : plain(); }

  std::string plain() {
    std::size_t end = std::min(rest_.find_first_of(",\n"), rest_.size());
    if (end > 0 && end < rest_.size() && rest_[end] == '\n' && rest_[end - 1] == '\r') --end;
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return text;
  }

  std::string quoted() {
    const std::size_t begun = line_;
    rest_.remove_prefix(1);
    std::string text;
    while (true) {
      const std::size_t end = rest_.find('"');
      if (end == rest_.npos) {
        throw FormatError(where_, fmt::format("line {}: missing closing quote", begun));
      }
      text += rest_.substr(0, end);
      rest_.remove_prefix(end + 1);
      if (!rest_.starts_with('"')) break;
      text += '"';
      rest_.remove_prefix(1);
    }
    line_ += static_cast<std::size_t>(std::ranges::count(text, '\n'));
    return text;
  }

  std::string_view rest_;
  const std::string& where_;
  std::size_t line_ = 1;
};

}  // namespace

std::vector<CsvRecord> parse_csv(std::string_view text, const std::string& where) {
  if (text.find('\0') != text.npos) {
    throw FormatError(where, "expected UTF-8 text, got a NUL byte", advice("save it as UTF-8"));
  }
  std::vector<CsvRecord> records;
  Reader reader(text, where);
  while (!reader.at_end()) {
    if (!reader.skip_line_end()) records.push_back(reader.record());
  }
  return records;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted(text);
  replace_all(quoted, "\"", "\"\"");
  return "\"" + quoted + "\"";
}

}  // namespace weightlift
