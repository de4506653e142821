#include <span>

#include "weightlift/cli/program.h"

int main(int argc, char** argv) {
  return weightlift::run_program(std::span(argv, static_cast<std::size_t>(argc)));
}
