#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"
#include "weightlift/checkpoint/output_sink.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// Throws FormatError where a name is a duplicate or not one that every reader accepts
/// (tensor_name.h), and UnsupportedError for a conversion that convert.h does not have.
void require_writable(const std::vector<OutputTensor>& tensors);

/// Size of the elements in the output.
std::uint64_t stored_bytes(const OutputTensor& tensor);

/// CRC-32 of the elements in the output. Reads the tensor as append_elements() does.
std::uint32_t stored_crc32(const OutputTensor& tensor);

/// Adds the elements at the end of the output. Needs a buffer of at most 2 MiB, and releases mapped
/// pages.
void append_elements(const OutputTensor& tensor, OutputSink& output);

/// What `body` returns: the plan of an output. Errors that leave it get the output's name in front
/// of their own place.
template <class Body>
auto plan_output(const std::string& name, const Body& body) {
  try {
    return with_context(name, body);
  } catch (const FormatError& error) {
    throw FormatError(join_places(name, error.where()), error.message(), error.hints());
  }
}

}  // namespace weightlift
