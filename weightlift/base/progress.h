#pragma once

#include <cstdint>
#include <string_view>

#include "weightlift/base/note.h"

namespace weightlift {

/// Receives the progress of a long job, and can stop it. Two threads never call it at once.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  /// A new step begins ("read", "write", "verify", "download resnet-50/model.safetensors"), of that
  /// many bytes (0: not counted).
  virtual void step(std::string_view /*name*/, std::uint64_t /*bytes_total*/) {}
  virtual void advance(std::uint64_t /*bytes_done*/) {}
  virtual void note(const Note& /*note*/) {}
  /// Called often. Throws Interrupted to stop the job, which then leaves nothing of the folder.
  virtual void check() {}
};

/// A sink that does nothing. It has no state: calls that overlap may share it.
ProgressSink& no_progress();

}  // namespace weightlift
