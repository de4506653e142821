#include "tests/convert/job.h"

#include <algorithm>

#include "tests/support/temp_dir.h"
#include "weightlift/base/error.h"

namespace weightlift::testing {

namespace fs = std::filesystem;

void Listener::step(std::string_view name, std::uint64_t /*bytes_total*/) {
  steps.emplace_back(name);
  if (at_step) at_step(name);
}

void Stopper::check() {
  if (left_-- == 0) throw Interrupted(2);
}

ConversionRequest request_for(const fs::path& source, const fs::path& output) {
  ConversionRequest request;
  request.source = source.string();
  request.output = output;
  request.verify_options.threads = 1;
  return request;
}

ConversionResult run(const ConversionRequest& request) {
  ProgressSink nobody;
  return convert(request, nobody);
}

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  if (!fs::exists(folder)) return names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const std::string& name : names_in(folder)) files[name] = read_file(folder / name);
  return files;
}

}  // namespace weightlift::testing
