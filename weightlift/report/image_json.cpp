#include "weightlift/report/image_json.h"

#include <nlohmann/json.hpp>

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

}  // namespace

Json image_json(const Subject& subject, const std::string& image, const Classified& result,
                const std::vector<Prediction>& predictions, const Notes& notes) {
  Json json = result.error ? failure_json(subject, *result.error) : begin_json(subject, "ok");
  json["image"] = image;
  json["notes"] = to_json(notes);
  if (result.error) return json;
  json["predictions"] = Json::array();
  for (const Prediction& prediction : predictions) {
    json["predictions"].push_back({{"id", prediction.id},
                                   {"label", prediction.label},
                                   {"score", static_cast<double>(prediction.score)}});
  }
  return json;
}

}  // namespace weightlift
