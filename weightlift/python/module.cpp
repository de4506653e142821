#include <nanobind/nanobind.h>

#include <string>

#include "weightlift/python/bindings.h"
#include "weightlift/python/relay.h"
#include "weightlift/python/words.h"
#include "weightlift/version.h"

NB_MODULE(_core, module) {
  weightlift::set_words(weightlift::python_words());
  module.attr("__version__") = nanobind::str(std::string(weightlift::version()).c_str());
  const auto stop = [] {
    const nanobind::gil_scoped_release release;
    weightlift::stop_running_work();
  };
  nanobind::module_::import_("atexit").attr("register")(nanobind::cpp_function(stop));
  weightlift::bind_jobs(module);
  weightlift::bind_images(module);
  weightlift::bind_tensors(module);
}
