#pragma once

#include <nanobind/nanobind.h>

namespace weightlift {

/// Each adds its functions to the module. python/weightlift/_core.pyi has their types.
void bind_jobs(nanobind::module_& module);
void bind_images(nanobind::module_& module);
void bind_tensors(nanobind::module_& module);

}  // namespace weightlift
