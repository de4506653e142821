#include "weightlift/export/card_code.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "weightlift/base/text.h"
#include "weightlift/models/families.h"

namespace weightlift {

namespace {

constexpr std::string_view kLoading = "## How to load it\n\n```python\n";
constexpr std::string_view kCodeEnd = "```\n";
constexpr std::string_view kFromPretrained = ".from_pretrained(";
constexpr std::string_view kCreateModel = "timm.create_model(";

/// The argument of from_pretrained or create_model that finds the model.
std::string load_argument(Form form, const CardPlace& place) {
  const bool local = place.repo_id.empty();
  if (form == Form::kTimm) {
    const std::string at = place.revision.empty() ? "" : "@" + place.revision;
    return quoted(local ? "local-dir:" + place.folder : "hf-hub:" + place.repo_id + at);
  }
  return quoted(local ? place.folder : place.repo_id) +
         (place.revision.empty() ? "" : ", revision=" + quoted(place.revision));
}

/// Prints the five highest scores, computed as in transformers' pipeline.
void add_top_five(std::string& out, const ModelConfig& config, std::string_view logits,
                  std::string_view label) {
  const bool several = config.problem_type == ProblemType::kMultiLabel || config.num_labels == 1;
  const std::string_view scale = config.problem_type == ProblemType::kRegression ? ""
                                 : several                                       ? ".sigmoid()"
                                                                                 : ".softmax(-1)";
  out += fmt::format(
      "with torch.no_grad():\n    scores = {}{}[0]\n"
      "for i in scores.argsort(descending=True)[:5].tolist():\n    print(f\"{{scores[i]:.4f}}  "
      "{{{}}}\")\n",
      logits, scale, label);
}

void add_features(std::string& out, std::string_view features) {
  out += fmt::format("with torch.no_grad():\n    features = {}\nprint(features.shape)\n", features);
}

constexpr std::string_view kBlankImage = "Image.new(\"RGB\", (640, 480), \"gray\")";

/// Whether the processor accepts images for a network with this many channels.
bool takes_images(std::int64_t num_channels, std::size_t mean, std::size_t std) {
  const auto channels = static_cast<std::size_t>(num_channels);
  return (channels == 1 || channels == 3) && mean == channels && std == channels;
}

void add_transformers_use(std::string& out, const ModelConfig& config) {
  out += fmt::format("\nimage = load_image({})  # or load_image(\"photo.jpg\")\n", kBlankImage);
  out += config.num_channels == 1
             ? "pixels = np.asarray(image.convert(\"L\"))[..., None]\n"
               "inputs = processor(pixels, input_data_format=\"channels_last\", "
               "return_tensors=\"pt\")\n"
             : "inputs = processor(image, return_tensors=\"pt\")\n";
  const char* const output =
      config.dtype == DType::F32 ? "model(**inputs)" : "model(**inputs.to(model.dtype))";
  if (config.head == Head::kClassifier) {
    add_top_five(out, config, fmt::format("{}.logits", output), "model.config.id2label[i]");
  } else {
    add_features(out, fmt::format("{}.pooler_output.flatten(1)", output));
  }
}

void add_transformers(std::string& out, const CardFacts& facts) {
  const ModelConfig& config = facts.folder.config;
  const auto& processor = facts.folder.processor;
  const bool answers = config.head == Head::kNone || config.num_labels > 0;
  const bool used =
      processor && answers &&
      takes_images(config.num_channels, processor->image_mean.size(), processor->image_std.size());
  const std::string_view model = transformers_class(facts.folder.network->family(), config.head);
  if (used) {
    out += config.num_channels == 1 ? "import numpy as np\nimport torch\n" : "import torch\n";
    out += "from PIL import Image\n";
  }
  out += fmt::format("from transformers import {}{}\n", processor ? "AutoImageProcessor, " : "",
                     model);
  if (used) out += "from transformers.image_utils import load_image\n";
  const std::string from = load_argument(Form::kTransformers, {.folder = facts.name});
  out += '\n';
  if (processor) {
    out +=
        fmt::format("processor = AutoImageProcessor.from_pretrained({}, backend=\"pil\")\n", from);
  }
  out += fmt::format("model = {}.from_pretrained({})\n", model, from);
  if (used) add_transformers_use(out, config);
}

void add_timm(std::string& out, const CardFacts& facts) {
  const ModelConfig& config = facts.folder.config;
  const PretrainedClaims claims =
      facts.folder.timm ? facts.folder.timm->pretrained_cfg : PretrainedClaims{};
  const bool used = !claims.input_size.empty() &&
                    takes_images(config.num_channels, claims.mean.size(), claims.std.size());
  out += used ? "import timm\nimport torch\nfrom PIL import Image\n\n" : "import timm\n\n";
  out += fmt::format("model = timm.create_model({}, pretrained=True).eval()\n",
                     load_argument(Form::kTimm, {.folder = facts.name}));
  if (!used) return;
  out += fmt::format(
      "transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))\n\n"
      "image = {}  # or Image.open(\"photo.jpg\")\n"
      "inputs = transform(image.convert(\"{}\")).unsqueeze(0)\n",
      kBlankImage, config.num_channels == 1 ? "L" : "RGB");
  if (config.head == Head::kClassifier && config.num_labels > 0) {
    const bool named = facts.folder.timm && !facts.folder.timm->labels.empty();
    add_top_five(out, config, "model(inputs)",
                 named ? "model.pretrained_cfg['label_names'][i]" : "i");
  } else {
    add_features(out, "model(inputs)");
  }
}

void add_torchvision(std::string& out, const CardFacts& facts) {
  const ModelConfig& config = facts.folder.config;
  const std::string file = quoted(facts.name + "/" + weights_file(facts.folder));
  const bool bin = facts.folder.weights_format == WeightsFormat::kBin;
  const bool headless = config.head == Head::kNone || config.num_labels == 0;
  if (bin || headless) out += "import torch\n";
  if (!bin) out += "from safetensors.torch import load_file\n";
  const Network& network = *facts.folder.network;
  out += network.torchvision_code(config);
  if (headless) {
    out +=
        fmt::format("model.{} = torch.nn.Identity()\n", network.family().head(Form::kTorchvision));
  }
  out += fmt::format("model.load_state_dict({}({}))\nmodel.eval()\n",
                     bin ? "torch.load" : "load_file", file);
}

/// The model that the code of a card loads.
struct Loaded {
  Form form = Form::kTransformers;
  std::string_view argument;  // as load_argument() writes it
  std::string name;           // in the argument: a folder, or a repository's id
};

/// The Python string at the front, as quoted() writes it; empty where there is none.
std::string_view front_string(std::string_view code) {
  if (!code.starts_with('"')) return "";
  for (std::size_t i = 1; i < code.size() && code[i] != '\n'; ++i) {
    if (code[i] == '"') return code.substr(0, i + 1);
    if (code[i] == '\\') ++i;
  }
  return "";
}

std::string unquoted(std::string_view text) {
  const nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  return value.is_string() ? value.get<std::string>() : "";
}

/// `, revision="dev"` at the front; empty where there is none.
std::string_view front_revision(std::string_view code) {
  constexpr std::string_view kRevision = ", revision=";
  if (!code.starts_with(kRevision)) return "";
  const std::string_view revision = front_string(code.substr(kRevision.size()));
  return revision.empty() ? "" : code.substr(0, kRevision.size() + revision.size());
}

/// The repository or folder in "hf-hub:owner/name@revision" or "local-dir:name".
std::string name_in_address(const std::string& address) {
  constexpr std::string_view kHub = "hf-hub:";
  constexpr std::string_view kLocal = "local-dir:";
  if (address.starts_with(kLocal)) return address.substr(kLocal.size());
  if (!address.starts_with(kHub)) return "";
  return address.substr(kHub.size(), address.find('@') - kHub.size());
}

std::optional<Loaded> find_loaded(std::string_view code) {
  const std::size_t pretrained = code.find(kFromPretrained);
  const std::size_t created = code.find(kCreateModel);
  if (pretrained != code.npos) {
    code.remove_prefix(pretrained + kFromPretrained.size());
    const std::string_view name = front_string(code);
    const std::string_view revision = front_revision(code.substr(name.size()));
    return Loaded{Form::kTransformers, code.substr(0, name.size() + revision.size()),
                  unquoted(name)};
  }
  if (created == code.npos) return std::nullopt;
  const std::string_view address = front_string(code.substr(created + kCreateModel.size()));
  return Loaded{Form::kTimm, address, name_in_address(unquoted(address))};
}

}  // namespace

std::string title_line(const std::string& name) { return fmt::format("# {}\n", prose(name)); }

std::string loading_section(const CardFacts& facts) {
  std::string out(kLoading);
  switch (facts.folder.form) {
    case Form::kTransformers:
      add_transformers(out, facts);
      break;
    case Form::kTimm:
      add_timm(out, facts);
      break;
    case Form::kTorchvision:
      add_torchvision(out, facts);
      break;
  }
  return out += kCodeEnd;
}

std::string place_model_card(std::string card, const CardPlace& place) {
  const std::size_t begin = card.rfind(kLoading);
  if (begin == card.npos || card.find(" by weightlift: ") > begin) return card;
  const std::size_t end = card.find(kCodeEnd, begin + kLoading.size());
  if (end == card.npos) return card;
  std::string code = card.substr(begin, end - begin);
  const std::optional<Loaded> loaded = find_loaded(code);
  if (!loaded || loaded->name.empty()) return card;
  const auto find_title = [&](const std::string& name) {
    return std::min(card.find("\n" + title_line(name)), begin);
  };
  const bool titled = find_title(loaded->name) < begin;
  if (titled || loaded->name == place.folder) {
    const std::string_view call = loaded->form == Form::kTimm ? kCreateModel : kFromPretrained;
    const std::string before = fmt::format("{}{}", call, loaded->argument);
    replace_all(code, before, fmt::format("{}{}", call, load_argument(loaded->form, place)));
    card.replace(begin, end - begin, code);
  }
  const std::string old_title = "\n" + title_line(titled ? loaded->name : place.folder);
  const std::size_t title = card.find(old_title);
  if (title < begin) card.replace(title, old_title.size(), "\n" + title_line(place.repo_id));
  return card;
}

}  // namespace weightlift
