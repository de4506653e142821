// forward_tool FOLDER THREADS: opens a model folder, binds its weights, and for each line on
// standard input runs one forward pass on 224x224 pixels. Prints its wall and CPU time in
// milliseconds.
#include <chrono>
#include <ctime>
#include <iostream>
#include <string>

#include "tests/support/counter_random.h"
#include "weightlift/convert/source.h"
#include "weightlift/runtime/program.h"

int main(int count, char** arguments) {
  using namespace weightlift;
  using Clock = std::chrono::steady_clock;
  if (count != 3) {
    std::cerr << "usage: forward_tool FOLDER THREADS\n";
    return 2;
  }
  const Source source = open_source(arguments[1]);
  const auto network = make_network(source, Head::kClassifier);
  const Shape shape = {1, source.config.num_channels, 224, 224};
  const Graph graph = trace(*network, shape);
  const Program program = Program::compile(graph, {.threads = std::stoi(arguments[2])});
  const BoundProgram bound = program.bind(graph);
  const Tensor input = testing::random_tensor(7, "input", shape, testing::normal(1));
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    const std::clock_t cpu = std::clock();
    const Clock::time_point begin = Clock::now();
    bound.run(input);
    const std::chrono::duration<double, std::milli> wall = Clock::now() - begin;
    std::cout << wall.count() << ' ' << 1000.0 * double(std::clock() - cpu) / CLOCKS_PER_SEC
              << std::endl;
  }
  return 0;
}
