// Any text is refused by a FormatError or read as a file of labels. The labels, written as a JSON
// list and as a config with id2label, read back equal.
#include <cstdint>
#include <nlohmann/json.hpp>

#include "fuzz/round_trip.h"
#include "weightlift/base/message.h"
#include "weightlift/convert/label_file.h"

using namespace weightlift;
using fuzzing::require;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  LabelFile file;
  try {
    file = parse_label_file({reinterpret_cast<const char*>(data), size}, "input");
  } catch (const FormatError&) {
    return 0;
  }
  require(!file.form.empty());
  nlohmann::json by_id = nlohmann::json::object();
  for (const std::string& label : file.labels) by_id[std::to_string(by_id.size())] = label;
  require(parse_label_file(nlohmann::json(file.labels).dump(), "list").labels == file.labels);
  const nlohmann::json config = {{"id2label", by_id}};
  require(parse_label_file(config.dump(), "config").labels == file.labels);
  return 0;
}
