#include "weightlift/convert/zero_tail.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"

namespace weightlift {

namespace {

/// A page of the file system: no trained convolution ends with as many zeros.
constexpr std::size_t kLeastZeros = 4096;

struct Part {
  std::span<const std::byte> bytes;
  const std::string* name;
  bool weight;  ///< a convolution or a linear layer
};

/// The tensors that are views of the file, the last first.
std::vector<Part> parts_of(const CheckpointFile& file, const StateDict& tensors) {
  const std::span<const std::byte> all = file.bytes;
  const std::less<> before;
  std::vector<Part> parts;
  for (const auto& [name, tensor] : tensors) {
    const std::span<const std::byte> bytes = tensor.bytes();
    const bool inside = !bytes.empty() && !before(bytes.data(), all.data()) &&
                        before(bytes.data(), all.data() + all.size());
    if (inside) parts.push_back({bytes, &name, tensor.shape().size() >= 2});
  }
  std::ranges::sort(
      parts, [&](const Part& a, const Part& b) { return before(b.bytes.data(), a.bytes.data()); });
  return parts;
}

std::size_t count_zeros_at_end(std::span<const std::byte> bytes) {
  const auto last = std::find_if(bytes.rbegin(), bytes.rend(),
                                 [](std::byte byte) { return byte != std::byte{0}; });
  return static_cast<std::size_t>(std::distance(bytes.rbegin(), last));
}

}  // namespace

std::optional<Note> find_zero_tail(const Checkpoint& checkpoint, const StateDict& tensors) {
  for (const CheckpointFile& file : checkpoint.files) {
    std::size_t zeros = 0;
    const std::string* first = nullptr;
    for (const Part& part : parts_of(file, tensors)) {
      const std::size_t count = count_zeros_at_end(part.bytes);
      if (part.weight && count != 0) {
        zeros += count;
        first = part.name;
      }
      release_mapped(part.bytes);
      if (count != part.bytes.size()) break;
    }
    if (zeros >= kLeastZeros) {
      return Note{NoteCode::kZeroTail,
                  file.where,
                  {{"tensor", printable(*first)}, {"bytes", std::to_string(zeros)}}};
    }
  }
  return std::nullopt;
}

}  // namespace weightlift
