#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/checkpoint/pickle_globals.h"

namespace weightlift {

enum class PickleKind : std::uint8_t {
  kNone,
  kBool,
  kInt,
  kBigInt,  ///< an integer beyond 64 bits
  kFloat,
  kText,
  kBytes,
  kTuple,
  kList,
  kSet,
  kDict,
  kOrderedDict,
  kGlobal,
  kRebuild,     ///< a tensor, as the arguments of torch's function that makes it
  kPersistent,  ///< a reference to data outside of the pickle: torch's storages
  kOpaque,      ///< an object of an unknown class or a call's result: never made, only described
};

/// A value's place in its Pickle.
using PickleId = std::uint32_t;

struct PickleNode {
  PickleKind kind = PickleKind::kNone;
  std::int64_t integer = 0;            ///< kBool, kInt
  double real = 0;                     ///< kFloat
  std::string_view text{};             ///< kText, kBytes; kGlobal and kOpaque: the module
  std::string_view name{};             ///< kGlobal and kOpaque
  const KnownGlobal* known = nullptr;  ///< kRebuild; kGlobal: nullptr where it is unknown
  /// kTuple, kList, kSet: the elements; kDict, kOrderedDict: key, value, key, value...;
  /// kRebuild: its arguments; kPersistent: the value that names it; kOpaque: the tuple of its
  /// arguments, then the states that it was given.
  std::vector<PickleId> items{};
};

/// The values of one pickle. They refer to each other by number: neither depth nor sharing costs
/// anything, also when it is destroyed. A container may contain itself; visit each value once.
struct Pickle {
  std::deque<PickleNode> nodes;  ///< all values of the pickle, also those outside of the root
  PickleId root = 0;
  std::size_t size_bytes = 0;  ///< up to its STOP, included; what follows is not read

  const PickleNode& at(PickleId id) const { return nodes[id]; }
};

/// Reads a pickle of protocol 2 to 5 as data and runs nothing; see the .cpp. The values are views
/// of `bytes`. Throws FormatError "where: pickle: ..." where it is damaged, makes values that no
/// checkpoint needs, or exceeds the limits of pickle_machine.cpp.
Pickle parse_pickle(std::span<const std::byte> bytes, const std::string& where);

/// The kind of a value, for a message: "a list of 3", "an object of numpy.ndarray".
std::string describe(const PickleNode& node);

/// The same without the article, for a list: "list of 3", "object of numpy.ndarray".
std::string type_of(const PickleNode& node);

/// "module.name" of every unknown global, each once, in the order of their first use.
std::vector<std::string> foreign_globals(const Pickle& pickle);

}  // namespace weightlift
