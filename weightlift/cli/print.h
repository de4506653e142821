#pragma once

#include <cstdint>
#include <exception>
#include <string>

#include "weightlift/convert/verify.h"

namespace weightlift {

/// 25557032 as "25,557,032".
std::string with_commas(std::int64_t number);

/// "102.5 MB", powers of 1000.
std::string readable_bytes(std::uint64_t bytes);

/// Flushes standard output. Throws BrokenPipe where its reader is gone, OutputError where it cannot
/// be written.
void flush_results();

/// Throws as flush_results() where `error` is the std::system_error by which fmt::print() reports a
/// failed write to standard output.
void rethrow_output_failure(const std::exception& error);

/// The differences of a failed verification, in one line: "3 of 320 tensors differ, ...".
std::string describe_difference(const Verification& verification);

/// The result of a verification, in indented lines.
std::string describe(const Verification& verification);

}  // namespace weightlift
