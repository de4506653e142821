#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "weightlift/nn/graph.h"
#include "weightlift/state_dict.h"

namespace weightlift {

/// What a tensor of a module is.
enum class SlotRole : std::uint8_t {
  kParameter,
  kBuffer,   ///< running statistics: a floating dtype, as parameters
  kCounter,  ///< num_batches_tracked: I64
};

/// A tree of named modules, as torch.nn.Module. Not copyable or movable: a graph holds addresses.
/// Parameters and buffers are handles; they are empty until load_state_dict binds them.
///
/// Threads: const calls, and trace(), of one module may overlap. No call may overlap one that binds
/// tensors: load_state_dict, or writing through slots().
class Module {
 public:
  /// A parameter or buffer.
  template <class T>
  struct SlotOf {
    std::string name;  ///< from the module that listed it
    Shape shape;
    SlotRole role;
    T* tensor;  ///< the handle
  };
  using Slot = SlotOf<Tensor>;
  using ConstSlot = SlotOf<const Tensor>;

  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// Runs forward() on a symbolic value and records this module's path for its nodes.
  Value operator()(Value input) const;

  /// Returns this module ("") and all below it, depth first, in registration order. Addresses are
  /// valid as long as the modules.
  std::vector<std::pair<std::string, const Module*>> named_modules() const;

  /// Returns all parameters and buffers, in torch's order.
  std::vector<ConstSlot> slots() const;
  /// The same, to bind tensors.
  std::vector<Slot> slots();

  /// Returns all bound tensors by name, in torch's order. Copies handles, no bytes.
  StateDict state_dict() const;

  /// Binds every parameter and buffer to the tensor of its name. Strict: throws a MismatchError
  /// that lists missing and unexpected tensors and those of another shape or dtype, and then binds
  /// none.
  void load_state_dict(const StateDict& state_dict);

  /// Whether this module has parameters or buffers of its own.
  bool has_state() const { return !own_.empty(); }
  bool is_leaf() const { return children_.empty(); }

  /// Returns the own parameter or buffer with this last name ("weight"), null where there is none.
  const Tensor* own(std::string_view name) const;

  /// Returns the own parameters and buffers by their last names, in torch's order.
  std::vector<ConstSlot> own_slots() const;

 protected:
  /// Records this module's operations. Several threads may run it at once.
  virtual Value forward(Value input) const = 0;

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
  void add_tensor(std::string name, Shape shape, Tensor& tensor,
                  SlotRole role = SlotRole::kParameter) {
    own_.push_back({std::move(name), std::move(shape), role, &tensor});
  }

 private:
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
  std::vector<Slot> own_;
};

/// The number of parameters as torch counts them, without buffers and counters.
std::int64_t count_parameters(const Module& module);

/// Returns the graph that one forward pass on an input of that shape (N, C, H, W) records. Computes
/// no values, reads no weights and does not change the module. Throws MismatchError where the
/// shapes do not fit, or have too many elements.
Graph trace(const Module& module, Shape input);

/// Records x + y of one shape, under the module that is running. Throws MismatchError where the
/// shapes differ, and UsageError for values of two graphs.
Value add(Value x, Value y);

/// Records x * gate of (N, C, H, W) and (N, C, 1, 1), under the module that is running, as
/// squeeze-and-excitation does. Throws MismatchError for other shapes, and UsageError for values of
/// two graphs.
Value mul(Value x, Value gate);

}  // namespace weightlift
