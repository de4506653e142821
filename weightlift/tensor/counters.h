#pragma once

#include <cstdint>

#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// What complete_counters changed.
struct CounterChanges {
  std::int64_t added = 0;   ///< missing, now 0
  std::int64_t mended = 0;  ///< converted to int64 scalars
};

/// Completes the counters of batch norms (num_batches_tracked) as torch does when it loads a state
/// dict. Files from before 2018 lack them: each `running_mean` without its counter gets one of 0 at
/// the end of `tensors`. A counter with one dimension, or of another dtype, becomes an int64 scalar
/// in its place. A counter that is not one number of 64 bits stays as it is.
CounterChanges complete_counters(StateDict& tensors);

}  // namespace weightlift
