#include <nanobind/nanobind.h>
#include <nanobind/stl/string_view.h>

#include "weightlift/version.h"

NB_MODULE(_core, module) {
  module.def("version", &weightlift::version, "The version of the library, \"0.2.0\".");
}
