#pragma once

#include <cstdint>
#include <string_view>

namespace weightlift {

/// Told of progress by a long job; may ask it to stop. Never called by two threads at once.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  /// A new step begins ("read", "write", "verify", "download resnet-50/model.safetensors"), of that
  /// many bytes (0: not counted).
  virtual void step(std::string_view /*name*/, std::uint64_t /*bytes_total*/) {}
  virtual void advance(std::uint64_t /*bytes_done*/) {}
  /// Something worth saying that is no failure: one sentence.
  virtual void note(std::string_view /*text*/) {}
  /// Called often; throws (Interrupted) to stop, and nothing of the folder is left then.
  virtual void check() {}
};

}  // namespace weightlift
