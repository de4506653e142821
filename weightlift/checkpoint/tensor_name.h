#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weightlift {

/// torch's names are paths of attributes, a few hundred bytes at most; the real readers accepted
/// 70,000. Names are repeated in messages (shortened), indexes and reports.
constexpr std::size_t kMaxTensorNameBytes = 100'000;

/// The most dimensions of a tensor: NumPy's limit; networks use 4. Each takes 8 bytes here and 2 in
/// the file.
constexpr std::size_t kMaxRank = 64;

/// The requirement that a tensor's name does not meet ("that is not empty", "in UTF-8"), since
/// other readers or C strings would lose it; "" where it meets all.
std::string missing_in_tensor_name(std::string_view name);

/// Throws FormatError "tensor 'name': ..." where not every reader could read a file with that name:
/// as above, or "__metadata__", which safetensors reserves.
void require_writable_name(std::string_view name);

}  // namespace weightlift
