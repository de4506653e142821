#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace weightlift {

/// The weights files that transformers' from_pretrained looks for in a folder, in its order.
inline constexpr std::array<std::string_view, 4> kWeightsFiles = {
    "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
    "pytorch_model.bin.index.json"};

/// The library that reads a folder.
enum class Loader : std::uint8_t {
  kTransformers,  ///< one of kWeightsFiles
  kTimm,          ///< these, timm's other names, or the only file with an ending of weights
};

/// The weights file that the library takes of a folder with these files; empty where there is none.
/// Throws MismatchError "where: ..." where timm would choose one of several.
std::string choose_weights_file(const std::vector<std::string>& names, Loader loader,
                                const std::string& where);

/// The path of that file. Throws NotFoundError where there is none, MismatchError as
/// choose_weights_file, and IoError where the folder cannot be read.
std::filesystem::path find_weights_file(const std::filesystem::path& folder, Loader loader);

/// The ending of a weights file's name, ".pth.tar"; empty where the name has none.
std::string_view weights_ending(std::string_view name);

}  // namespace weightlift
