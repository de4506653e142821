#include "weightlift/export/model_card.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/network_of.h"
#include "weightlift/base/text.h"
#include "weightlift/models/registry.h"
#include "weightlift/models/timm_config.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

/// A verified conversion of a folder whose config has the claims that timm writes into every model.
CardFacts claimed_facts() {
  CardFacts facts;
  facts.name = "flowers";
  facts.folder.network = testing::network_of();
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
  facts.labels_from = "from the source";
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
                    HasSubstr("- license: `apache-2.0`\n"),
                    HasSubstr("- origin: `https://github.com/huggingface/pytorch-image-models`\n"),
                    HasSubstr("- papers: `arXiv:2110.00476`\n")));
  EXPECT_THAT(card, Not(HasSubstr("claims")));
}

TEST(ModelCardTest, StatesTheConfigsClaimsAsClaims) {
  const std::string card = make_model_card(claimed_facts());
  EXPECT_EQ(front_matter(card),
            "---\nlibrary_name: transformers\npipeline_tag: image-classification\n"
            "tags:\n- resnet\n- timm\n- vision\n---\n");
  EXPECT_THAT(
      card, AllOf(HasSubstr("- the source's config claims the tag `a1_in1k`, which proves nothing: "
                            "timm writes its default tag into every model that it builds\n"),
                  HasSubstr("- license: unknown; the source's config claims `apache-2.0`\n"),
                  HasSubstr("- origin: unknown; the source's config claims `https://github")));
  EXPECT_THAT(card, Not(HasSubstr("arXiv")));
}

TEST(ModelCardTest, StatesTheUsersStatementsAsSuch) {
  CardFacts facts = claimed_facts();
  facts.provenance.named_by_user = true;
  const std::string card = make_model_card(facts);
  EXPECT_THAT(
      card,
      AllOf(HasSubstr("- weights: tag `a1_in1k`, stated by the user and not checked\n"),
            HasSubstr("- license: unknown; for this tag, timm's registry states `apache-2.0`\n")));
  EXPECT_THAT(card, Not(HasSubstr("the source's config")));
  EXPECT_THAT(front_matter(card), Not(HasSubstr("license")));
}

TEST(ModelCardTest, StatesOptionsAsFacts) {
  CardFacts facts = claimed_facts();
  facts.provenance.license = "mit";
  facts.provenance.base_model = "me/base";
  facts.provenance.datasets = {"flowers102", "mine"};
  const std::string card = make_model_card(facts);
  EXPECT_THAT(
      front_matter(card),
      HasSubstr(
          "license: \"mit\"\nbase_model: \"me/base\"\ndatasets:\n- \"flowers102\"\n- \"mine\"\n"));
  EXPECT_THAT(card, HasSubstr("- license: `mit`\n"));
  EXPECT_THAT(card, HasSubstr("- the source's config claims the tag"));
}

TEST(ModelCardTest, StatesUnknownFacts) {
  CardFacts facts = claimed_facts();
  facts.provenance.architecture = facts.provenance.tag = "";
  facts.provenance.claimed_license = facts.provenance.claimed_origin_url = "";
  const std::string card = make_model_card(facts);
  EXPECT_THAT(card,
              AllOf(HasSubstr("- architecture: a standard timm ResNet with ReLU, assumed because "
                              "there is no config\n"),
                    HasSubstr("- license: unknown\n")));
  EXPECT_THAT(card, Not(HasSubstr("origin")));
}

TEST(ModelCardTest, StatesSourceAndDigest) {
  EXPECT_THAT(make_model_card(claimed_facts()),
              HasSubstr("- source: `flowers-r50`, file `model.safetensors`, sha256 `" +
                        std::string(64, 'a') + "`\n"));
}

TEST(ModelCardTest, StatesTheVerification) {
  EXPECT_THAT(
      make_model_card(claimed_facts()),
      AllOf(
          HasSubstr("- 320 tensors of the written file are bit-equal to the source's\n"),
          HasSubstr("- both networks run the same 176 operations"),
          HasSubstr(
              "- logits of the folder, read back from disk, equal those of the source bit for bit "
              "on 1 standard normal input of [1, 3, 224, 224] (seed 0)\n\n")));
}

TEST(ModelCardTest, StatesTheVerificationAcrossDtypes) {
  CardFacts facts = claimed_facts();
  facts.folder.config.dtype = DType::F16;
  facts.verified.samples = 2;
  facts.verified.max_abs = 0.00012345;
  facts.verified.mean_abs = 0.00004;
  EXPECT_THAT(
      make_model_card(facts),
      AllOf(
          HasSubstr("bit-equal to the source's after conversion from float32 to float16\n"),
          HasSubstr("- logits of the folder, read back from disk, equal those of the source, "
                    "with its weights rounded to float16, bit for bit on 2 standard normal inputs"),
          HasSubstr("\n- the rounding changed logits by at most 0.000123, on average by "
                    "4e-05\n\n")));
}

TEST(ModelCardTest, StatesAMissingVerification) {
  CardFacts facts = claimed_facts();
  facts.verified = {};
  const std::string card = make_model_card(facts);
  EXPECT_THAT(card, HasSubstr("**Nothing: this conversion was not verified.**"));
  EXPECT_THAT(card, Not(HasSubstr("bit-equal")));
}

TEST(ModelCardTest, ShowsHowToUseAClassifier) {
  EXPECT_THAT(make_model_card(claimed_facts()), EndsWith(R"(## How to load it

```python
import torch
from PIL import Image
from transformers import AutoImageProcessor, ResNetForImageClassification
from transformers.image_utils import load_image

processor = AutoImageProcessor.from_pretrained("flowers", backend="pil")
model = ResNetForImageClassification.from_pretrained("flowers")

image = load_image(Image.new("RGB", (640, 480), "gray"))  # or load_image("photo.jpg")
inputs = processor(image, return_tensors="pt")
with torch.no_grad():
    scores = model(**inputs).logits.softmax(-1)[0]
for i in scores.argsort(descending=True)[:5].tolist():
    print(f"{scores[i]:.4f}  {model.config.id2label[i]}")
```
)"));
}

TEST(ModelCardTest, ComputesTheScoresOfTheProblemType) {
  CardFacts facts = claimed_facts();
  ModelConfig& config = facts.folder.config;
  config.problem_type = ProblemType::kMultiLabel;
  EXPECT_THAT(make_model_card(facts), HasSubstr(".logits.sigmoid()[0]\n"));
  config.problem_type = ProblemType::kRegression;
  EXPECT_THAT(make_model_card(facts), HasSubstr(".logits[0]\n"));
  config.problem_type = ProblemType::kUnstated;
  config.num_labels = 1;
  EXPECT_THAT(make_model_card(facts), HasSubstr(".logits.sigmoid()[0]\n"));
  config.dtype = DType::BF16;
  EXPECT_THAT(make_model_card(facts), HasSubstr("model(**inputs.to(model.dtype)).logits"));
}

TEST(ModelCardTest, ShowsOnlyCodeThatRuns) {
  CardFacts facts = claimed_facts();
  facts.folder.config.num_channels = 1;
  EXPECT_THAT(make_model_card(facts),
              AllOf(HasSubstr("AutoImageProcessor"), Not(HasSubstr("image = "))));
  facts.folder.processor->image_mean = facts.folder.processor->image_std = {{0.5}};
  EXPECT_THAT(make_model_card(facts), HasSubstr("image.convert(\"L\")"));
  facts.folder.config.num_labels = 0;
  EXPECT_THAT(make_model_card(facts), Not(HasSubstr("image = ")));
  facts = claimed_facts();
  facts.folder.processor.reset();
  EXPECT_THAT(make_model_card(facts),
              EndsWith("```python\nfrom transformers import ResNetForImageClassification\n\n"
                       "model = ResNetForImageClassification.from_pretrained(\"flowers\")\n```\n"));
}

CardFacts timm_facts() {
  CardFacts facts = claimed_facts();
  facts.folder.form = Form::kTimm;
  facts.folder.timm = timm_config_of(*find_pretrained("resnet18"));
  return facts;
}

TEST(ModelCardTest, ShowsHowToUseATimmModel) {
  CardFacts facts = timm_facts();
  EXPECT_THAT(make_model_card(facts), EndsWith(R"(## How to load it

```python
import timm
import torch
from PIL import Image

model = timm.create_model("local-dir:flowers", pretrained=True).eval()
transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))

image = Image.new("RGB", (640, 480), "gray")  # or Image.open("photo.jpg")
inputs = transform(image.convert("RGB")).unsqueeze(0)
with torch.no_grad():
    scores = model(inputs).softmax(-1)[0]
for i in scores.argsort(descending=True)[:5].tolist():
    print(f"{scores[i]:.4f}  {i}")
```
)"));
  facts.folder.timm->labels = {"a", "b"};
  EXPECT_THAT(make_model_card(facts), HasSubstr("{model.pretrained_cfg['label_names'][i]}"));
  facts.folder.timm->pretrained_cfg = {};
  EXPECT_THAT(make_model_card(facts),
              EndsWith("import timm\n\nmodel = timm.create_model(\"local-dir:"
                       "flowers\", pretrained=True).eval()\n```\n"));
}

TEST(ModelCardTest, ShowsHowToLoadAStateDict) {
  CardFacts facts = claimed_facts();
  facts.folder.form = Form::kTorchvision;
  facts.folder.config.head = Head::kNone;
  EXPECT_THAT(make_model_card(facts),
              AllOf(HasSubstr("import torch\nfrom safetensors.torch import load_file\n"),
                    HasSubstr("model.fc = torch.nn.Identity()\n"),
                    HasSubstr("load_file(\"flowers/model.safetensors\"))\nmodel.eval()\n")));
}

// A card in a repository names the repository.

std::string placed(std::string card, const CardPlace& place = {"flowers", "alice/net", ""}) {
  return place_model_card(std::move(card), place);
}

TEST(PlacedCardTest, NamesItsRepository) {
  CardFacts facts = claimed_facts();
  const std::string card = placed(make_model_card(facts));
  EXPECT_THAT(card, AllOf(HasSubstr("\n# alice/net\n"),
                          HasSubstr("AutoImageProcessor.from_pretrained(\"alice/net\", backend="),
                          HasSubstr("Classification.from_pretrained(\"alice/net\")\n"),
                          Not(HasSubstr("\"flowers\"")), HasSubstr("- source: `flowers-r50`")));
  facts.name = "alice/net";
  EXPECT_EQ(card, make_model_card(facts));
  EXPECT_THAT(
      placed(make_model_card(timm_facts())),
      AllOf(HasSubstr("\n# alice/net\n"), HasSubstr("create_model(\"hf-hub:alice/net\", ")));
}

TEST(PlacedCardTest, NamesItsBranch) {
  const CardPlace branch{"flowers", "alice/net", "v2"};
  EXPECT_THAT(placed(make_model_card(claimed_facts()), branch),
              AllOf(HasSubstr("from_pretrained(\"alice/net\", revision=\"v2\", backend=\"pil\")"),
                    HasSubstr("from_pretrained(\"alice/net\", revision=\"v2\")\n")));
  EXPECT_THAT(placed(make_model_card(timm_facts()), branch),
              HasSubstr("create_model(\"hf-hub:alice/net@v2\", "));
}

TEST(PlacedCardTest, NamesAnotherRepositoryLater) {
  const CardPlace next{"somewhere", "bob/other", ""};
  for (const CardFacts& facts : {claimed_facts(), timm_facts()}) {
    const std::string card = make_model_card(facts);
    const CardPlace at_next{"flowers", "bob/other", ""};
    const std::string expected = placed(card, at_next);
    EXPECT_EQ(placed(placed(card), next), expected);
    EXPECT_EQ(placed(placed(card, {"flowers", "alice/net", "v2"}), next), expected);
    EXPECT_EQ(placed(expected, next), expected);
  }
}

TEST(PlacedCardTest, RecognizesTheCardOfARenamedFolder) {
  EXPECT_THAT(placed(make_model_card(claimed_facts()), {"renamed", "alice/net", ""}),
              AllOf(HasSubstr("\n# alice/net\n"), HasSubstr("from_pretrained(\"alice/net\")")));
}

TEST(PlacedCardTest, KeepsEditsOfTheUser) {
  const auto edit = [](std::string_view what, std::string_view by) {
    std::string card = make_model_card(claimed_facts());
    replace_all(card, what, by);
    return card;
  };
  EXPECT_THAT(placed(edit("# flowers\n", "# My flowers\n")),
              AllOf(HasSubstr("\n# My flowers\n"), HasSubstr("from_pretrained(\"alice/net\")")));
  EXPECT_THAT(placed(edit("pretrained(\"flowers\"", "pretrained(\"bob/old\"")),
              AllOf(HasSubstr("\n# alice/net\n"), HasSubstr("from_pretrained(\"bob/old\")")));
  EXPECT_THAT(placed(edit("from_pretrained(\"flowers\")", "from_pretrained(\"flowers\", dtype=x)")),
              HasSubstr("from_pretrained(\"alice/net\", dtype=x)"));
  const std::string both = edit("flowers", "mine/f");
  EXPECT_EQ(placed(both, {"flowers", "mine/f", ""}), both);
}

TEST(PlacedCardTest, KeepsOtherCards) {
  std::string own = make_model_card(claimed_facts());
  for (const std::string& card :
       {std::string(), std::string("# flowers\n\nfrom_pretrained(\"flowers\")\n"),
        own.substr(0, own.size() - 4), own.substr(own.find("## How to load")),
        std::string("# flowers\nby weightlift: \n## How to load it\n\n```python\nx\n```\n"),
        std::string(
            "## How to load it\n\n```python\nA.from_pretrained(\"fl\n```\n by weightlift: ")}) {
    EXPECT_EQ(placed(card), card);
  }
}

TEST(PlacedCardTest, ReplacesHostileNames) {
  CardFacts facts = claimed_facts();
  facts.name = "a\"); import os; (\"\\ <b>\n";
  EXPECT_THAT(placed(make_model_card(facts)),
              AllOf(HasSubstr("\n# alice/net\n"), HasSubstr("from_pretrained(\"alice/net\")"),
                    Not(HasSubstr("import os"))));
}

TEST(ModelCardTest, ShowsHowToLoadABackbone) {
  CardFacts facts = claimed_facts();
  facts.folder.config.head = Head::kNone;
  facts.folder.processor.reset();
  facts.verified.outputs = "last_hidden_state and pooler_output";
  const std::string card = make_model_card(facts);
  EXPECT_THAT(card, HasSubstr("from transformers import ResNetModel\n\nmodel = "
                              "ResNetModel.from_pretrained(\"flowers\")\n"));
  EXPECT_THAT(front_matter(card), HasSubstr("pipeline_tag: image-feature-extraction\n"));
  EXPECT_THAT(card,
              AllOf(HasSubstr("no classifier"), HasSubstr("last_hidden_state and pooler_output of"),
                    Not(HasSubstr("- labels:"))));
}

TEST(ModelCardTest, StatesTheNotesAsSentences) {
  CardFacts facts = claimed_facts();
  facts.notes = {{NoteCode::kCropSquashed, "", {{"edge", "384"}}},
                 {NoteCode::kFetched, "", {{"commit", "abc"}}},
                 {NoteCode::kBiasAdded}};
  EXPECT_THAT(make_model_card(facts),
              HasSubstr("- pixels differ from timm's: at 384 pixels and above, "
                        "ConvNextImageProcessor resizes to a square and ignores crop_pct\n"
                        "- the checkpoint's classifier has no bias; the bias here is zero\n"
                        "- labels: from the source\n"));
}

TEST(ModelCardTest, FillsInTheFactsOfANote) {
  CardFacts facts = claimed_facts();
  facts.notes = {{NoteCode::kHeadRenamed, "", {{"module", "head.fc"}}},
                 {NoteCode::kNonFiniteWeights, "", {{"nan", "2"}, {"inf", "1"}, {"tensors", "2"}}},
                 {NoteCode::kCropOffset,
                  "",
                  {{"crop", "224"}, {"resized", "235"}, {"transformers", "5"}, {"timm", "6"}}}};
  EXPECT_THAT(
      make_model_card(facts),
      AllOf(HasSubstr("- the classifier is the checkpoint's 'head.fc'; weightlift assumed"),
            HasSubstr("- the weights contain 2 NaN and 1 infinities in 2 tensors"),
            HasSubstr("- the crop starts at pixel 5 of the resized image, but at pixel 6 in timm;"),
            Not(HasSubstr("{module}"))));
}

TEST(ModelCardTest, WritesTheSameBytesForTheSameFacts) {
  EXPECT_EQ(make_model_card(known_facts()), make_model_card(known_facts()));
}

// Names, tags and notes come from untrusted files.

TEST(ModelCardTest, QuotesHostileWordsInTheFrontMatter) {
  CardFacts facts = claimed_facts();
  facts.provenance.license = "mit\n---\n# fake";
  facts.provenance.base_model = "a: b # \"c\" \\ d";
  facts.provenance.datasets = {"- x", "\xff\xfe", "\u00e9\U0001f986"};
  const std::string card = make_model_card(facts);
  EXPECT_THAT(front_matter(card), HasSubstr("license: \"mit\\u000A---\\u000A# fake\"\n"
                                            "base_model: \"a: b # \\\"c\\\" \\\\ d\"\n"
                                            "datasets:\n"
                                            "- \"- x\"\n"
                                            "- \"\\uFFFD\\uFFFD\"\n"
                                            "- \"\u00e9\U0001f986\"\n"
                                            "tags:\n"));
}

TEST(ModelCardTest, EscapesHostileWords) {
  CardFacts facts = claimed_facts();
  facts.name = "<script>\n# [x](y)";
  facts.notes = {
      {NoteCode::kProcessorChosen, "", {{"which", "<img src=x>\n`code` [link](http://x)"}}}};
  facts.labels_from = "the tag <b>";
  facts.provenance.tag = "a`b`\nc";
  facts.provenance.source_name = "`; rm\x1b[2J";
  const std::string card = make_model_card(facts);
  EXPECT_THAT(
      card, AllOf(HasSubstr("\n# \\<script\\>\\\\x0a# \\[x\\](y)\n"),
                  HasSubstr("from \\<img src=x\\>\\\\x0a\\`code\\` \\[link\\](http://x), chosen"),
                  HasSubstr("- labels: the tag \\<b\\>\n"), HasSubstr("claims the tag `ab\\x0ac`,"),
                  HasSubstr("- source: `; rm\\x1b[2J`, file")));
}

TEST(ModelCardTest, QuotesHostileNamesInPython) {
  CardFacts facts = claimed_facts();
  facts.name = "a\"); import os; (\"\\";
  EXPECT_THAT(
      make_model_card(facts),
      HasSubstr(
          R"(model = ResNetForImageClassification.from_pretrained("a\"); import os; (\"\\"))"));
}

}  // namespace
}  // namespace weightlift
