// Converts a checkpoint by its name and publishes the verified model.
//   convert_and_publish SOURCE FOLDER REPOSITORY
#include <weightlift/weightlift.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    const weightlift::ConversionResult result = weightlift::convert(
        {.source = argv[1], .output = argv[2], .publish = {{.repo_id = argv[3]}}});
    if (!weightlift::is_verified(result)) {
      std::cerr << "the converted model differs from its source\n";
      return 4;
    }
    std::cout << result.folder.string() << '\n' << result.published->url << '\n';
    return 0;
  } catch (const weightlift::Error& error) {
    std::cerr << weightlift::to_string(error.kind()) << ": " << error.what() << '\n';
    return 3;
  }
}
