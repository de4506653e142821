// Lists the tensors of a checkpoint of any format. Nothing in a pickle runs, and no weight is read.
//   list_tensors FILE
#include <weightlift/weightlift.h>

#include <cstddef>
#include <iostream>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    const weightlift::Checkpoint checkpoint = weightlift::open_checkpoint(argv[1]);
    for (std::size_t i = 0; i < checkpoint.dicts.size(); ++i) {
      std::cout << '[' << checkpoint.dicts[i].path << "]\n";
      for (const auto& [name, tensor] : weightlift::list_tensors(checkpoint, i)) {
        std::cout << name << ' ' << weightlift::to_string(tensor.dtype()) << ' '
                  << weightlift::to_string(tensor.shape()) << '\n';
      }
    }
    return 0;
  } catch (const weightlift::Error& error) {
    std::cerr << error.what() << '\n';
    return 3;
  }
}
