#pragma once

#include <functional>
#include <string>
#include <utility>

#include "weightlift/nn/layers.h"

namespace weightlift::testing {

/// A network put together in a test: `add` children, then say what `body` does with them.
class Net : public Module {
 public:
  template <class M, class... Arguments>
  M& add(std::string name, Arguments&&... arguments) {
    return make_module<M>(std::move(name), std::forward<Arguments>(arguments)...);
  }
  std::function<Value(Value)> body;

 protected:
  Value forward(Value input) override { return body(input); }
};

}  // namespace weightlift::testing
