/// logits_tool WEIGHTS INPUT OUTPUT fused|unfused THREADS
///
/// Runs a safetensors checkpoint with timm's names on tensor "input" of a safetensors file and
/// writes the logits as raw little-endian float32. Infers the network from the tensors' shapes.

#include <cstdio>
#include <exception>
#include <fstream>
#include <span>
#include <string>

#include "weightlift/base/message.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/models/names.h"
#include "weightlift/runtime/program.h"

namespace weightlift {
namespace {

void write_logits(std::span<char*> arguments) {
  const StateDict weights = load_safetensors(MappedFile::open(arguments[1])).tensors;
  const Tensor input = load_safetensors(MappedFile::open(arguments[2])).tensors.at("input");
  WeightsChoice choice;
  recognise(weights, nullptr, choice);
  if (choice.family == nullptr) throw UnsupportedError(arguments[1], "no known network");
  const Model shown = choice.family->from_tensors(weights, arguments[1]);
  const auto model = shown.network->make(Form::kTimm, shown.config);
  model->load_state_dict(weights);
  const Graph graph = trace(*model, input.shape());
  const bool fuse = std::string(arguments[4]) == "fused";
  const auto outputs = Program::compile(graph, {std::stoi(arguments[5]), fuse}).run(graph, input);
  const auto bytes = outputs.at(0).bytes();
  std::ofstream out(arguments[3], std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw IoError(arguments[3], "cannot write the file");
}

}  // namespace
}  // namespace weightlift

int main(int count, char** arguments) {
  if (count != 6) {
    std::fputs("usage: logits_tool WEIGHTS INPUT OUTPUT fused|unfused THREADS\n", stderr);
    return 2;
  }
  try {
    weightlift::write_logits(std::span(arguments, static_cast<std::size_t>(count)));
    return 0;
  } catch (const weightlift::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 3;  // bad input; anything else is a bug, and ends in std::terminate
  }
}
