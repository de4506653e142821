#include <fmt/format.h>
#include <webp/demux.h>

#include <algorithm>
#include <memory>

#include "weightlift/base/bytes.h"
#include "weightlift/image/decoders.h"
#include "weightlift/progress.h"

// Like Pillow, this reads every WebP as an animation; most have one frame. A frame may cover only a
// part of the canvas, and the rest is black.

namespace weightlift {

namespace {

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
struct DeleteAnimation {
  void operator()(WebPAnimDecoder* decoder) const { WebPAnimDecoderDelete(decoder); }
};

std::string load_chunk(const WebPDemuxer* demuxer, const char* name) {
  std::string data;
  WebPChunkIterator chunk{};
  if (WebPDemuxGetChunk(demuxer, name, 1, &chunk) != 0) {
    data.assign(reinterpret_cast<const char*>(chunk.chunk.bytes), chunk.chunk.size);
  }
  WebPDemuxReleaseChunkIterator(&chunk);
  return data;
}

/// Returns the size of the RIFF container with its header, at most the size of the file.
std::size_t riff_bytes(std::span<const std::byte> bytes) {
  constexpr std::size_t kHeaderBytes = 8;
  const std::uint64_t size = load_little_endian<std::uint32_t>(bytes, 4).value_or(0);
  return std::min<std::size_t>(kHeaderBytes + size, bytes.size());
}

[[noreturn]] void refuse_webp(const ImageFile& file, std::string_view fault) {
  refuse_image(file, fmt::format("cannot decode the WebP: {}", fault),
               "download the file again, or save it again");
}

Image drop_alpha(const ImageFile& file, const std::uint8_t* rgba, std::int64_t width,
                 std::int64_t height) {
  Image image = make_image(file, width, height, 3);
  for (std::size_t i = 0; i < image.samples.size(); i += 3, rgba += 4) {
    std::copy_n(rgba, 3, &image.samples[i]);
  }
  return image;
}

}  // namespace

StoredImage decode_webp(const ImageFile& file) {
  const WebPData data{reinterpret_cast<const std::uint8_t*>(file.bytes.data()), file.bytes.size()};
  WebPDemuxState parsed{};
  const std::unique_ptr<WebPDemuxer, DeleteDemuxer> demuxer(WebPDemuxPartial(&data, &parsed));
  if (demuxer == nullptr && parsed != WEBP_DEMUX_PARSING_HEADER) {
    refuse_webp(file, "broken structure");
  }
  if (parsed != WEBP_DEMUX_DONE) refuse_truncated(file, "WebP");
  const std::int64_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const std::int64_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  require_size(file, width, height);  // before the decoder allocates memory

  const std::unique_ptr<WebPAnimDecoder, DeleteAnimation> decoder(
      WebPAnimDecoderNew(&data, nullptr));
  std::uint8_t* rgba = nullptr;
  int timestamp = 0;
  if (decoder == nullptr || WebPAnimDecoderGetNext(decoder.get(), &rgba, &timestamp) == 0) {
    refuse_webp(file, "broken pixel data");
  }
  StoredImage stored{.image = drop_alpha(file, rgba, width, height),
                     .metadata = {.exif = load_chunk(demuxer.get(), "EXIF"),
                                  .xmp = load_chunk(demuxer.get(), "XMP ")},
                     .end_bytes = riff_bytes(file.bytes),
                     .notes = {}};
  const auto frames = WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT);
  if (frames > 1) {
    stored.notes.push_back({NoteCode::kImageAnimated, "", {{"frames", std::to_string(frames)}}});
  }
  return stored;
}

}  // namespace weightlift
