#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "weightlift/checkpoint.h"
#include "weightlift/checkpoint/output_sink.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

/// A new file as an output. Throws ExistsError where the file exists, and NotFoundError or IoError
/// where the system refuses. `path` outlives it.
class OutputFile : public OutputSink {
 public:
  OutputFile(const std::filesystem::path& path, std::uint64_t total_bytes,
             const WriteProgress& progress);
  ~OutputFile() override;
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

 private:
  void write_all(std::span<const std::byte> bytes) override;
  /// Closes the file: some file systems report a full disk only now.
  void finish() override;
  [[noreturn]] void fail() const;
  void reserve_space() const;

  const std::filesystem::path& path_;
  int descriptor_ = -1;
};

}  // namespace weightlift
