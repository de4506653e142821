#pragma once

#include <functional>
#include <string>
#include <utility>

#include "weightlift/nn/layers.h"

namespace weightlift::testing {

/// A network of a test: `add` its children, then set `body`, its forward pass.
class Net : public Module {
 public:
  template <class M, class... Arguments>
  M& add(std::string name, Arguments&&... arguments) {
    return make_module<M>(std::move(name), std::forward<Arguments>(arguments)...);
  }
  std::function<Value(Value)> body;

 protected:
  Value forward(Value input) const override { return body(input); }
};

}  // namespace weightlift::testing
