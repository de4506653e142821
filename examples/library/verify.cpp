// Compares two checkpoints: a source and its converted model, bit for bit.
//   verify SOURCE FOLDER
#include <weightlift/weightlift.h>

#include <iostream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    const weightlift::Verification found =
        weightlift::verify({.source = argv[1], .folder = argv[2]}).network;
    std::cout << found.tensors << " tensors, " << found.operations << " operations\n";
    for (const weightlift::OutputComparison& output : found.outputs) {
      std::cout << output.name << ": " << (output.bit_equal ? "bit-equal" : "different") << '\n';
    }
    for (const std::string& names : found.different_tensors) std::cout << names << " differ\n";
    if (const auto& first = found.first_difference) {
      std::cout << "the first difference: " << first->src << '\n';
    }
    return found.verified() ? 0 : 4;
  } catch (const weightlift::Error& error) {
    std::cerr << error.what() << '\n';
    return 3;
  }
}
