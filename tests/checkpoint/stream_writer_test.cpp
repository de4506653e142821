#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <ios>
#include <optional>
#include <ostream>
#include <sstream>
#include <stdexcept>
#include <streambuf>
#include <string>
#include <vector>

#include "tests/support/refusal.h"
#include "tests/support/temp_dir.h"
#include "weightlift/base/message.h"
#include "weightlift/checkpoint.h"
#include "weightlift/state_dict.h"
#include "weightlift/tensor.h"

namespace weightlift {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// One of the two formats: its writers to a file and to a stream.
struct Format {
  std::string name;
  std::function<void(const std::filesystem::path&, const std::vector<OutputTensor>&)> to_file;
  std::function<void(std::ostream&, const std::vector<OutputTensor>&, const WriteProgress&)>
      to_stream;
};

void PrintTo(const Format& format, std::ostream* out) { *out << format.name; }

std::vector<Format> formats() {
  const SafetensorsMetadata metadata = {{"format", "pt"}, {"made", "here"}};
  return {
      {"Safetensors",
       [=](const auto& path, const auto& tensors) { write_safetensors(path, tensors, metadata); },
       [=](std::ostream& out, const auto& tensors, const WriteProgress& progress) {
         write_safetensors(out, tensors, metadata, progress);
       }},
      {"Torch", [](const auto& path, const auto& tensors) { write_torch(path, tensors); },
       [](std::ostream& out, const auto& tensors, const WriteProgress& progress) {
         write_torch(out, tensors, progress);
       }}};
}

/// Tensors below and above the sizes of the buffer and of a piece.
StateDict tensors_of_all_sizes() {
  StateDict tensors;
  std::vector<float> values(1'200'001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i) * 0.37F;
  tensors.insert("long", Tensor::of<float>({1'200'001}, values));
  values.resize(70'000);
  tensors.insert("middle", Tensor::of<float>({70, 1000}, values));
  tensors.insert("counter", Tensor::of<std::int64_t>({}, {7}));
  tensors.insert("empty", Tensor::of<float>({3, 0}, {}));
  return tensors;
}

/// Takes `room` bytes and refuses the next one, by failing or by throwing.
class LimitedBuffer : public std::streambuf {
 public:
  explicit LimitedBuffer(std::size_t room, bool throws = false) : room_(room), throws_(throws) {}

  bool flushed = false;
  bool fails_on_flush = false;

 protected:
  int_type overflow(int_type c) override {
    if (room_ == 0) {
      if (throws_) throw std::length_error("the buffer is full");
      return traits_type::eof();
    }
    --room_;
    return traits_type::not_eof(c);
  }
  int sync() override {
    flushed = true;
    return fails_on_flush ? -1 : 0;
  }
  pos_type seekoff(off_type, std::ios_base::seekdir, std::ios_base::openmode) override {
    ADD_FAILURE() << "a pipe cannot seek";
    return pos_type(off_type(-1));
  }

 private:
  std::size_t room_;
  bool throws_;
};

class StreamWriterTest : public ::testing::TestWithParam<Format> {
 protected:
  void write(std::ostream& out, const std::vector<OutputTensor>& tensors,
             const WriteProgress& progress = {}) const {
    GetParam().to_stream(out, tensors, progress);
  }
  /// The IoError of writing one small tensor.
  std::string refusal(std::ostream& out) const {
    const std::vector<OutputTensor> one = {{"w", Tensor::of<float>({2}, {1, -2}), DType::F32}};
    return testing::refusal<IoError>([&] { write(out, one); });
  }
};

TEST_P(StreamWriterTest, WritesTheBytesOfTheFile) {
  for (const std::optional<DType> dtype :
       {std::optional<DType>(), std::optional(DType::F16), std::optional(DType::F64)}) {
    const std::vector<OutputTensor> tensors = output_tensors(tensors_of_all_sizes(), dtype);
    const testing::TempDir dir;
    GetParam().to_file(dir / "out", tensors);
    std::ostringstream out;
    write(out, tensors);
    EXPECT_TRUE(out.str() == testing::read_file(dir / "out"));
  }
}

TEST_P(StreamWriterTest, WritesNoTensors) {
  const testing::TempDir dir;
  GetParam().to_file(dir / "out", {});
  std::ostringstream out;
  write(out, {});
  EXPECT_EQ(out.str(), testing::read_file(dir / "out"));
}

TEST_P(StreamWriterTest, BeginsWhereTheStreamIs) {
  const std::vector<OutputTensor> tensors = output_tensors(tensors_of_all_sizes());
  std::ostringstream alone, after;
  write(alone, tensors);
  after << "before";
  write(after, tensors);
  after << "after";
  EXPECT_TRUE(after.str() == "before" + alone.str() + "after");
}

TEST_P(StreamWriterTest, FlushesAndNeverSeeks) {
  LimitedBuffer buffer(1'000'000);
  std::ostream out(&buffer);
  EXPECT_EQ(refusal(out), "accepted");
  EXPECT_TRUE(buffer.flushed);
}

TEST_P(StreamWriterTest, ReportsProgressUpToTheSizeAndStopsWhereItThrows) {
  const std::vector<OutputTensor> tensors = output_tensors(tensors_of_all_sizes());
  std::ostringstream out;
  std::vector<std::uint64_t> seen;
  std::uint64_t size = 0;
  write(out, tensors, [&](std::uint64_t done, std::uint64_t total) {
    seen.push_back(done);
    size = total;
  });
  EXPECT_GE(seen.size(), 4U);
  EXPECT_TRUE(std::ranges::is_sorted(seen));
  EXPECT_EQ(seen.back(), out.str().size());
  EXPECT_EQ(size, out.str().size());
  EXPECT_THROW(write(out, tensors, [](std::uint64_t, std::uint64_t) { throw Interrupted(2); }),
               Interrupted);
}

TEST_P(StreamWriterTest, ReportsAStreamThatFails) {
  for (const bool throws : {false, true}) {
    LimitedBuffer buffer(10, throws);
    std::ostream out(&buffer);
    EXPECT_THAT(refusal(out), AllOf(StartsWith("output stream: cannot write "),
                                    HasSubstr(" bytes: the stream failed")));
    EXPECT_TRUE(out.bad());
  }
}

TEST_P(StreamWriterTest, ReportsAFailureOfTheLastFlush) {
  LimitedBuffer buffer(1'000'000);
  buffer.fails_on_flush = true;
  std::ostream out(&buffer);
  EXPECT_THAT(refusal(out), HasSubstr("the stream failed at its end"));
}

TEST_P(StreamWriterTest, RefusesAStreamThatHasFailed) {
  for (const auto state : {std::ios_base::failbit, std::ios_base::badbit, std::ios_base::eofbit}) {
    std::ostringstream out;
    out.setstate(state);
    EXPECT_THAT(refusal(out), HasSubstr("the stream failed before the first byte"));
    EXPECT_EQ(out.str(), "");
  }
}

TEST_P(StreamWriterTest, RespectsTheExceptionsOfTheStream) {
  const auto mask = std::ios_base::badbit | std::ios_base::failbit;
  for (const bool on_flush : {false, true}) {
    LimitedBuffer buffer(on_flush ? 1'000'000 : 10);
    buffer.fails_on_flush = on_flush;
    std::ostream out(&buffer);
    out.exceptions(mask);
    EXPECT_THAT(refusal(out), HasSubstr("the stream failed"));
    EXPECT_EQ(out.exceptions(), mask);
  }
  // The caller asked for what the buffer throws.
  LimitedBuffer full(10, true);
  std::ostream out(&full);
  out.exceptions(mask);
  EXPECT_THROW(refusal(out), std::length_error);
}

TEST_P(StreamWriterTest, RefusesBadTensorsBeforeTheFirstByte) {
  const Tensor one = Tensor::of<float>({1}, {1});
  std::ostringstream out;
  EXPECT_EQ(testing::refusal<FormatError>([&] {
              write(out, {{"a", one, DType::F32}, {"a", one, DType::F32}});
            }),
            "output stream: tensor 'a': duplicate name");
  EXPECT_THAT(testing::refusal<UnsupportedError>([&] {
                write(out, {{"a", one, DType::I64}});
              }),
              StartsWith("output stream: tensor 'a': cannot convert F32 to I64"));
  EXPECT_EQ(out.str(), "");
}

INSTANTIATE_TEST_SUITE_P(Formats, StreamWriterTest, ::testing::ValuesIn(formats()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace weightlift
