#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "weightlift/base/file.h"
#include "weightlift/checkpoint/checkpoint.h"
#include "weightlift/checkpoint/torch.h"
#include "weightlift/checkpoint/torch_objects.h"
#include "weightlift/checkpoint/zip.h"
#include "weightlift/state_dict.h"

// Internal: included by .cpp files only, and not installed.

namespace weightlift {

struct CheckpointContent {
  Reading reading = Reading::kAll;
  std::vector<std::shared_ptr<const MappedFile>> mapped{};  ///< none for bytes in memory
  std::vector<ZipEntry> checksums{};                        ///< of a torch zip
  std::optional<TorchObstacle> obstacle{};  ///< what hides the tensors of a torch file
  std::optional<TorchFile> torch{};         ///< of one torch file
  StateDict tensors{};                      ///< of any other format
};

}  // namespace weightlift
