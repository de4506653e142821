#pragma once

#include <memory>

namespace CLI {
class FormatterBase;
}

namespace weightlift {

/// How --help writes options: as argparse, `--repo-id REPO_ID` and `--to {timm,torchvision}`, with
/// defaults and without the types of C++.
std::shared_ptr<CLI::FormatterBase> help_formatter();

}  // namespace weightlift
