#include "weightlift/models/shared_modules.h"

#include <utility>

#include "weightlift/nn/layers.h"

namespace weightlift {

namespace {

/// transformers' ResNetModel and RegNetModel.
class HfModel : public Module {
 public:
  HfModel(std::unique_ptr<Module> embedder, std::unique_ptr<Module> encoder, Head head)
      : head_(head) {
    embedder_ = &add_module("embedder", std::move(embedder));
    encoder_ = &add_module("encoder", std::move(encoder));
    pooler_ = &make_module<AdaptiveAvgPool2d>("pooler");
  }

 protected:
  Value forward(Value x) const override {
    x = (*encoder_)((*embedder_)(x));
    if (head_ == Head::kNone) x.graph->mark_output(x, "last_hidden_state");
    x = (*pooler_)(x);
    if (head_ == Head::kNone) x.graph->mark_output(x, "pooler_output");
    return x;
  }

 private:
  Head head_;
  Module *embedder_, *encoder_, *pooler_;
};

class HfForImageClassification : public Module {
 public:
  HfForImageClassification(const char* base, std::unique_ptr<Module> model, std::int64_t features,
                           std::int64_t num_labels) {
    model_ = &add_module(base, std::move(model));
    auto& classifier = make_module<Sequential>("classifier");
    classifier.append<Flatten>();
    if (num_labels > 0) {
      classifier.append<Linear>(LinearOptions{.in_features = features, .out_features = num_labels});
    }
    classifier_ = &classifier;
  }

 protected:
  Value forward(Value x) const override { return (*classifier_)((*model_)(x)); }

 private:
  Module *model_, *classifier_;
};

}  // namespace

SelectAdaptivePool2d::SelectAdaptivePool2d(Head head) {
  pool_ = &make_module<AdaptiveAvgPool2d>("pool");
  if (head == Head::kClassifier) flatten_ = &make_module<Flatten>("flatten");
}

Value SelectAdaptivePool2d::forward(Value x) const {
  x = (*pool_)(x);
  return flatten_ != nullptr ? (*flatten_)(x) : x;
}

std::unique_ptr<Module> make_hf_network(const char* base, std::unique_ptr<Module> embedder,
                                        std::unique_ptr<Module> encoder, std::int64_t features,
                                        std::int64_t num_labels, Head head) {
  auto model = std::make_unique<HfModel>(std::move(embedder), std::move(encoder), head);
  if (head == Head::kNone) return model;
  return std::make_unique<HfForImageClassification>(base, std::move(model), features, num_labels);
}

}  // namespace weightlift
