#include "weightlift/report/convert_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "weightlift/base/message.h"
#include "weightlift/base/nearest.h"
#include "weightlift/report/request_words.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

/// One option as a JSON value, which must have the option's type.
class OptionValue {
 public:
  OptionValue(const std::string& name, const Json& value) : name_(name), value_(value) {}

  std::string text() const { return as<std::string>(value_.is_string(), "a string"); }
  bool flag() const { return as<bool>(value_.is_boolean(), "a boolean"); }
  double number() const { return as<double>(value_.is_number(), "a number"); }
  bool is_text() const { return value_.is_string(); }

  /// An unset variable of a script would mean a repository of one's own.
  std::string repository() const {
    if (text().empty())
      throw UsageError(name_, "expected OWNER/NAME or a boolean, got an empty text");
    return text();
  }

  /// An integer that fits T.
  template <class T>
  T integer() const {
    const bool fits =
        value_.is_number_unsigned()
            ? std::in_range<T>(value_.get<std::uint64_t>())
            : value_.is_number_integer() && std::in_range<T>(value_.get<std::int64_t>());
    return as<T>(fits, std::is_unsigned_v<T> ? "an integer >= 0" : "an integer in range");
  }

  /// A string, or an array of them.
  std::vector<std::string> texts() const {
    if (value_.is_string()) return {text()};
    const bool all = value_.is_array() &&
                     std::ranges::all_of(value_, [](const Json& item) { return item.is_string(); });
    return as<std::vector<std::string>>(all, "a string or an array of strings");
  }

  std::string choice(std::span<const char* const> choices) const {
    std::string word = text();
    if (std::ranges::find(choices, std::string_view(word)) == choices.end()) {
      throw UsageError(name_, fmt::format("expected one of {}, got '{}'", fmt::join(choices, ", "),
                                          printable(word)));
    }
    return word;
  }

 private:
  template <class T>
  T as(bool right, const char* expected) const {
    if (!right) {
      const std::string got = value_.dump(-1, ' ', false, Json::error_handler_t::replace);
      throw UsageError(name_, fmt::format("expected {}, got {}", expected, printable(got)));
    }
    return value_.get<T>();
  }

  const std::string& name_;
  const Json& value_;
};

using Setter = void (*)(ConvertOptions&, const OptionValue&);
using Setters = std::map<std::string_view, Setter>;

/// What names the source, the network in it, and the new folder.
const Setters& network_setters() {
  static const Setters setters = {
      {"output", [](auto& o, const auto& v) { o.request.output = v.text(); }},
      {"name", [](auto& o, const auto& v) { o.request.name = v.text(); }},
      {"as", [](auto& o, const auto& v) { o.as = v.text(); }},
      {"config", [](auto& o, const auto& v) { o.request.hints.config = v.text(); }},
      {"weights_key", [](auto& o, const auto& v) { o.request.hints.weights_key = v.text(); }},
      {"head_key", [](auto& o, const auto& v) { o.request.hints.head_key = v.text(); }},
      {"ignore", [](auto& o, const auto& v) { o.request.hints.ignore = v.texts(); }},
      {"force", [](auto& o, const auto& v) { o.request.force = v.flag(); }},
      {"if_changed", [](auto& o, const auto& v) { o.request.if_changed = v.flag(); }},
      {"checksum", [](auto& o, const auto& v) { o.request.checksum = v.flag(); }},
      {"to", [](auto& o, const auto& v) { o.to = v.choice(kForms); }},
      {"weights_format",
       [](auto& o, const auto& v) { o.weights_format = v.choice(kWeightsFormats); }},
      {"dtype", [](auto& o, const auto& v) { o.dtype = v.choice(kOutputDtypes); }},
      {"head", [](auto& o, const auto& v) { o.head = v.choice(kHeads); }},
      {"dry_run", [](auto& o, const auto& v) { o.request.dry_run = v.flag(); }},
      {"fsync", [](auto& o, const auto& v) { o.request.fsync = v.flag(); }}};
  return setters;
}

/// Labels, image processor, card and verification.
const Setters& content_setters() {
  static const Setters setters = {
      {"id2label", [](auto& o, const auto& v) { o.id2label = v.text(); }},
      {"image_processor", [](auto& o, const auto& v) { o.image_processor = v.text(); }},
      {"license", [](auto& o, const auto& v) { o.request.license = v.text(); }},
      {"base_model", [](auto& o, const auto& v) { o.request.base_model = v.text(); }},
      {"dataset", [](auto& o, const auto& v) { o.request.datasets = v.texts(); }},
      {"image",
       [](auto& o, const auto& v) {
         for (const std::string& file : v.texts()) o.request.images.emplace_back(file);
       }},
      {"verify", [](auto& o, const auto& v) { o.no_verify = !v.flag(); }},
      {"samples",
       [](auto& o, const auto& v) {
         o.request.verify_options.samples = v.template integer<std::int64_t>();
       }},
      {"seed",
       [](auto& o, const auto& v) {
         o.request.verify_options.seed = v.template integer<std::uint64_t>();
       }},
      {"threads",
       [](auto& o, const auto& v) {
         o.request.verify_options.threads = v.template integer<int>();
       }},
      {"rtol", [](auto& o, const auto& v) { o.request.verify_options.rtol = v.number(); }},
      {"atol", [](auto& o, const auto& v) { o.request.verify_options.atol = v.number(); }}};
  return setters;
}

const Setters& publish_setters() {
  static const Setters setters = {
      {"push_to_hub",
       [](auto& o, const auto& v) {
         o.push = v.is_text() || v.flag();
         if (v.is_text()) o.publish.repo_id = v.repository();
       }},
      {"repo_id", [](auto& o, const auto& v) { o.publish.repo_id = v.text(); }},
      {"organization", [](auto& o, const auto& v) { o.publish.organization = v.text(); }},
      {"private", [](auto& o, const auto& v) { o.publish.private_repo = v.flag(); }},
      {"create_pr", [](auto& o, const auto& v) { o.publish.create_pr = v.flag(); }},
      {"revision", [](auto& o, const auto& v) { o.publish.revision = v.text(); }},
      {"commit_message", [](auto& o, const auto& v) { o.publish.commit_message = v.text(); }},
      {"accept_license", [](auto& o, const auto& v) { o.publish.accepted_license = v.text(); }}};
  return setters;
}

/// The setter of an option. Throws UsageError where there is none.
Setter setter_of(const std::string& name) {
  std::vector<std::string> known;
  for (const Setters* setters : {&network_setters(), &content_setters(), &publish_setters()}) {
    if (const auto found = setters->find(name); found != setters->end()) return found->second;
    for (const auto& [other, setter] : *setters) known.emplace_back(other);
  }
  throw UsageError(printable(name), "unknown option", did_you_mean(nearest(name, known, 1)));
}

/// The options of publishing, which only count with push_to_hub.
void add_publish(Json& json, const PublishOptions& publish) {
  json["commit_message"] = publish.commit_message;
  json["repo_id"] = publish.repo_id;
  json["organization"] = publish.organization;
  json["private"] = publish.private_repo;
  json["create_pr"] = publish.create_pr;
  json["revision"] = publish.revision;
}

}  // namespace

ConvertOptions parse_convert_options(const Json& options, const ConvertOptions& defaults) {
  ConvertOptions parsed = defaults;
  for (const auto& [name, value] : options.items()) {
    const Setter set = setter_of(name);
    if (!value.is_null()) set(parsed, OptionValue(name, value));
  }
  if (!parsed.push && parsed.publish != PublishOptions()) {
    throw UsageError("push_to_hub", "missing; other options for publishing need it");
  }
  if (parsed.request.checksum && !parsed.request.if_changed) {
    throw UsageError("checksum", "only decides how if_changed compares");
  }
  return parsed;
}

ConversionRequest to_request(const ConvertOptions& options) {
  ConversionRequest request = options.request;
  if (!options.as.empty()) request.hints.as = options.as;
  request.verify = !options.no_verify;
  request.head = options.head == "none" ? Head::kNone : Head::kClassifier;
  static const std::map<std::string, Form> forms = {{"transformers", Form::kTransformers},
                                                    {"timm", Form::kTimm},
                                                    {"torchvision", Form::kTorchvision}};
  request.to = forms.at(options.to);
  if (!options.weights_format.empty()) {
    request.weights_format =
        options.weights_format == "bin" ? WeightsFormat::kBin : WeightsFormat::kSafetensors;
  }
  request.dtype = parse_torch_dtype(options.dtype);  // keep: none
  request.id2label = parse_labels_from(options.id2label);
  request.image_processor = parse_processor_from(options.image_processor);
  if (options.push) request.publish = options.publish;
  return request;
}

Json options_json(const ConvertOptions& options) {
  const ConversionRequest& request = options.request;
  Json json = {{"output", request.output.string()},
               {"name", request.name},
               {"as", options.as},
               {"config", request.hints.config},
               {"weights_key", request.hints.weights_key},
               {"head_key", request.hints.head_key},
               {"ignore", request.hints.ignore},
               {"force", request.force},
               {"if_changed", request.if_changed},
               {"checksum", request.checksum},
               {"to", options.to},
               {"weights_format", options.weights_format},
               {"dtype", options.dtype},
               {"head", options.head},
               {"dry_run", request.dry_run},
               {"id2label", options.id2label},
               {"image_processor", options.image_processor},
               {"verify", !options.no_verify},
               {"samples", request.verify_options.samples},
               {"seed", request.verify_options.seed},
               {"threads", request.verify_options.threads},
               {"image", Json::array()},
               {"license", request.license},
               {"base_model", request.base_model},
               {"dataset", request.datasets},
               {"fsync", request.fsync},
               {"report", options.report},
               {"push_to_hub", options.push}};
  for (const auto& image : request.images) json["image"].push_back(image.string());
  if (request.verify_options.rtol) json["rtol"] = *request.verify_options.rtol;
  if (request.verify_options.atol) json["atol"] = *request.verify_options.atol;
  if (options.push) add_publish(json, options.publish);
  return json;
}

}  // namespace weightlift
