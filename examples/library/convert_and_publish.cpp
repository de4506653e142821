// Converts a checkpoint by its name and publishes the verified model.
//   convert_and_publish SOURCE FOLDER REPOSITORY
#include <weightlift/weightlift.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    const weightlift::ConversionResult result =
        weightlift::convert({.source = argv[1],
                             .output = argv[2],
                             .publish = weightlift::PublishOptions{.repo_id = argv[3]}});
    std::cout << result.folder.string() << '\n';
    if (result.published) std::cout << result.published->url << '\n';
    return weightlift::is_verified(result) ? 0 : 4;
  } catch (const weightlift::Error& error) {
    std::cerr << weightlift::to_string(error.kind()) << ": " << error.what() << '\n';
    return 3;
  }
}
