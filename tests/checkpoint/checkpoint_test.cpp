#include "weightlift/checkpoint/checkpoint.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <fstream>

#include "tests/checkpoint/golden.h"
#include "tests/checkpoint/torch_builder.h"
#include "tests/support/notes.h"
#include "tests/support/refusal.h"
#include "tests/support/safetensors_builder.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using testing::good_header;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::safetensors_with;
using ::testing::StartsWith;
using testing::told;
using testing::write_file;
using namespace std::string_literals;

template <class Kind>
std::string refusal(const std::filesystem::path& path) {
  const std::string message = testing::refusal<Kind>([&] { open_checkpoint(path); });
  EXPECT_THAT(message, StartsWith(path.string() + ": "));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("\n")));
  return message;
}

/// The error of class `Kind` that refuses a file of these bytes.
template <class Kind = FormatError>
std::string refusal_of_bytes(const std::string& bytes) {
  const testing::TempDir dir;
  write_file(dir / "model.bin", bytes);
  return refusal<Kind>(dir / "model.bin");
}

/// The message that refuses a file of another known format.
std::string unsupported(const std::string& bytes) {
  return refusal_of_bytes<UnsupportedError>(bytes);
}

/// A zip with entries of these names.
std::string zip_with(const std::vector<std::string>& names) {
  std::vector<testing::ZipPart> parts;
  for (const std::string& name : names) parts.push_back({name, "content"});
  return testing::zip_of(parts);
}

TEST(CheckpointTest, OpensSafetensors) {
  const testing::TempDir dir;
  write_file(dir / "m.safetensors", safetensors_with(good_header(), 8));
  const Checkpoint checkpoint = open_checkpoint(dir / "m.safetensors");
  EXPECT_EQ(checkpoint.format, CheckpointFormat::kSafetensors);
  EXPECT_EQ(checkpoint.path, dir / "m.safetensors");
  EXPECT_EQ(checkpoint.where, (dir / "m.safetensors").string());
  EXPECT_EQ(load_dict(checkpoint, 0).tensors.at("t").owner(), checkpoint.files.front().owner);
  EXPECT_THAT(told(checkpoint.notes), IsEmpty());
}

TEST(CheckpointTest, TrustsTheContentNotTheNameAndNotesIt) {
  const testing::TempDir dir;
  write_file(dir / "m.bin", safetensors_with(good_header(), 8));
  const Checkpoint checkpoint = open_checkpoint(dir / "m.bin");
  EXPECT_EQ(load_dict(checkpoint, 0).tensors.size(), 1U);
  EXPECT_THAT(told(checkpoint.notes),
              ElementsAre(HasSubstr("m.bin: wrong-extension format='safetensors'")));
}

TEST(CheckpointTest, SavesTheShippedCheckpointAgainByteForByte) {
  const std::filesystem::path source =
      std::filesystem::path(WEIGHTLIFT_SOURCE_DIR) / "examples/digits/model.safetensors";
  const testing::TempDir dir;
  const Checkpoint checkpoint = open_checkpoint(source);
  write_safetensors(dir / "again.safetensors", output_tensors(load_dict(checkpoint, 0).tensors),
                    checkpoint.metadata);
  EXPECT_EQ(testing::read_file(dir / "again.safetensors"), testing::read_file(source));
}

TEST(CheckpointTest, OpensTorchFiles) {
  const testing::TempDir dir;
  write_file(dir / "m.pth.tar", testing::golden_zip());
  const Checkpoint zip = open_checkpoint(dir / "m.pth.tar");
  EXPECT_EQ(zip.format, CheckpointFormat::kTorchZip);
  EXPECT_EQ(load_dict(zip, 0).tensors.at("w").owner(), zip.files.front().owner);
  EXPECT_THAT(told(zip.notes), IsEmpty());
  require_checksums(zip);
  write_file(dir / "m.bin", testing::golden_legacy());
  const Checkpoint legacy = open_checkpoint(dir / "m.bin");
  EXPECT_EQ(legacy.format, CheckpointFormat::kTorchLegacy);
  EXPECT_EQ(load_dict(legacy, 0).tensors.at("w").shape(), Shape{2});
  write_file(dir / "m.safetensors", testing::golden_zip());
  EXPECT_THAT(told(open_checkpoint(dir / "m.safetensors").notes),
              ElementsAre(HasSubstr("m.safetensors: wrong-extension format='torch zip'")));
}

/// {name: a tensor}.
std::string dict_of(const std::string& name) {
  return testing::ordered_dict(testing::text(name) + testing::float_tensor(4, 0, {2}, {1}));
}

/// A torch zip with that value at the top.
Checkpoint open_value(const std::string& value) {
  const testing::TempDir dir;
  write_file(dir / "m.pth", testing::torch_zip(value, {testing::counting_floats(4)}));
  return open_checkpoint(dir / "m.pth");
}

template <class Kind = FormatError>
std::string refusal_of_value(const std::string& value) {
  return testing::refusal<Kind>([&] { load_dict(open_value(value), 0); });
}

TEST(CheckpointTest, ListsStridedTensorsWithoutReadingThem) {
  const testing::TempDir dir;
  const std::string value = testing::ordered_dict(
      testing::text("transposed") + testing::float_tensor(4, 0, {2, 2}, {1, 2}) +
      testing::text("view") + testing::float_tensor(4, 0, {4}, {1}));
  write_file(dir / "m.pth", testing::torch_zip(value, {testing::counting_floats(4)}));
  const Checkpoint listed = open_checkpoint(dir / "m.pth", Reading::kMetadataOnly);
  const StateDict tensors = load_dict(listed, 0).tensors;
  const Tensor& transposed = tensors.at("transposed");
  EXPECT_EQ(transposed.shape(), (Shape{2, 2}));
  EXPECT_THAT(transposed.data<float>(), ElementsAre(0, 0, 0, 0));
  EXPECT_EQ(tensors.at("view").owner(), listed.files.front().owner);
  const StateDict read = load_dict(open_checkpoint(dir / "m.pth"), 0).tensors;
  EXPECT_THAT(read.at("transposed").data<float>(), ElementsAre(0, 2, 1, 3));
}

TEST(CheckpointTest, ListsTheDictsInsideAndChoosesNone) {
  using testing::text;
  const Checkpoint checkpoint =
      open_value("}(" + text("epoch") + "K\1"s + text("empty") + "}" + text("state_dict") +
                 dict_of("w") + text("deep") + "}" + text("model") + dict_of("v") + "su");
  std::vector<std::string> dicts;
  for (const NamedDict& dict : checkpoint.dicts) {
    dicts.push_back(fmt::format("{}:{}:{}", dict.path, dict.level, dict.names.size()));
  }
  EXPECT_THAT(dicts,
              ElementsAre(":0:0", "empty:1:0", "state_dict:1:1", "deep:1:0", "deep.model:2:1"));
  const LoadedDict loaded = load_dict(checkpoint, 2);
  EXPECT_TRUE(loaded.tensors.contains("w"));
  EXPECT_THAT(loaded.ignored, ElementsAre("epoch (int)", "empty (dict of 0)", "deep (dict of 1)"));
}

TEST(CheckpointTest, NamesTheOtherItemsOfADict) {
  using testing::global;
  using testing::text;
  const Checkpoint checkpoint = open_value(
      "}(" + text("args") + global("argparse", "Namespace") + ")\x81}b" + "K\7N"s + text("model") +
      testing::ordered_dict(text("w") + testing::float_tensor(4, 0, {2}, {1}) + text("step") +
                            "K\1"s) +
      "u");
  EXPECT_THAT(load_dict(checkpoint, 1).ignored,
              ElementsAre("args (object of argparse.Namespace)", "7 (None)", "model.step (int)"));
}

TEST(CheckpointTest, RefusesAllButDictsOfTensors) {
  using testing::global;
  using testing::text;
  EXPECT_THAT(refusal_of_value("]"), HasSubstr("expected a dict of tensors, got a list of 0"));
  EXPECT_THAT(refusal_of_value(testing::float_tensor(4, 0, {2}, {1})), HasSubstr("got a tensor"));
  EXPECT_THAT(
      refusal_of_value<UnsupportedError>(global("torchvision.models.resnet", "ResNet") + ")\x81}b"),
      HasSubstr("expected a dict of tensors, got an object of torchvision.models.resnet.ResNet; "
                "advice(if it is a model, save its state_dict() instead)"));
  EXPECT_THAT(refusal_of_value<UnsupportedError>(testing::ordered_dict(
                  text("w") + global("torch._utils", "_rebuild_qtensor") + ")R")),
              HasSubstr("tensor 'w': unsupported: a quantized tensor"));
  const Checkpoint twice =
      open_value("}(" + text("model") + dict_of("a") + text("model") + dict_of("b") + "u");
  EXPECT_THAT(testing::refusal<FormatError>([&] { load_dict(twice, 1); }),
              HasSubstr("m.pth: dict 'model' appears 2 times"));
}

TEST(CheckpointTest, FindsDamageByChecksums) {
  const testing::TempDir dir;
  std::string bytes = testing::golden_zip();
  bytes[bytes.find(testing::golden_storage())] = '\1';
  write_file(dir / "m.pth", bytes);
  const Checkpoint checkpoint = open_checkpoint(dir / "m.pth");
  EXPECT_THAT(testing::refusal<FormatError>([&] { require_checksums(checkpoint); }),
              HasSubstr("m.pth: zip: entry 'archive/data/0' is damaged: expected CRC-32 c3872656"));
}

TEST(CheckpointTest, DistinguishesChangeFromDamage) {
  const testing::TempDir dir;
  write_file(dir / "m.pth", testing::golden_zip());
  const Checkpoint checkpoint = open_checkpoint(dir / "m.pth");
  std::string bytes = testing::golden_zip();
  bytes[bytes.find(testing::golden_storage())] = '\1';
  std::ofstream(dir / "m.pth", std::ios::binary) << bytes << "more";
  EXPECT_THAT(testing::refusal<FormatError>([&] { require_checksums(checkpoint); }),
              AllOf(HasSubstr("m.pth: "), ::testing::Not(HasSubstr("CRC-32"))));
}

/// Opens an index of this weight_map, with these shards in its folder.
Checkpoint open_index(const std::string& weight_map,
                      const std::vector<std::pair<std::string, std::string>>& shards) {
  const testing::TempDir dir;
  const std::string index = "model.safetensors.index.json";
  write_file(dir / index, R"({"metadata": {"total_size": 16}, "weight_map": )" + weight_map + "}");
  for (const auto& [name, bytes] : shards) write_file(dir / name, bytes);
  return open_checkpoint(dir / index);
}

std::string shard_with(const std::string& name) {
  return safetensors_with(
      "{\"" + name + "\":" + testing::raw_entry("\"F32\"", "[2]", "[0,8]") + "}", 8);
}

TEST(CheckpointTest, JoinsShardsInTheOrderOfTheMap) {  // X01
  const Checkpoint checkpoint =
      open_index(R"({"b": "2.safetensors", "a": "1.safetensors"})",
                 {{"1.safetensors", shard_with("a")}, {"2.safetensors", shard_with("b")}});
  EXPECT_THAT(checkpoint.dicts[0].names, ElementsAre("b", "a"));
  EXPECT_EQ(checkpoint.files.size(), 3U);
  EXPECT_EQ(load_dict(checkpoint, 0).tensors.size(), 2U);
  EXPECT_THAT(told(checkpoint.notes), IsEmpty());
  EXPECT_EQ(size_bytes(checkpoint), checkpoint.files[0].bytes.size() + 2 * shard_with("a").size());
}

TEST(CheckpointTest, ComparesShardsWithTheirIndex) {  // X02, X04, X06
  EXPECT_THAT(testing::refusal<MismatchError>([] {
                open_index(R"({"a": "1.safetensors"})", {{"1.safetensors", shard_with("b")}});
              }),
              HasSubstr("tensor 'a'"));
  EXPECT_THAT(testing::refusal<FormatError>([] {
                open_index(R"({"a": "1.safetensors", "b": "2.safetensors"})",
                           {{"1.safetensors", shard_with("a")},
                            {"2.safetensors", R"({"weight_map": {"b": "2.safetensors"}})"}});
              }),
              HasSubstr("2.safetensors: not a checkpoint but JSON text"));
  EXPECT_THAT(testing::refusal<MismatchError>([] {
                open_index(
                    R"({"a": "1.safetensors", "w": "2.safetensors"})",
                    {{"1.safetensors", shard_with("a")}, {"2.safetensors", testing::golden_zip()}});
              }),
              HasSubstr("2.safetensors: format is torch zip, but that of the other shards is "
                        "safetensors"));
}

TEST(CheckpointTest, NamesOtherZips) {
  EXPECT_THAT(unsupported(zip_with({"m/data.pkl", "m/constants.pkl"})),
              HasSubstr("unsupported format: a TorchScript archive; advice(save the model's state "
                        "dict instead)"));
  EXPECT_THAT(unsupported(zip_with({"word/document.xml"})),
              HasSubstr("unsupported format: a zip archive that torch.save did not write"));
  EXPECT_THAT(unsupported(zip_with({"m/archive_format", "m/data/weights/model.pt"})),
              HasSubstr("a program of torch.export (.pt2); advice(save the model's state dict"));
  EXPECT_THAT(unsupported(zip_with({"config.json", "model.weights.h5"})),
              HasSubstr("a Keras model (.keras)"));
  EXPECT_THAT(unsupported(zip_with({"a.npy", "b.npy"})),
              HasSubstr("an archive of NumPy arrays (.npz)"));
  EXPECT_THAT(unsupported(zip_with({"runs/best.pth"})),
              HasSubstr("a zip archive that contains 'runs/best.pth'; advice(unpack it first)"));
  EXPECT_THAT(refusal_of_bytes("PK\x03\x04" + std::string(100, '\0')),
              HasSubstr("a truncated zip archive; advice(download the file again)"));
  EXPECT_THAT(unsupported("PK\x05\x06" + std::string(18, '\0')), HasSubstr("an empty zip archive"));
  EXPECT_THAT(refusal_of_bytes("\x01\x02\x03\x04" + zip_with({"archive/data.pkl"})),
              HasSubstr("a zip archive with other bytes in front of it"));
}

/// The message for a torch file with this value at its top.
std::string refusal_of_value(const std::string& value) {
  return unsupported(testing::torch_zip(value, {testing::counting_floats(4)}));
}

const std::string kModel = testing::global("torchvision.models.resnet", "ResNet") + ")\x81}" +
                           testing::text("_modules") + "}sb";
const std::string kArray =
    testing::call(testing::global("numpy.core.multiarray", "_reconstruct"), "K\0"s);

TEST(CheckpointTest, NamesWhatHidesTheWeights) {
  EXPECT_THAT(refusal_of_value(kModel),
              HasSubstr("the file holds a whole model (torchvision.models.resnet.ResNet), which "
                        "only code can load; advice(load it with torch and save its state_dict()"));
  EXPECT_THAT(refusal_of_value(testing::call(testing::global("__builtin__", "getattr"),
                                             kModel + testing::text("state_dict"))),
              HasSubstr("the file holds the method state_dict, not its result; advice(save "
                        "model.state_dict() with the parentheses)"));
  EXPECT_THAT(refusal_of_value(testing::global("some", "Class") + ")\x81"),
              HasSubstr("expected a dict of tensors, got an object of some.Class"));
}

/// What require_layer_tensors reports on a torch file with this value at its top.
std::string obstacle_of(const std::string& value) {
  const Checkpoint checkpoint = open_value(value);
  return testing::refusal<UnsupportedError>([&] { require_layer_tensors(checkpoint); });
}

TEST(CheckpointTest, FindsWhatHidesTheWeightsInDicts) {
  const std::string weights = testing::float_tensor(4, 0, {2}, {1});
  EXPECT_THAT(obstacle_of("}" + testing::text("model") + kModel + "s"),
              HasSubstr("m.pth: 'model' holds a whole model (torchvision.models.resnet.ResNet), "
                        "which only code can load; advice("));
  EXPECT_THAT(
      obstacle_of("}" + testing::text("net") + "}" + testing::text("fc.bias") + kArray + "ss"),
      HasSubstr("m.pth: 'net.fc.bias' holds a numpy array, not a tensor; advice("));
  // A file with weights may also hold models and arrays.
  EXPECT_EQ(obstacle_of("}(" + testing::text("fc.bias") + weights + testing::text("best") + kArray +
                        testing::text("teacher") + kModel + "u"),
            "accepted");
  EXPECT_EQ(obstacle_of("}" + testing::text("epoch") + "K\1s"s), "accepted");
}

TEST(CheckpointTest, ReadsTheArgumentsOfTimmsScript) {
  const testing::TempDir dir;
  const auto args_of = [&](const std::string& args) {
    testing::write_file(dir / "m.pth",
                        testing::torch_zip("}" + testing::text("args") + args + "s", {}));
    return open_checkpoint(dir / "m.pth").model_args;
  };
  const auto spaces = [](const std::string& items) {
    return testing::global("argparse", "Namespace") + ")\x81}(" + items + "ub";
  };
  EXPECT_EQ(args_of(spaces(testing::text("lr") + "K\1"s)), "");
  EXPECT_EQ(args_of(spaces(testing::text("model_kwargs") + "}" + testing::text("gp") + "N")), "");
  EXPECT_EQ(args_of(spaces(testing::text("model_kwargs") + "}(" + testing::text("output_stride") +
                           "K\x10"s + testing::text("act_layer") + testing::text("silu") +
                           testing::text("layers") + "](K\1K\2e"s + testing::text("x") + "}u" +
                           testing::text("gp") + testing::text("max"))),
            R"({"output_stride":16,"act_layer":"silu","layers":[1,2],"x":"dict of 0",)"
            R"("global_pool":"max"})");
  EXPECT_EQ(args_of("}" + testing::text("model_kwargs") + "}" + testing::text("a") + "K\1ss"s),
            R"({"a":1})");
}

TEST(CheckpointTest, NamesAnLfsPointerAndItsCommand) {
  EXPECT_THAT(
      refusal_of_bytes("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"),
      HasSubstr("not a checkpoint but a git-lfs pointer; advice(run `git lfs pull`)"));
}

TEST(CheckpointTest, NamesTextInPlaceOfTheWeights) {
  EXPECT_THAT(refusal_of_bytes("<!DOCTYPE html>\n<html>..."), HasSubstr("an HTML page"));
  EXPECT_THAT(refusal_of_bytes("\n  <HTML><head>"), HasSubstr("an HTML page"));
  EXPECT_THAT(refusal_of_bytes("<?xml version=\"1.0\"?><Error>"), HasSubstr("an XML document"));
  EXPECT_THAT(refusal_of_bytes("{\"error\":\"Repository not found\"}"),
              HasSubstr("a JSON reply, error 'Repository not found'"));
  EXPECT_THAT(refusal_of_bytes("Entry not found"),
              EndsWith("plain text; advice(download the file again)"));
  EXPECT_THAT(refusal_of_bytes("[1, 2"), HasSubstr("JSON text; advice(download"));
  EXPECT_THAT(refusal_of_bytes(std::string(300, ' ')), HasSubstr("plain text"));
}

TEST(CheckpointTest, NamesOtherFormats) {
  EXPECT_THAT(refusal_of_bytes(""), HasSubstr("an empty file"));
  EXPECT_THAT(refusal_of_bytes("\x01"), HasSubstr("1 bytes of unknown format"));
  EXPECT_THAT(unsupported("PYTORCH1" + std::string(100, '\0')),
              HasSubstr("a file of the PyTorch 1.0 preview"));
  // Without a time stamp gzip's first bytes are also a possible header length.
  EXPECT_THAT(unsupported("\x1F\x8B\x08\0\0\0\0\0\0\xFF"s + "data"), HasSubstr("a gzip archive"));
  EXPECT_THAT(unsupported("\x28\xB5\x2F\xFD" + std::string(9, '\x80')),
              HasSubstr("a zstd archive"));
  EXPECT_THAT(unsupported("\xFD\x37zXZ" + std::string(9, '\x80')), HasSubstr("an xz archive"));
  EXPECT_THAT(unsupported("BZh91AY&SY"), HasSubstr("a bzip2 archive"));
  EXPECT_THAT(unsupported("7z\xBC\xAF\x27\x1C" + std::string(9, '\x80')),
              HasSubstr("a 7z archive"));
  EXPECT_THAT(unsupported("model.pth" + std::string(248, '\0') + "ustar" + std::string(250, '\0')),
              HasSubstr("a tar archive"));
  EXPECT_THAT(unsupported("\x80\x02}q\0."s + std::string(40, '\0')),
              HasSubstr("a Python pickle that torch.save did not write"));
  EXPECT_THAT(unsupported("\x80\x04\x95\x06\0\0\0\0\0\0\0}."s), HasSubstr("a Python pickle"));
  EXPECT_THAT(unsupported("\x89HDF\r\n\x1A\n"s + std::string(40, '\0')), HasSubstr("HDF5"));
  EXPECT_THAT(unsupported("\x93NUMPY\x01\0v\0{"s), HasSubstr("a NumPy array"));
  EXPECT_THAT(unsupported("GGUF\x03\0\0\0"s), HasSubstr("a GGUF file"));
  EXPECT_THAT(unsupported("\x1C\0\0\0TFL3"s), HasSubstr("a TensorFlow Lite model"));
  EXPECT_THAT(unsupported("\x89PNG\r\n\x1A\n"s + std::string(40, '\0')), HasSubstr("a PNG image"));
  EXPECT_THAT(unsupported("\x08\x08\x12\x07pytorch\x3A\x06\x0A\x04main"), HasSubstr("ONNX"));
  EXPECT_THAT(refusal_of_bytes("\x08\x08\x12\x7Fpytorch"), HasSubstr("unknown format"));
}

TEST(CheckpointTest, LeavesADamagedSafetensorsFileToItsReader) {
  EXPECT_THAT(refusal_of_bytes(safetensors_with(good_header(), 8).substr(0, 30)),
              HasSubstr("truncated: expected a header of 54 bytes, got 22; advice("));
  EXPECT_THAT(refusal_of_bytes(std::string(1000, '\0')),
              HasSubstr("header length: expected at least 2 bytes, got 0; advice("));
  // A header of 640 bytes begins like a pickle.
  std::string header = good_header();
  header.resize(640, ' ');
  EXPECT_THAT(refusal_of_bytes(safetensors_with(header, 7)),
              HasSubstr("truncated: expected 8 bytes of tensor data, got 7"));
}

TEST(CheckpointTest, NeverHangsOnSpecialFiles) {
  const testing::TempDir dir;
  ASSERT_EQ(::mkfifo((dir / "fifo").c_str(), 0600), 0);
  std::filesystem::create_symlink(dir / "loop", dir / "loop");
  EXPECT_THAT(refusal<IoError>(dir.path()), HasSubstr("a folder"));
  EXPECT_THAT(refusal<IoError>(dir / "fifo"), HasSubstr("a FIFO"));
  EXPECT_THAT(refusal<IoError>("/dev/zero"), HasSubstr("a device"));
  EXPECT_THAT(refusal<IoError>(dir / "loop"), HasSubstr("symbolic links"));
  EXPECT_THAT(refusal<NotFoundError>(dir / "none"), HasSubstr("none: not found"));
}

TEST(CheckpointTest, RefusesADictThatItDoesNotHave) {
  const testing::TempDir dir;
  write_file(dir / "m.safetensors", safetensors_with(good_header(), 8));
  for (const Checkpoint& checkpoint :
       {open_value(dict_of("w")), open_checkpoint(dir / "m.safetensors")}) {
    for (const std::size_t index : {std::size_t{1}, SIZE_MAX}) {
      EXPECT_THAT(testing::refusal<UsageError>([&] { load_dict(checkpoint, index); }),
                  HasSubstr("has 1 dicts, got the index"));
      EXPECT_THAT(testing::refusal<UsageError>([&] { list_tensors(checkpoint, index); }),
                  HasSubstr("has 1 dicts, got the index"));
    }
  }
}

}  // namespace
}  // namespace weightlift
