#pragma once

#include <span>

namespace weightlift {

/// The whole program: parses the arguments, the program's name first, runs the command, and returns
/// the exit code (docs/exit-codes.md). Reports every failure itself.
int run_program(std::span<char*> arguments) noexcept;

}  // namespace weightlift
