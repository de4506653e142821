#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/nn/graph.h"
#include "weightlift/tensor/state_dict.h"

namespace weightlift {

/// A tree of named modules, as torch.nn.Module. Not copyable or movable: a graph holds addresses.
/// Parameters and buffers are handles; they are empty until load_state_dict binds them.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// Runs forward() on a symbolic value and records this module's path for its nodes.
  Value operator()(Value input);

  /// Returns this module ("") and all below it, depth first, in registration order. Addresses are
  /// valid as long as the modules.
  std::vector<std::pair<std::string, Module*>> named_modules();

  /// Names and shapes of all parameters and buffers, in torch's order.
  struct Slot {
    std::string name;
    Shape shape;
    bool counter;    ///< num_batches_tracked: I64; all others have a floating dtype
    Tensor* tensor;  ///< the handle
  };
  std::vector<Slot> slots();

  /// Returns all bound tensors by name, in torch's order. Copies handles, no bytes.
  StateDict state_dict();

  /// Binds every parameter and buffer to the tensor of its name. Strict: throws a MismatchError
  /// that lists missing and unexpected tensors and those of another shape or dtype, and then binds
  /// none.
  void load_state_dict(const StateDict& state_dict);

  /// Whether this module has parameters or buffers of its own.
  bool has_state() const { return !own_.empty(); }
  bool is_leaf() const { return children_.empty(); }

  /// Returns the own parameter or buffer with this last name ("weight"), null where there is none.
  const Tensor* own(std::string_view name) const;

  /// Own slots in torch's order.
  struct OwnSlot {
    std::string name;
    Shape shape;
    bool counter;
    Tensor* tensor;
  };
  const std::vector<OwnSlot>& own_slots() const { return own_; }

 protected:
  virtual Value forward(Value input) = 0;

  /// Registers a child that is a member of the derived class, or owned by it.
  template <class M>
  M& add_module(std::string name, std::unique_ptr<M> module) {
    M& reference = *module;
    children_.emplace_back(std::move(name), std::move(module));
    return reference;
  }
  template <class M, class... Arguments>
  M& make_module(std::string name, Arguments&&... arguments) {
    return add_module(std::move(name), std::make_unique<M>(std::forward<Arguments>(arguments)...));
  }
  /// Registers one of the derived class's tensors.
  void add_tensor(std::string name, Shape shape, Tensor& tensor, bool counter = false) {
    own_.push_back({std::move(name), std::move(shape), counter, &tensor});
  }

 private:
  friend Graph trace(Module& module, Shape input);
  void set_paths(const std::string& path);

  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
  std::vector<OwnSlot> own_;
  std::string path_;
};

/// Returns the graph that one forward pass on an input of that shape (N, C, H, W) records. Computes
/// no values and reads no weights. Throws MismatchError where the shapes do not fit.
Graph trace(Module& module, Shape input);

/// Records x + y of one shape, under the module that is running. Throws MismatchError where the
/// shapes differ.
Value add(Value x, Value y);

}  // namespace weightlift
