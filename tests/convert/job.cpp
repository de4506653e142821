#include "tests/convert/job.h"

#include "weightlift/base/error.h"

namespace weightlift::testing {

void Listener::step(std::string_view name, std::uint64_t /*bytes_total*/) {
  steps.emplace_back(name);
  if (at_step) at_step(name);
}

void Stopper::check() {
  if (left_-- == 0) throw Interrupted(2);
}

ConversionRequest request_for(const std::filesystem::path& source,
                              const std::filesystem::path& output) {
  ConversionRequest request;
  request.source = source.string();
  request.output = output;
  request.verify_options.threads = 1;
  return request;
}

ConversionResult run(const ConversionRequest& request) {
  ProgressSink silent;
  return convert(request, silent);
}

}  // namespace weightlift::testing
