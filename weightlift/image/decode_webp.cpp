#include <fmt/format.h>
#include <webp/demux.h>

#include <algorithm>
#include <memory>

#include "weightlift/base/bytes.h"
#include "weightlift/image/decoders.h"

// As Pillow, every WebP is read as an animation, of which most have one frame: a frame may cover a
// part of its canvas only, and what it leaves free is black.

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

/// "RIFF", the size of what follows, and what follows; 0 where the file is shorter.
std::size_t riff_bytes(std::span<const std::byte> bytes) {
  constexpr std::size_t kHeaderBytes = 8;
  const std::uint64_t size = load_little_endian<std::uint32_t>(bytes, 4).value_or(0);
  return std::min<std::size_t>(kHeaderBytes + size, bytes.size());
}

[[noreturn]] void refuse_webp(const PictureFile& file, std::string_view got) {
  refuse_picture(file, "a WebP that can be decoded", got, "fetch the file again, or save it anew");
}

Picture drop_alpha(const PictureFile& file, const std::uint8_t* rgba, std::int64_t width,
                   std::int64_t height) {
  Picture picture = make_picture(file, width, height, 3);
  for (std::size_t i = 0; i < picture.samples.size(); i += 3, rgba += 4) {
    std::copy_n(rgba, 3, &picture.samples[i]);
  }
  return picture;
}

}  // namespace

StoredPicture decode_webp(const PictureFile& file) {
  const WebPData data{reinterpret_cast<const std::uint8_t*>(file.bytes.data()), file.bytes.size()};
  WebPDemuxState parsed{};
  const std::unique_ptr<WebPDemuxer, DeleteDemuxer> demuxer(WebPDemuxPartial(&data, &parsed));
  if (demuxer == nullptr && parsed != WEBP_DEMUX_PARSING_HEADER) {
    refuse_webp(file, "a broken structure");
  }
  if (parsed != WEBP_DEMUX_DONE) refuse_truncated(file, "WebP");
  const std::int64_t width = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH);
  const std::int64_t height = WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT);
  require_size(file, width, height);  // before the decoder takes memory for it

  const std::unique_ptr<WebPAnimDecoder, DeleteAnimation> decoder(
      WebPAnimDecoderNew(&data, nullptr));
  std::uint8_t* rgba = nullptr;
  int timestamp = 0;
  if (decoder == nullptr || WebPAnimDecoderGetNext(decoder.get(), &rgba, &timestamp) == 0) {
    refuse_webp(file, "broken pixel data");
  }
  StoredPicture stored{.picture = drop_alpha(file, rgba, width, height),
                       .metadata = {.exif = load_chunk(demuxer.get(), "EXIF"),
                                    .xmp = load_chunk(demuxer.get(), "XMP ")},
                       .end_bytes = riff_bytes(file.bytes),
                       .notes = {}};
  const auto frames = WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT);
  if (frames > 1) {
    stored.notes.push_back(fmt::format("animated: the first of {} frames is taken", frames));
  }
  return stored;
}

}  // namespace weightlift
