#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/progress.h"
#include "weightlift/state_dict.h"

namespace weightlift {

/// The largest header that readers accept, padding included: the format's own limit.
constexpr std::uint64_t kMaxSafetensorsHeaderBytes = 100'000'000;

/// What a safetensors file holds.
struct SafetensorsFile {
  StateDict tensors;  ///< views of the file, in the order of their offsets
  std::vector<std::pair<std::string, std::string>> metadata;  ///< __metadata__, in file order
  Notes notes;                                                ///< on what was accepted
};

/// Reads the header of a mapped file and returns views of its data: nothing is copied, no tensor's
/// page is touched. The views keep the file mapped. Throws FormatError "path: ...", or
/// UnsupportedError for a dtype below one byte. Accepts no file that the safetensors package
/// (0.8.0) refuses. Element values are not checked. Source:
/// https://github.com/huggingface/safetensors
SafetensorsFile load_safetensors(const std::shared_ptr<const MappedFile>& file);

/// The same for bytes in memory, which `owner` keeps alive; `where` begins every message.
SafetensorsFile parse_safetensors(std::span<const std::byte> bytes,
                                  const std::shared_ptr<const void>& owner,
                                  const std::string& where);

}  // namespace weightlift
