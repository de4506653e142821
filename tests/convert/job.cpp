#include "tests/convert/job.h"

#include "weightlift/base/message.h"
#include "weightlift/convert/source_name.h"

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

Conversion convert(const ConversionRequest& request, ProgressSink& progress) {
  return convert_local(request, {request.source, parse_source_name(request.source).last_part},
                       progress);
}

Conversion run(const ConversionRequest& request) { return convert(request, no_progress()); }

}  // namespace weightlift::testing
