#include "weightlift/cli/json_output.h"

#include <exception>
#include <nlohmann/json.hpp>

#include "weightlift/base/json.h"
#include "weightlift/cli/exit_code.h"
#include "weightlift/cli/log.h"
#include "weightlift/cli/results.h"

namespace weightlift {

void print_json(const nlohmann::ordered_json& json) { put("{}\n", dump_json_line(json)); }

int run_reporting(const Subject& subject, bool json, const std::function<int()>& work) {
  const auto report = [&](const Error& error, int code) {
    log_error(error);
    if (json) print_json(failure_json(subject, error));
    return code;
  };
  try {
    const int code = work();
    flush_results();
    return code;
  } catch (const ReaderGone& error) {
    return exit_code(error);
  } catch (const Error& error) {
    return report(error, exit_code(error));
  } catch (const std::exception& error) {
    return report(*to_error(error), exit_code(error));
  }
}

}  // namespace weightlift
