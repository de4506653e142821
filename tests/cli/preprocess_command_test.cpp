#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/cli/program.h"
#include "weightlift/checkpoint/safetensors.h"
#include "weightlift/image/decode.h"
#include "weightlift/image/preprocess.h"

namespace weightlift {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using testing::count_errors;
using ::testing::HasSubstr;
using testing::json_lines;
using testing::Outcome;
using testing::read_file;
using testing::run_weightlift;
using testing::TempDir;
using testing::write_file;

constexpr const char* kProcessorJson = R"({"size": {"shortest_edge": 8}, "crop_pct": 0.72,
    "image_processor_type": "ConvNextImageProcessor", "image_mean": 0.4, "image_std": 0.2})";

Image stripes(std::int64_t width, std::int64_t height) {
  Image image{width, height, 3, {}};
  for (std::int64_t i = 0; i < width * height * 3; ++i) {
    image.samples.push_back(static_cast<std::uint8_t>(i * 37));
  }
  return image;
}

/// A folder "net" with a processor alone, and images "a.ppm" and "b.ppm".
struct Studio {
  Studio() {
    write_file(dir / "net/preprocessor_config.json", kProcessorJson);
    save("a.ppm", a);
    save("b.ppm", b);
  }
  void save(const char* name, const Image& image) const {
    write_file(dir / name, "P6 " + std::to_string(image.width) + " " +
                               std::to_string(image.height) + " 255\n" +
                               std::string(image.samples.begin(), image.samples.end()));
  }
  Outcome run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"preprocess", dir / "net"});
    arguments.insert(arguments.end(), {"-o", out()});
    return run_weightlift(arguments);
  }
  fs::path out() const { return dir / "pixels.safetensors"; }
  Tensor written() const {
    return load_safetensors(MappedFile::open(out())).tensors.at("pixel_values");
  }
  /// The message of a run that is refused and leaves nothing.
  std::string refusal_of(const std::vector<std::string>& arguments, int exit_code) const {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(count_errors(outcome.err), 1) << outcome.err;
    EXPECT_FALSE(fs::exists(out()));
    return outcome.err;
  }
  ImageProcessor processor() const {
    return load_image_processor(dir / "net/preprocessor_config.json");
  }

  TempDir dir;
  Image a = stripes(30, 20);
  Image b = stripes(9, 50);
};

bool same_bits(const Tensor& one, const Tensor& other) {
  return one.shape() == other.shape() && std::ranges::equal(one.bytes(), other.bytes());
}

TEST(PreprocessCommandTest, WritesPixelValues) {
  const Studio studio;
  const Outcome outcome = studio.run({studio.dir / "a.ppm", studio.dir / "b.ppm"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, studio.out().string() + ": pixel_values [2, 3, 8, 8] float32\n");
  EXPECT_EQ(outcome.err, "");
  const std::vector<Image> crops = {crop_seen(studio.a, studio.processor()),
                                    crop_seen(studio.b, studio.processor())};
  EXPECT_TRUE(same_bits(studio.written(), to_pixel_values(crops, studio.processor())));
}

TEST(PreprocessCommandTest, PreparesAsTimm) {
  const Studio studio;
  EXPECT_EQ(studio.run({studio.dir / "a.ppm", "--as", "timm"}).exit_code, 0);
  EXPECT_TRUE(
      same_bits(studio.written(), preprocess(studio.a, studio.processor(), Preparation::kTimm)));
  EXPECT_FALSE(same_bits(studio.written(), preprocess(studio.a, studio.processor())));
}

TEST(PreprocessCommandTest, JsonIsOneObject) {
  const Studio studio;
  const auto lines = json_lines(studio.run({studio.dir / "a.ppm", "--json"}).out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["path"], studio.out().string());
  EXPECT_EQ(lines[0]["shape"], (nlohmann::json{1, 3, 8, 8}));
  EXPECT_EQ(lines[0]["images"], (nlohmann::json::array({(studio.dir / "a.ppm").string()})));
}

TEST(PreprocessCommandTest, AFolderIsItsImagesSortedByName) {
  const Studio studio;
  fs::create_directory(studio.dir / "in");
  studio.save("in/2.ppm", studio.a);
  studio.save("in/1.ppm", studio.b);
  write_file(studio.dir / "in/notes.txt", "no image");
  const Outcome outcome = studio.run({studio.dir / "in", studio.dir / "a.ppm", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("in: skipped 1 entry that is not an image\n"));
  EXPECT_EQ(json_lines(outcome.out).at(0)["images"],
            (nlohmann::json::array({(studio.dir / "in/1.ppm").string(),
                                    (studio.dir / "in/2.ppm").string(),
                                    (studio.dir / "a.ppm").string()})));
  const std::vector<Image> crops = {crop_seen(studio.b, studio.processor()),
                                    crop_seen(studio.a, studio.processor()),
                                    crop_seen(studio.a, studio.processor())};
  EXPECT_TRUE(same_bits(studio.written(), to_pixel_values(crops, studio.processor())));
}

TEST(PreprocessCommandTest, ShowsTheCrop) {
  const Studio studio;
  const fs::path shown = studio.dir / "seen.png";
  EXPECT_EQ(studio.run({studio.dir / "b.ppm", "--show", shown}).exit_code, 0);
  const auto file = MappedFile::open(shown);
  const DecodedImage seen = decode_image(file->bytes(), ColorMode::kRGB, "seen.png");
  EXPECT_EQ(seen.format, "PNG");
  EXPECT_EQ(seen.image, crop_seen(studio.b, studio.processor()));
}

TEST(PreprocessCommandTest, ANetworkOfOneChannelGetsLuminance) {
  const Studio studio;
  write_file(studio.dir / "net/config.json", R"({"model_type": "resnet", "num_channels": 1})");
  const fs::path shown = studio.dir / "seen.png";
  EXPECT_EQ(studio.run({studio.dir / "a.ppm", "--show", shown}).exit_code, 0);
  EXPECT_EQ(studio.written().shape(), (Shape{1, 1, 8, 8}));
  const auto file = MappedFile::open(shown);
  EXPECT_EQ(decode_image(file->bytes(), ColorMode::kL, "seen.png").image.channels, 1);
  write_file(studio.dir / "net/config.json", R"({"model_type": "resnet", "num_channels": 4})");
  EXPECT_THAT(studio.run({studio.dir / "a.ppm"}).err,
              HasSubstr("net/config.json: num_channels: expected 1 or 3, got 4\n"));
}

TEST(PreprocessCommandTest, WarnsOfBytesAfterAnImage) {
  const Studio studio;
  const std::string path = studio.dir / "a.ppm";
  write_file(path, read_file(path) + "more");
  const Outcome outcome = studio.run({path});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err,
              HasSubstr("weightlift: warning: " + path + ": ignored 4 bytes after the image\n"));
}

TEST(PreprocessCommandTest, OneBrokenImageStopsAll) {
  const Studio studio;
  write_file(studio.dir / "broken.ppm", "P6 30 20 255\nabc");
  write_file(studio.dir / "text.jpg", "no image");
  const std::string a = studio.dir / "a.ppm";
  EXPECT_THAT(studio.refusal_of({a, studio.dir / "broken.ppm"}, 3),
              HasSubstr("broken.ppm: truncated PPM"));
  EXPECT_THAT(studio.refusal_of({a, studio.dir / "text.jpg"}, 3),
              HasSubstr("text.jpg: not a JPEG, PNG"));
  EXPECT_THAT(studio.refusal_of({a, studio.dir / "none.jpg"}, 3),
              HasSubstr("none.jpg: not found\n"));
  write_file(studio.out(), "of before");
  EXPECT_EQ(studio.run({a, studio.dir / "text.jpg"}).exit_code, 3);
  EXPECT_EQ(read_file(studio.out()), "of before");
}

TEST(PreprocessCommandTest, RefusesImpossibleSettings) {
  const Studio studio;
  const std::string a = studio.dir / "a.ppm";
  struct Case {
    const char* json;
    const char* message;
  };
  for (const auto& [json, message] : std::initializer_list<Case>{
           {R"({"size": {"height": 8, "width": 8}})",
            "json: size: expected a number or an object with shortest_edge, got {"},
           {R"({"size": 8, "crop_pct": 0})", "json: crop_pct: expected a positive number, got 0"},
           {R"({"size": 8, "crop_pct": 9})",
            "a.ppm: crop_pct: expected resized sides of 1 to 2147483647 pixels, got 0 x 0"},
           {R"({"size": 8, "resample": 17})",
            "json: resample: expected a Pillow filter number from 0 to 5"},
           {R"({"size": 8, "image_std": 0})", "json: image_std: expected positive numbers, got 0"},
           {R"({"size": 8, "image_mean": [0, 0]})",
            "json: image_mean: expected 3 values, one per channel of the image, got 2"},
       }) {
    write_file(studio.dir / "net/preprocessor_config.json", json);
    EXPECT_THAT(studio.refusal_of({a}, 3), HasSubstr(message)) << json;
  }
  write_file(studio.dir / "net/preprocessor_config.json", R"({"size": 8, "do_resize": false})");
  EXPECT_THAT(studio.refusal_of({a, studio.dir / "b.ppm"}, 3),
              HasSubstr("preprocessor_config.json: the image sizes differ: 30 x 20 and 9 x 50; "
                        "set do_resize to true"));
  fs::remove(studio.dir / "net/preprocessor_config.json");
  EXPECT_THAT(studio.refusal_of({a}, 3),
              HasSubstr("net/preprocessor_config.json: not found: the folder has no image "
                        "processor; convert it first: weightlift convert "));
}

TEST(PreprocessCommandTest, ImagesAreNotOverwritten) {
  const Studio studio;
  const std::string a = studio.dir / "a.ppm";
  const std::string before = read_file(a);
  fs::create_symlink("a.ppm", studio.dir / "link.ppm");
  for (const char* name : {"a.ppm", "./a.ppm", "link.ppm"}) {
    EXPECT_THAT(studio.refusal_of({a, "--show", studio.dir / name}, 3),
                HasSubstr(std::string(name) + ": --show would overwrite an image\n"));
    const Outcome outcome =
        run_weightlift({"preprocess", studio.dir / "net", a, "-o", studio.dir / name});
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_THAT(outcome.err, HasSubstr(std::string(name) + ": -o would overwrite an image\n"));
  }
  for (const fs::path& same : {studio.out(), studio.dir / "net/../pixels.safetensors"}) {
    EXPECT_THAT(studio.refusal_of({a, "--show", same}, 2),
                HasSubstr("pixels.safetensors: -o and --show name the same file\n"));
  }
  EXPECT_EQ(read_file(a), before);
}

TEST(PreprocessCommandTest, TheModelsOwnFilesAreNotOverwritten) {
  const Studio studio;
  const std::string a = studio.dir / "a.ppm";
  const std::string processor = studio.dir / "net/preprocessor_config.json";
  const Outcome shown = studio.run({a, "--show", processor});
  EXPECT_EQ(shown.exit_code, 3);
  EXPECT_THAT(shown.err,
              HasSubstr("net/preprocessor_config.json: --show would overwrite the model's "
                        "preprocessor_config.json\n"));
  EXPECT_EQ(read_file(processor), kProcessorJson);
  const Outcome written = run_weightlift(
      {"preprocess", studio.dir / "net", a, "-o", studio.dir / "net/model.safetensors"});
  EXPECT_EQ(written.exit_code, 3);
  EXPECT_THAT(written.err, HasSubstr("net/model.safetensors: -o would overwrite the model's "
                                     "model.safetensors\n"));
  EXPECT_FALSE(fs::exists(studio.dir / "net/model.safetensors"));
}

TEST(PreprocessCommandTest, AFailureIsOneJsonObject) {
  const Studio studio;
  const std::string image = studio.dir / "none.jpg";
  const Outcome outcome = studio.run({image, "--json"});
  EXPECT_EQ(outcome.exit_code, 3);
  const auto lines = json_lines(outcome.out);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["source"], (studio.dir / "net").string());
  EXPECT_EQ(lines[0]["status"], "failed");
  EXPECT_EQ(lines[0]["error"]["kind"], "not_found");
  EXPECT_EQ(lines[0]["error"]["where"], image);
  EXPECT_FALSE(fs::exists(studio.out()));
}

TEST(PreprocessCommandTest, WrongOptionsAreUsage) {
  const Studio studio;
  const std::string a = studio.dir / "a.ppm";
  EXPECT_THAT(studio.refusal_of({a, a, "--show", studio.dir / "seen.png"}, 2),
              HasSubstr("--show: expected one image, got 2"));
  EXPECT_THAT(studio.refusal_of({a, "--as", "torch"}, 2),
              AllOf(HasSubstr("--as"), HasSubstr("torch")));
  EXPECT_THAT(studio.refusal_of({}, 2), HasSubstr("IMAGE is required"));
  EXPECT_THAT(
      studio.refusal_of({"-"}, 2),
      HasSubstr(
          "-: standard input and output are unsupported; write ./- for a file of that name\n"));
  EXPECT_THAT(
      run_weightlift({"preprocess", studio.dir / "net", a, "-o", "-"}).err,
      HasSubstr(
          "-: standard input and output are unsupported; write ./- for a file of that name\n"));
}

}  // namespace
}  // namespace weightlift
