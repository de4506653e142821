#include "weightlift/export/model_card.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

/// A verified conversion of a folder whose config claims what timm stamps on every model.
CardFacts claimed_facts() {
  CardFacts facts;
  facts.name = "flowers";
  facts.folder.config.num_labels = 102;
  facts.parameters = 1'234'567;
  facts.provenance.source_name = "flowers-r50";
  facts.provenance.source_file = "model.safetensors";
  facts.provenance.source_sha256 = std::string(64, 'a');
  facts.provenance.architecture = "resnet50";
  facts.provenance.tag = "a1_in1k";
  facts.provenance.claimed_license = "apache-2.0";
  facts.provenance.claimed_origin_url = "https://github.com/huggingface/pytorch-image-models";
  facts.provenance.paper_ids = {"arXiv:2110.00476"};
  facts.verified = {.verified = true,
                    .tensors = 320,
                    .operations = 176,
                    .samples = 1,
                    .seed = 0,
                    .input_shape = {1, 3, 224, 224},
                    .outputs = "logits"};
  facts.folder.processor = ImageProcessor{};
  facts.labels_from = "the source's own";
  return facts;
}

CardFacts known_facts() {
  CardFacts facts = claimed_facts();
  facts.provenance.known_by = "by the file's sha256";
  facts.provenance.license = "apache-2.0";
  facts.provenance.base_model = "timm/resnet50.a1_in1k";
  facts.provenance.datasets = {"imagenet-1k"};
  facts.provenance.origin_url = "https://github.com/huggingface/pytorch-image-models";
  return facts;
}

std::string front_matter(const std::string& card) {
  return card.substr(0, card.find("\n---\n", 1) + 5);
}

TEST(ModelCardTest, StatesKnownWeightsAsFacts) {
  const std::string card = make_model_card(known_facts());
  EXPECT_EQ(front_matter(card),
            "---\n"
            "library_name: transformers\n"
            "pipeline_tag: image-classification\n"
            "license: \"apache-2.0\"\n"
            "base_model: \"timm/resnet50.a1_in1k\"\n"
            "datasets:\n"
            "- \"imagenet-1k\"\n"
            "tags:\n- resnet\n- timm\n- vision\n"
            "---\n");
  EXPECT_THAT(card,
              AllOf(HasSubstr("- weights: timm's `resnet50.a1_in1k`, known by the file's sha256\n"),
                    HasSubstr("- licence: `apache-2.0`\n"),
                    HasSubstr("- origin: `https://github.com/huggingface/pytorch-image-models`\n"),
                    HasSubstr("- papers: `arXiv:2110.00476`\n")));
  EXPECT_THAT(card, Not(HasSubstr("claims")));
}

TEST(ModelCardTest, StatesTheConfigsWordsAsClaims) {
  const std::string card = make_model_card(claimed_facts());
  EXPECT_EQ(front_matter(card),
            "---\nlibrary_name: transformers\npipeline_tag: image-classification\n"
            "tags:\n- resnet\n- timm\n- vision\n---\n");
  EXPECT_THAT(card,
              AllOf(HasSubstr("- the source's config claims the tag `a1_in1k`; timm stamps its "
                              "default tag on every model it builds"),
                    HasSubstr("- licence: not known; the source's config claims `apache-2.0`\n"),
                    HasSubstr("- origin: not known; the source's config claims `https://github")));
  EXPECT_THAT(card, Not(HasSubstr("arXiv")));
}

TEST(ModelCardTest, StatesTheUsersWordsAsSuch) {
  CardFacts facts = claimed_facts();
  facts.provenance.named_by_user = true;
  const std::string card = make_model_card(facts);
  EXPECT_THAT(
      card,
      AllOf(HasSubstr("- weights: those of the tag `a1_in1k`, as the user says; not checked\n"),
            HasSubstr("- licence: not known; timm's registry states for that tag `apache-2.0`\n")));
  EXPECT_THAT(card, Not(HasSubstr("the source's config")));
  EXPECT_THAT(front_matter(card), Not(HasSubstr("license")));
}

TEST(ModelCardTest, StatesFlagsAsFacts) {
  CardFacts facts = claimed_facts();
  facts.provenance.license = "mit";
  facts.provenance.base_model = "me/base";
  facts.provenance.datasets = {"flowers102", "mine"};
  const std::string card = make_model_card(facts);
  EXPECT_THAT(
      front_matter(card),
      HasSubstr(
          "license: \"mit\"\nbase_model: \"me/base\"\ndatasets:\n- \"flowers102\"\n- \"mine\"\n"));
  EXPECT_THAT(card, HasSubstr("- licence: `mit`\n"));
  EXPECT_THAT(card, HasSubstr("- the source's config claims the tag"));
}

TEST(ModelCardTest, SaysWhatIsNotKnown) {
  CardFacts facts = claimed_facts();
  facts.provenance.architecture = facts.provenance.tag = "";
  facts.provenance.claimed_license = facts.provenance.claimed_origin_url = "";
  const std::string card = make_model_card(facts);
  EXPECT_THAT(card,
              AllOf(HasSubstr("- architecture: assumed plain with ReLU, from the tensors alone"),
                    HasSubstr("- licence: not known\n")));
  EXPECT_THAT(card, Not(HasSubstr("origin")));
}

TEST(ModelCardTest, StatesSourceAndDigest) {
  EXPECT_THAT(make_model_card(claimed_facts()),
              HasSubstr("- source: `flowers-r50`, file `model.safetensors`, sha256 `" +
                        std::string(64, 'a') + "`\n"));
}

TEST(ModelCardTest, StatesWhatWasVerified) {
  EXPECT_THAT(make_model_card(claimed_facts()),
              AllOf(HasSubstr("- 320 tensors of the written file are bit-equal to the source's\n"),
                    HasSubstr("- both networks run the same 176 operations"),
                    HasSubstr("- logits of the written folder, read back from disk, equal the "
                              "source's bit for bit on 1 standard normal input of [1, 3, 224, 224] "
                              "(seed 0)\n")));
}

TEST(ModelCardTest, StatesWhatWasVerifiedAcrossDtypes) {
  CardFacts facts = claimed_facts();
  facts.folder.config.dtype = DType::F16;
  facts.verified.samples = 2;
  facts.verified.max_abs = 0.00012345;
  facts.verified.mean_abs = 0.00004;
  EXPECT_THAT(
      make_model_card(facts),
      AllOf(HasSubstr("bit-equal to the source's after their change from float32 to float16\n"),
            HasSubstr(
                "equal, bit for bit, those of the source's weights rounded to float16, "
                "which changed them by at most 0.000123, 4e-05 on average, on 2 standard normal "
                "inputs")));
}

TEST(ModelCardTest, SaysThatNothingWasVerified) {
  CardFacts facts = claimed_facts();
  facts.verified = {};
  const std::string card = make_model_card(facts);
  EXPECT_THAT(card, HasSubstr("**Nothing: this conversion was not verified.**"));
  EXPECT_THAT(card, Not(HasSubstr("bit-equal")));
}

TEST(ModelCardTest, SaysHowToLoadAClassifier) {
  EXPECT_THAT(
      make_model_card(claimed_facts()),
      HasSubstr("```python\n"
                "from transformers import AutoImageProcessor, ResNetForImageClassification\n\n"
                "processor = AutoImageProcessor.from_pretrained(\"flowers\")\n"
                "model = ResNetForImageClassification.from_pretrained(\"flowers\")\n```\n"));
}

TEST(ModelCardTest, SaysHowToLoadABackbone) {
  CardFacts facts = claimed_facts();
  facts.folder.config.head = Head::kNone;
  facts.folder.processor.reset();
  facts.verified.outputs = "last_hidden_state and pooler_output";
  const std::string card = make_model_card(facts);
  EXPECT_THAT(card, HasSubstr("from transformers import ResNetModel\n\nmodel = "
                              "ResNetModel.from_pretrained(\"flowers\")\n"));
  EXPECT_THAT(front_matter(card), HasSubstr("pipeline_tag: image-feature-extraction\n"));
  EXPECT_THAT(card, AllOf(HasSubstr("no head"), HasSubstr("last_hidden_state and pooler_output of"),
                          Not(HasSubstr("- labels:"))));
}

TEST(ModelCardTest, RepeatsTheNotes) {
  CardFacts facts = claimed_facts();
  facts.notes = {"pixels differ from timm's: the crop", "second"};
  EXPECT_THAT(
      make_model_card(facts),
      HasSubstr("- pixels differ from timm's: the crop\n- second\n- labels: the source's own\n"));
}

TEST(ModelCardTest, IsTheSameForTheSameFacts) {
  EXPECT_EQ(make_model_card(known_facts()), make_model_card(known_facts()));
}

// Names, tags and notes come from files that nobody vouches for.

TEST(ModelCardTest, HostileWordsStayScalarsOfTheFrontMatter) {
  CardFacts facts = claimed_facts();
  facts.provenance.license = "mit\n---\n# fake";
  facts.provenance.base_model = "a: b # \"c\" \\ d";
  facts.provenance.datasets = {"- x", "\xff\xfe", "\u00e9\U0001f986"};
  const std::string card = make_model_card(facts);
  EXPECT_THAT(front_matter(card), HasSubstr("license: \"mit\\\\x0a---\\\\x0a# fake\"\n"
                                            "base_model: \"a: b # \\\"c\\\" \\\\ d\"\n"
                                            "datasets:\n"
                                            "- \"- x\"\n"
                                            "- \"\\\\xff\\\\xfe\"\n"
                                            "- \"\u00e9\U0001f986\"\n"
                                            "tags:\n"));
}

TEST(ModelCardTest, HostileWordsStayWords) {
  CardFacts facts = claimed_facts();
  facts.name = "<script>\n# [x](y)";
  facts.notes = {"<img src=x>\n`code` [link](http://x)"};
  facts.labels_from = "the tag <b>";
  facts.provenance.tag = "a`b`\nc";
  facts.provenance.source_name = "`; rm\x1b[2J";
  const std::string card = make_model_card(facts);
  EXPECT_THAT(
      card, AllOf(HasSubstr("\n# \\<script\\>\\\\x0a# \\[x\\](y)\n"),
                  HasSubstr("- \\<img src=x\\>\\\\x0a\\`code\\` \\[link\\](http://x)\n"),
                  HasSubstr("- labels: the tag \\<b\\>\n"), HasSubstr("claims the tag `ab\\x0ac`;"),
                  HasSubstr("- source: `; rm\\x1b[2J`, file")));
}

TEST(ModelCardTest, HostileNamesStayStringsOfPython) {
  CardFacts facts = claimed_facts();
  facts.name = "a\"); import os; (\"\\";
  EXPECT_THAT(
      make_model_card(facts),
      HasSubstr(
          R"(model = ResNetForImageClassification.from_pretrained("a\"); import os; (\"\\"))"));
}

}  // namespace
}  // namespace weightlift
