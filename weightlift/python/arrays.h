#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstddef>
#include <memory>

#include "weightlift/tensor.h"

namespace weightlift {

/// `size` bytes as a numpy array with one dimension, which keeps `owner`. Byte: std::uint8_t, or
/// const of it for a read-only one. Python gives it dtype and shape. Needs the GIL, and imports
/// numpy.
template <class Byte, class Owner>
nanobind::object array_of(Byte* bytes, std::size_t size, std::unique_ptr<Owner> owner) {
  const nanobind::capsule capsule(owner.get(),
                                  [](void* owned) noexcept { delete static_cast<Owner*>(owned); });
  owner.release();
  using Array = nanobind::ndarray<nanobind::numpy, Byte, nanobind::ndim<1>>;
  return nanobind::cast(Array(bytes, {size}, capsule));
}

/// The tensor's bytes as a read-only view, which keeps them alive.
nanobind::object bytes_array(const Tensor& tensor);

}  // namespace weightlift
