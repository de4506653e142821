#include "weightlift/report/json_object.h"

#include <nlohmann/json.hpp>

#include "weightlift/report/phrase.h"

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "weightlift/1";

}  // namespace

Json begin_json(const Subject& subject, std::string_view status) {
  Json json = {{"schema", kSchema}, {"type", subject.type}};
  if (!subject.source.empty()) json["source"] = subject.source;
  json["status"] = status;
  return json;
}

Json to_json(const Error& error) {
  Json json = {{"kind", to_string(error.kind())},
               {"where", phrase_place(error.where())},
               {"message", phrase_message(error)}};
  if (!error.hints().empty()) {
    json["hints"] = Json::array();
    for (const Hint& hint : error.hints()) json["hints"].push_back(to_string(hint.code));
  }
  if (const auto* hub = dynamic_cast<const HubError*>(&error)) {
    if (hub->status() != 0) json["http_status"] = hub->status();
    if (!hub->request_id().empty()) json["request_id"] = hub->request_id();
  }
  return json;
}

Json to_json(const Notes& notes) {
  Json list = Json::array();
  for (const Note& note : notes) {
    Json parameters = Json::object();
    for (const auto& [name, value] : note.parameters) parameters[name] = value;
    list.push_back({{"code", to_string(note.code)},
                    {"severity", to_string(severity_of(note.code))},
                    {"where", note.where},
                    {"message", phrase_message(note)},
                    {"parameters", std::move(parameters)}});
  }
  return list;
}

Json failure_json(const Subject& subject, const Error& error) {
  const bool stopped = error.kind() == ErrorKind::kInterrupted;
  Json json = begin_json(subject, stopped ? "interrupted" : "failed");
  json["error"] = to_json(error);
  return json;
}

}  // namespace weightlift
