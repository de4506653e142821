#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/checkpoint/output_file.h"
#include "weightlift/tensor/dtype.h"
#include "weightlift/tensor/state_dict.h"
#include "weightlift/tensor/tensor.h"

namespace weightlift {

/// One tensor to write as `dtype`: converted while it is written where it has another (convert.h).
struct OutputTensor {
  std::string name;
  Tensor tensor;
  DType dtype;
};

/// All tensors, in their order. Floating ones (is_floating) get `dtype` where it is given, the
/// others keep theirs.
std::vector<OutputTensor> output_tensors(const StateDict& tensors,
                                         std::optional<DType> dtype = std::nullopt);

/// Throws FormatError where a name is a duplicate or not one that every reader accepts
/// (tensor_name.h), and UnsupportedError for a conversion that convert.h does not have.
void require_writable(const std::vector<OutputTensor>& tensors);

/// Size of the elements in the file.
std::uint64_t stored_bytes(const OutputTensor& tensor);

/// CRC-32 of the elements in the file. Reads the tensor as append() does.
std::uint32_t crc32(const OutputTensor& tensor);

/// Adds the elements at the end of the file. Needs a buffer of at most 2 MiB, and releases mapped
/// pages.
void append(const OutputTensor& tensor, OutputFile& file);

}  // namespace weightlift
