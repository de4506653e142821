#include "weightlift/report/diff_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace weightlift {

namespace {

using Json = nlohmann::ordered_json;

/// JSON has no infinities: null.
Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json facts_json(const TensorFacts& facts) {
  return {{"name", facts.name}, {"dtype", to_string(facts.dtype)}, {"shape", facts.shape}};
}

Json to_json(const TensorDifference& found) {
  Json json = {{"kind", to_string(found.kind)}};
  if (found.a) json["a"] = facts_json(*found.a);
  if (found.b) json["b"] = facts_json(*found.b);
  if (found.values) {
    json["max_abs"] = finite(found.values->max_abs);
    json["max_rel"] = finite(found.values->max_rel);
    json["different"] = found.values->different_count;
  }
  if (found.kind == DifferenceKind::kDtype) json["equal_after_rounding"] = found.equal_rounded;
  return json;
}

Json to_json(const std::string& given, const DiffSide& side) {
  Json json = {{"source", given},
               {"file", side.checkpoint.path.string()},
               {"format", to_string(side.checkpoint.format)},
               {"tensors", side.tensors.size()},
               {"counters_added", side.counters_added},
               {"notes", to_json(side.notes)}};
  if (!side.not_convertible.empty()) json["not_convertible"] = side.not_convertible;
  return json;
}

}  // namespace

Json diff_json(const Subject& subject, const std::string& b, const DiffResult& result) {
  const CheckpointDiff& diff = result.diff;
  Json json = begin_json(subject, diff.differences.empty() ? "ok" : "different");
  json["a"] = to_json(subject.source, result.a);
  json["b"] = to_json(b, result.b);
  json["tensors"] = diff.tensors;
  json["equal_tensors"] = diff.equal_count();
  json["differences"] = Json::array();
  for (const TensorDifference& found : diff.differences) {
    json["differences"].push_back(to_json(found));
  }
  return json;
}

}  // namespace weightlift
