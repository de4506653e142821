#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace weightlift {

/// torch's names are paths of attributes, a few hundred bytes at most; the real readers were seen
/// to take 70,000. Names are repeated in messages (shortened), indexes and reports.
constexpr std::size_t kMaxTensorNameBytes = 100'000;

/// What the name of a tensor has to be and is not ("that is not empty", "in UTF-8"), as other
/// readers or C strings would lose it; "" where it is all right.
std::string missing_in_tensor_name(std::string_view name);

/// Throws FormatError "tensor 'name': ..." where a file with that name could not be read again by
/// every reader: as above, or "__metadata__", which safetensors has for itself.
void require_writable_name(std::string_view name);

}  // namespace weightlift
