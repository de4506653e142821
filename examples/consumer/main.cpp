// A whole program around the library: converts a timm folder into a transformers folder.
//   consumer SOURCE PARENT
#include <cstdint>
#include <exception>
#include <iostream>

#include "weightlift/convert/convert.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: consumer SOURCE PARENT\n";
    return 2;
  }
  try {
    weightlift::ConversionRequest request;
    request.source = argv[1];
    request.output = argv[2];
    weightlift::ProgressSink silent;
    const weightlift::ConversionResult result = weightlift::convert(request, silent);

    std::cout << "logits:";
    for (const std::int64_t size : result.logits_shape) std::cout << ' ' << size;
    const bool verified = result.verification && result.verification->verified();
    std::cout << '\n' << (verified ? "verified" : "not verified") << '\n';
    std::cout << "folder: " << result.folder.string() << '\n';
    return verified ? 0 : 4;
  } catch (const std::exception& error) {  // weightlift/base/error.h has the family
    std::cerr << "consumer: " << error.what() << '\n';
    return 3;
  }
}
