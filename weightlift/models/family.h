#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/models/model_config.h"
#include "weightlift/models/registry.h"
#include "weightlift/nn/module.h"
#include "weightlift/state_dict.h"

namespace weightlift {

class Family;
struct TimmConfig;

/// A naming of a family's tensors.
struct Dialect {
  std::string_view name;  ///< "timm's and torchvision's"
  Form form;              ///< of a file with these names and without a config
  /// The name by which a file shows that it has such a network: the first block's first
  /// convolution. What precedes it is a prefix.
  std::string_view anchor;
  /// The same where the file has the backbone alone. It counts only without a prefix: other
  /// families have it, too. Empty: none.
  std::string_view bare_anchor = {};
  /// Names that every complete network has.
  std::span<const std::string_view> needed;
  /// The family's own name (timm's) of a tensor, "" for a name that is not of this naming. Null
  /// where the names are timm's.
  std::string (*timm_name)(std::string_view name) = nullptr;
};

/// An argument of timm's constructor that a config or a training script may state.
struct ModelArgument {
  enum class Use : std::uint8_t {
    kHarmless,  ///< does not change the network
    kShown,     ///< the tensors show it too: compared with them
    kStated,    ///< only a config shows it: the network takes it
  };
  std::string_view key;
  /// kHarmless: the values that do no harm, as JSON texts separated by a space; "*": any.
  std::string_view values = "*";
  Use use = Use::kHarmless;
  std::string_view reason = {};  ///< against other values
};

/// A network of one family: the sizes of its layers, which only its family knows.
class Network {
 public:
  Network() = default;
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  virtual const Family& family() const = 0;

  /// The length of the pooled features, on which the classifier works.
  virtual std::int64_t features() const = 0;

  /// The modules of one tree, with empty tensors. Input (N, num_channels, H, W). Outputs: "logits"
  /// (N, num_labels), which are the pooled features for num_labels 0; with Head::kNone
  /// "last_hidden_state" (N, C, h, w) and "pooler_output", its mean (N, C, 1, 1). Throws
  /// UsageError for impossible sizes, UnsupportedError for a tree without such a network.
  virtual std::unique_ptr<Module> make(Form tree, const ModelConfig& config) const = 0;

  /// The config.json that transformers 5.23.0's save_pretrained writes, byte for byte.
  virtual std::string transformers_config(const ModelConfig& config) const = 0;

  /// timm's architecture and model_args of this network. Throws UnsupportedError, with the reason,
  /// where timm has no such network.
  virtual TimmConfig timm_config() const = 0;

  /// The Python code that makes torchvision's module `model`, for a card.
  virtual std::string torchvision_code(const ModelConfig& config) const = 0;

  /// "bottleneck blocks [3, 4, 6, 3], channels [256, 512, 1024, 2048]"
  virtual std::string describe() const = 0;

  /// The sizes as a JSON object, by the names of transformers' config.
  virtual std::string sizes_json() const = 0;
};

/// A network with its config: what a config.json states, or what tensors show.
struct Model {
  std::shared_ptr<const Network> network;
  ModelConfig config;
};

/// A family of networks: ResNets, RegNets. Stateless; one object for each, in families().
class Family {
 public:
  Family() = default;
  virtual ~Family() = default;
  Family(const Family&) = delete;
  Family& operator=(const Family&) = delete;

  virtual std::string_view model_type() const = 0;  ///< transformers' key: "resnet"
  virtual std::string_view name() const = 0;        ///< in a sentence: "ResNet"

  /// transformers' classes: first the one with a classifier, then those without.
  virtual std::span<const std::string_view> transformers_classes() const = 0;

  virtual std::span<const Dialect> dialects() const = 0;
  /// The module of the classifier in a tree: "fc", "classifier.1".
  virtual std::string_view head(Form tree) const = 0;
  /// timm's name of the first convolution: "conv1".
  virtual std::string_view first_convolution() const = 0;
  /// Whether a tensor in timm's names belongs to the network below its head.
  virtual bool is_of_backbone(std::string_view timm_name) const = 0;

  virtual std::span<const PretrainedCfg> tags() const = 0;
  virtual std::vector<std::string_view> architectures() const = 0;  ///< timm's, by size
  virtual std::span<const ModelArgument> arguments() const = 0;
  /// The name of a folder for an architecture, as the old scripts have it: "resnet-50".
  virtual std::string folder_name(std::string_view architecture) const = 0;

  /// Whether a state dict in timm's names, which `dialect` gave, has this family's network.
  virtual bool is_mine(const StateDict& tensors, const Dialect& dialect) const = 0;

  /// Reads a network from the names and shapes of its tensors, in timm's names. `num_labels` is the
  /// rows of the classifier, 0 without one; `dtype` the common dtype of the weights. Throws
  /// UnsupportedError, with the reason, for networks that transformers' class does not have and
  /// whose tensors show it. Throws NotFoundError for a missing tensor, MismatchError for a wrong
  /// rank. Cannot detect what leaves no trace in the tensors. Does not check every shape: loading
  /// into make() does.
  virtual Model from_tensors(const StateDict& tensors, const std::string& where) const = 0;

  /// Reads transformers' config.json, of any version. Throws FormatError for missing or wrong
  /// values and impossible sizes, UnsupportedError for an unsupported activation.
  virtual Model from_transformers_config(std::string_view json, const std::string& where) const = 0;

  /// The network that the tensors show, with what only a transformers config of this family
  /// states: strides, activation.
  virtual std::shared_ptr<const Network> merge(const Network& stated,
                                               const Network& shown) const = 0;

  /// The network that the tensors show, with what only timm's arguments state. `model_args`: a JSON
  /// object of the arguments that change the network. `architecture` is empty where only the
  /// arguments are known: those of a training script. Throws MismatchError where they state other
  /// sizes.
  virtual std::shared_ptr<const Network> merge_timm(std::string_view architecture,
                                                    std::string_view model_args,
                                                    std::shared_ptr<const Network> shown,
                                                    const std::string& where) const = 0;
};

}  // namespace weightlift
