#pragma once

#include <nanobind/nanobind.h>

#include "weightlift/tensor.h"

namespace weightlift {

/// The tensor's bytes as a numpy array of uint8 with one dimension: a read-only view, which keeps
/// them alive. Python gives it dtype and shape. Needs the GIL, and imports numpy.
nanobind::object bytes_array(const Tensor& tensor);

}  // namespace weightlift
