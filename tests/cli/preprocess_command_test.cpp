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

Picture stripes(std::int64_t width, std::int64_t height) {
  Picture picture{width, height, 3, {}};
  for (std::int64_t i = 0; i < width * height * 3; ++i) {
    picture.samples.push_back(static_cast<std::uint8_t>(i * 37));
  }
  return picture;
}

/// A folder "net" with a processor alone, and pictures "a.ppm" and "b.ppm".
struct Studio {
  Studio() {
    write_file(dir / "net/preprocessor_config.json", kProcessorJson);
    save("a.ppm", a);
    save("b.ppm", b);
  }
  void save(const char* name, const Picture& picture) const {
    write_file(dir / name, "P6 " + std::to_string(picture.width) + " " +
                               std::to_string(picture.height) + " 255\n" +
                               std::string(picture.samples.begin(), picture.samples.end()));
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
  Picture a = stripes(30, 20);
  Picture b = stripes(9, 50);
};

bool same_bits(const Tensor& one, const Tensor& other) {
  return one.shape() == other.shape() && std::ranges::equal(one.bytes(), other.bytes());
}

TEST(PreprocessCommandTest, WritesWhatTheNetworkIsGiven) {
  const Studio studio;
  const Outcome outcome = studio.run({studio.dir / "a.ppm", studio.dir / "b.ppm"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, studio.out().string() + ": pixel_values [2, 3, 8, 8] float32\n");
  EXPECT_EQ(outcome.err, "");
  const std::vector<Picture> crops = {crop_seen(studio.a, studio.processor()),
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

TEST(PreprocessCommandTest, AFolderIsItsPicturesSortedByName) {
  const Studio studio;
  fs::create_directory(studio.dir / "in");
  studio.save("in/2.ppm", studio.a);
  studio.save("in/1.ppm", studio.b);
  write_file(studio.dir / "in/notes.txt", "no picture");
  const Outcome outcome = studio.run({studio.dir / "in", studio.dir / "a.ppm", "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("in: 1 other thing passed over"));
  EXPECT_EQ(json_lines(outcome.out).at(0)["images"],
            (nlohmann::json::array({(studio.dir / "in/1.ppm").string(),
                                    (studio.dir / "in/2.ppm").string(),
                                    (studio.dir / "a.ppm").string()})));
  const std::vector<Picture> crops = {crop_seen(studio.b, studio.processor()),
                                      crop_seen(studio.a, studio.processor()),
                                      crop_seen(studio.a, studio.processor())};
  EXPECT_TRUE(same_bits(studio.written(), to_pixel_values(crops, studio.processor())));
}

TEST(PreprocessCommandTest, ShowsTheCrop) {
  const Studio studio;
  const fs::path shown = studio.dir / "seen.png";
  EXPECT_EQ(studio.run({studio.dir / "b.ppm", "--show", shown}).exit_code, 0);
  const auto file = MappedFile::open(shown);
  const DecodedPicture seen = decode_picture(file->bytes(), ColorMode::kRGB, "seen.png");
  EXPECT_EQ(seen.format, "PNG");
  EXPECT_EQ(seen.picture, crop_seen(studio.b, studio.processor()));
}

TEST(PreprocessCommandTest, ANetworkOfOneChannelIsGivenLuminance) {
  const Studio studio;
  write_file(studio.dir / "net/config.json", R"({"model_type": "resnet", "num_channels": 1})");
  const fs::path shown = studio.dir / "seen.png";
  EXPECT_EQ(studio.run({studio.dir / "a.ppm", "--show", shown}).exit_code, 0);
  EXPECT_EQ(studio.written().shape(), (Shape{1, 1, 8, 8}));
  const auto file = MappedFile::open(shown);
  EXPECT_EQ(decode_picture(file->bytes(), ColorMode::kL, "seen.png").picture.channels, 1);
  write_file(studio.dir / "net/config.json", R"({"model_type": "resnet", "num_channels": 4})");
  EXPECT_THAT(studio.run({studio.dir / "a.ppm"}).err,
              HasSubstr("net/config.json: num_channels: expected 1 or 3, which pictures have, "
                        "got 4\n"));
}

TEST(PreprocessCommandTest, SaysWhatIsOddAboutAPicture) {
  const Studio studio;
  const std::string path = studio.dir / "a.ppm";
  write_file(path, read_file(path) + "more");
  const Outcome outcome = studio.run({path});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.err, HasSubstr(path + ": 4 bytes after the picture are not of it"));
}

TEST(PreprocessCommandTest, OneBrokenPictureStopsAll) {
  const Studio studio;
  write_file(studio.dir / "broken.ppm", "P6 30 20 255\nabc");
  write_file(studio.dir / "text.jpg", "no picture");
  const std::string a = studio.dir / "a.ppm";
  EXPECT_THAT(studio.refusal_of({a, studio.dir / "broken.ppm"}, 3),
              HasSubstr("broken.ppm: picture: "));
  EXPECT_THAT(studio.refusal_of({a, studio.dir / "text.jpg"}, 3), HasSubstr("text.jpg: picture: "));
  EXPECT_THAT(studio.refusal_of({a, studio.dir / "none.jpg"}, 3), HasSubstr("none.jpg: file: "));
  write_file(studio.out(), "of before");
  EXPECT_EQ(studio.run({a, studio.dir / "text.jpg"}).exit_code, 3);
  EXPECT_EQ(read_file(studio.out()), "of before");
}

TEST(PreprocessCommandTest, SaysWhatTheSettingsCannotMean) {
  const Studio studio;
  const std::string a = studio.dir / "a.ppm";
  struct Case {
    const char* json;
    const char* message;
  };
  for (const auto& [json, message] : std::initializer_list<Case>{
           {R"({"size": {"height": 8, "width": 8}})",
            "json: size: expected a number or shortest_edge, got {"},
           {R"({"size": 8, "crop_pct": 0})", "json: crop_pct: expected a positive number, got 0"},
           {R"({"size": 8, "crop_pct": 9})",
            "a.ppm: crop_pct: expected resized sides of 1 to 2147483647 pixels, got 0 x 0"},
           {R"({"size": 8, "resample": 17})",
            "json: resample: expected Pillow's number of a filter"},
           {R"({"size": 8, "image_std": 0})", "json: image_std: expected positive numbers, got 0"},
           {R"({"size": 8, "image_mean": [0, 0]})",
            "json: image_mean: expected 3 values, one per channel of the picture, got 2"},
       }) {
    write_file(studio.dir / "net/preprocessor_config.json", json);
    EXPECT_THAT(studio.refusal_of({a}, 3), HasSubstr(message)) << json;
  }
  write_file(studio.dir / "net/preprocessor_config.json", R"({"size": 8, "do_resize": false})");
  EXPECT_THAT(studio.refusal_of({a, studio.dir / "b.ppm"}, 3),
              HasSubstr("preprocessor_config.json: pictures: expected one size, got 30 x 20 and 9 "
                        "x 50; do_resize is what makes them equal"));
  fs::remove(studio.dir / "net/preprocessor_config.json");
  EXPECT_THAT(studio.refusal_of({a}, 3),
              HasSubstr("net/preprocessor_config.json: expected the settings of an image "
                        "processor, got no such file; weightlift convert "));
}

TEST(PreprocessCommandTest, PicturesAreNotWrittenOver) {
  const Studio studio;
  const std::string a = studio.dir / "a.ppm";
  const std::string before = read_file(a);
  fs::create_symlink("a.ppm", studio.dir / "link.ppm");
  for (const char* name : {"a.ppm", "./a.ppm", "link.ppm"}) {
    EXPECT_THAT(studio.refusal_of({a, "--show", studio.dir / name}, 3),
                HasSubstr("--show: expected a file beside the pictures, got one of them"));
    const Outcome outcome =
        run_weightlift({"preprocess", studio.dir / "net", a, "-o", studio.dir / name});
    EXPECT_EQ(outcome.exit_code, 3);
    EXPECT_THAT(outcome.err, HasSubstr("-o: expected a file beside the pictures, got one of them"));
  }
  for (const fs::path& same : {studio.out(), studio.dir / "net/../pixels.safetensors"}) {
    EXPECT_THAT(studio.refusal_of({a, "--show", same}, 3),
                HasSubstr("--show: expected another file than -o's, got the same"));
  }
  EXPECT_EQ(read_file(a), before);
}

TEST(PreprocessCommandTest, TheModelsOwnFilesAreNotWrittenOver) {
  const Studio studio;
  const std::string a = studio.dir / "a.ppm";
  const std::string processor = studio.dir / "net/preprocessor_config.json";
  const Outcome shown = studio.run({a, "--show", processor});
  EXPECT_EQ(shown.exit_code, 3);
  EXPECT_THAT(shown.err, HasSubstr("--show: expected another file than the model's own, got its "
                                   "preprocessor_config.json"));
  EXPECT_EQ(read_file(processor), kProcessorJson);
  const Outcome written = run_weightlift(
      {"preprocess", studio.dir / "net", a, "-o", studio.dir / "net/model.safetensors"});
  EXPECT_EQ(written.exit_code, 3);
  EXPECT_THAT(written.err, HasSubstr("-o: expected another file than the model's own"));
  EXPECT_FALSE(fs::exists(studio.dir / "net/model.safetensors"));
}

TEST(PreprocessCommandTest, WrongFlagsAreUsage) {
  const Studio studio;
  const std::string a = studio.dir / "a.ppm";
  EXPECT_THAT(studio.refusal_of({a, a, "--show", studio.dir / "seen.png"}, 2),
              HasSubstr("--show: expected one picture, got 2"));
  EXPECT_THAT(studio.refusal_of({a, "--as", "torch"}, 2),
              AllOf(HasSubstr("--as"), HasSubstr("torch")));
  EXPECT_THAT(studio.refusal_of({}, 2), HasSubstr("IMAGE is required"));
  EXPECT_THAT(studio.refusal_of({"-"}, 2), HasSubstr("-: expected a file, got -"));
  EXPECT_THAT(run_weightlift({"preprocess", studio.dir / "net", a, "-o", "-"}).err,
              HasSubstr("-: expected a file, got -"));
}

}  // namespace
}  // namespace weightlift
