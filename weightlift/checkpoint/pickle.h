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
  kRebuild,     ///< a tensor as the arguments of the function that torch makes it with
  kPersistent,  ///< a reference to what lies outside of the pickle: torch's storages
  kOpaque,      ///< an object of a class that is not known here: never made, only named
};

/// A value's place in its Pickle.
using PickleId = std::uint32_t;

struct PickleNode {
  PickleKind kind = PickleKind::kNone;
  std::int64_t integer = 0;            ///< kBool, kInt
  double real = 0;                     ///< kFloat
  std::string_view text{};             ///< kText, kBytes; kGlobal and kOpaque: the module
  std::string_view name{};             ///< kGlobal and kOpaque
  const KnownGlobal* known = nullptr;  ///< kGlobal: nullptr where it is a foreign one; kRebuild
  /// kTuple, kList, kSet: the elements; kDict, kOrderedDict: key, value, key, value...;
  /// kRebuild: its arguments; kPersistent: what names it.
  std::vector<PickleId> items{};
};

/// The values of one pickle. They refer to each other by number: neither depth nor sharing costs
/// anything here or at the end of its life. From the root on there is no cycle.
struct Pickle {
  std::deque<PickleNode> nodes;  ///< all that the pickle makes, whether the root holds it or not
  PickleId root = 0;
  std::size_t size_bytes = 0;  ///< up to and with its STOP; what follows was not looked at

  const PickleNode& at(PickleId id) const { return nodes[id]; }
};

/// Reads a pickle of protocol 2 to 5 as data, running nothing: the .cpp says how. The values are
/// views of `bytes`. Throws FormatError "where: pickle: ..." where it is damaged, or makes what no
/// checkpoint needs, or more than the limits of pickle_machine.cpp.
Pickle parse_pickle(std::span<const std::byte> bytes, const std::string& where);

/// What a value is, for a message: "a list of 3", "an object of numpy.ndarray".
std::string describe(const PickleNode& node);

/// "module.name" of every global that is not known as data, each once, as they first come.
std::vector<std::string> foreign_globals(const Pickle& pickle);

}  // namespace weightlift
