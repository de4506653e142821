#pragma once

#include <functional>
#include <memory>
#include <string>

namespace CLI {
class App;
}

namespace weightlift {

struct ClassifyOptions;
struct DecodeLimits;
struct SourceHints;
struct VerifyOptions;

/// A command's action: runs after the options were parsed, reports its own failures, and returns
/// the exit code.
using Action = std::function<int()>;

/// Each adds its command to the program and returns what it does.
Action add_convert(CLI::App& app);
Action add_batch(CLI::App& app);
Action add_verify(CLI::App& app);
Action add_diff(CLI::App& app);
Action add_inspect(CLI::App& app);
Action add_models(CLI::App& app);
Action add_preprocess(CLI::App& app);
Action add_classify(CLI::App& app);
Action add_evaluate(CLI::App& app);
Action add_pull(CLI::App& app);
Action add_push(CLI::App& app);
Action add_env(CLI::App& app);
Action add_completion(CLI::App& app);
Action add_man(CLI::App& app);

/// --weights-key of the commands that open a source.
void add_weights_key(CLI::App& command, std::string& weights_key);

/// --weights-key, --head-key and --ignore of the commands that take a network out of a file.
void add_network_options(CLI::App& command, SourceHints& hints);

/// --samples, --seed, --rtol, --atol and --threads, which convert and verify share.
void add_verify_options(CLI::App& command, VerifyOptions& options);

/// --max-pixels of the commands that read images.
void add_max_pixels(CLI::App& command, DecodeLimits& limits);

/// --threads and --max-pixels, which classify and evaluate share.
void add_classify_options(CLI::App& command, ClassifyOptions& options);

}  // namespace weightlift
