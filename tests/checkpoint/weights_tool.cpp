/// weights_tool INPUT OUTPUT
///
/// Writes the tensors of a safetensors file, or of a torch zip whose top level is a state dict, as
/// a torch zip where OUTPUT ends in .bin, else as safetensors.

#include <cstdio>
#include <exception>
#include <filesystem>

#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/checkpoint/sniff.h"
#include "weightlift/checkpoint/torch.h"

namespace weightlift {
namespace {

StateDict read(const std::filesystem::path& path) {
  const auto file = MappedFile::open(path);
  if (detect_format(file->bytes(), path) == CheckpointFormat::kSafetensors) {
    return load_safetensors(file).tensors;
  }
  const TorchFile torch = parse_torch_zip(file->bytes(), file, path);
  require_checksums(torch);
  return load_state_dict(torch, torch.pickle.root).tensors;
}

void write(const StateDict& tensors, const std::filesystem::path& path) {
  const std::vector<OutputTensor> outputs = output_tensors(tensors);
  if (path.extension() == ".bin") return write_torch(path, outputs);
  write_safetensors(path, outputs, {{"format", "pt"}});
}

}  // namespace
}  // namespace weightlift

int main(int count, char** arguments) {
  if (count != 3) {
    std::fputs("usage: weights_tool INPUT OUTPUT\n", stderr);
    return 2;
  }
  try {
    weightlift::write(weightlift::read(arguments[1]), arguments[2]);
    return 0;
  } catch (const weightlift::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;  // bad input; anything else is a bug, and ends in std::terminate
  }
}
