// Runs an image through a transformers model, and prints the logits and the best class.
//   forward MODEL IMAGE
#include <weightlift/weightlift.h>

#include <iostream>

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  try {
    const auto model = weightlift::Classifier::open(weightlift::fetch_model(argv[1]));
    const auto decoded = weightlift::load_image(argv[2], model.color_mode());
    const weightlift::Tensor logits = model.forward(model.preprocess(decoded.image));
    for (const float logit : logits.data<float>()) std::cout << logit << ' ';
    std::cout << '\n' << model.best(model.scores(logits.data<float>()), 1).front().label << '\n';
    return 0;
  } catch (const weightlift::Error& error) {
    std::cerr << error.what() << '\n';
    return 3;
  }
}
