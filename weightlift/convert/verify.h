#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/comparison.h"
#include "weightlift/nn/graph.h"
#include "weightlift/progress.h"
#include "weightlift/tensor/compare.h"

namespace weightlift {

/// Throws UsageError for options that compare nothing, or that no machine has: samples below 1, a
/// tolerance that is no number >= 0, threads below 0 or beyond 1024.
void require_valid(const VerifyOptions& options);

/// An input for verification: standard normal, from splitmix64 and the Box-Muller transform. The
/// same seed and sample give the same input.
Tensor random_input(const Shape& shape, std::uint64_t seed, std::int64_t sample);

/// Compares `dest` with `src` as docs/architecture.md defines "verified": tensors bit-equal (after
/// a change of dtype, if any), graphs equal node by node, outputs bit-equal (across dtypes: to
/// those of the source's weights, equally rounded). Both graphs are on the input shape, and their
/// modules hold the tensors. Finds the first operation that differs. A difference is a result;
/// throws only where a network cannot run. Calls `checkpoint` between steps; it may throw.
Verification verify_networks(const Graph& src, const Graph& dest, const VerifyOptions& options,
                             const std::function<void()>& checkpoint = {});

/// The note about NaN and infinities in the source's weights.
Note non_finite_note(const Verification& verification);

}  // namespace weightlift
