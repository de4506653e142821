#include <fmt/format.h>
#include <jpeglib.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>  // jpeglib.h needs it and does not include it

#include "weightlift/base/message.h"
#include "weightlift/image/color.h"
#include "weightlift/image/decoders.h"
#include "weightlift/progress.h"

// libjpeg reports errors by longjmp, which must not jump over C++ objects that have destructors.
// So each function that calls it and can fail is a "step": it has a setjmp of its own and only
// plain variables, and returns how it ended. Objects that own memory live in the callers.
//
// The samples equal Pillow's, because its settings are libjpeg-turbo's defaults (fancy upsampling,
// the accurate integer DCT). It accepts the files that Pillow accepts, because both give libjpeg
// all the bytes and suspend at their end. So a file without its end marker is accepted where its
// last row can be decoded without it, and so is damaged data about which libjpeg only warns.

namespace weightlift {

namespace {

enum class JpegStep { kDone, kSuspended, kFailed };

/// Progressive files have about ten scans. A few bytes can add a scan over the whole image. This is
/// the limit that libjpeg-turbo itself uses for untrusted files.
constexpr int kMaxScans = 500;
constexpr int kExifMarker = JPEG_APP0 + 1;
constexpr unsigned kWholeMarker = 0xFFFF;
constexpr std::string_view kSaveAgain = "save it again as JPEG or PNG";

/// What libjpeg's callbacks can reach.
struct JpegState {
  jpeg_decompress_struct decoder;
  jpeg_error_mgr errors;
  jpeg_source_mgr source;
  jpeg_progress_mgr progress;
  std::jmp_buf failed;
  std::array<char, JMSG_LENGTH_MAX> text;  // of the error, or of the first warning
};

JpegState& state_of(j_common_ptr decoder) { return *static_cast<JpegState*>(decoder->client_data); }

[[noreturn]] void fail_jpeg(j_common_ptr decoder) {
  JpegState& state = state_of(decoder);
  decoder->err->format_message(decoder, state.text.data());
  std::longjmp(state.failed, 1);
}

void note_jpeg_warning(j_common_ptr decoder, int level) {
  if (level >= 0) return;  // a trace
  if (decoder->err->num_warnings++ == 0) {
    decoder->err->format_message(decoder, state_of(decoder).text.data());
  }
}

void limit_scans(j_common_ptr decoder) {
  JpegState& state = state_of(decoder);
  if (state.decoder.input_scan_number <= kMaxScans) return;
  constexpr std::string_view kText = "more than 500 scans";
  state.text.at(kText.copy(state.text.data(), kText.size())) = '\0';
  std::longjmp(state.failed, 1);
}

void do_nothing(j_decompress_ptr /*decoder*/) {}

boolean suspend(j_decompress_ptr /*decoder*/) { return FALSE; }

void skip_bytes(j_decompress_ptr decoder, long count) {
  jpeg_source_mgr& source = *decoder->src;
  if (count <= 0) return;
  const std::size_t skipped = std::min(static_cast<std::size_t>(count), source.bytes_in_buffer);
  source.next_input_byte += skipped;
  source.bytes_in_buffer -= skipped;
}

JpegStep start_jpeg(JpegState& state, const std::byte* bytes, std::size_t size) {
  if (setjmp(state.failed) != 0) return JpegStep::kFailed;
  state.decoder.err = jpeg_std_error(&state.errors);
  state.errors.error_exit = fail_jpeg;
  state.errors.emit_message = note_jpeg_warning;
  state.decoder.client_data = &state;
  jpeg_create_decompress(&state.decoder);
  state.source.init_source = do_nothing;
  state.source.fill_input_buffer = suspend;
  state.source.skip_input_data = skip_bytes;
  state.source.resync_to_restart = jpeg_resync_to_restart;
  state.source.term_source = do_nothing;
  state.source.next_input_byte = reinterpret_cast<const JOCTET*>(bytes);
  state.source.bytes_in_buffer = size;
  state.decoder.src = &state.source;
  state.progress.progress_monitor = limit_scans;
  state.decoder.progress = &state.progress;
  jpeg_save_markers(&state.decoder, kExifMarker, kWholeMarker);
  int result = JPEG_HEADER_TABLES_ONLY;
  while (result == JPEG_HEADER_TABLES_ONLY) result = jpeg_read_header(&state.decoder, FALSE);
  return result == JPEG_SUSPENDED ? JpegStep::kSuspended : JpegStep::kDone;
}

/// Also reads the whole file where it is progressive.
JpegStep start_rows(JpegState& state, J_COLOR_SPACE space) {
  if (setjmp(state.failed) != 0) return JpegStep::kFailed;
  state.decoder.out_color_space = space;
  return jpeg_start_decompress(&state.decoder) != FALSE ? JpegStep::kDone : JpegStep::kSuspended;
}

JpegStep read_row(JpegState& state, JSAMPLE* row) {
  if (setjmp(state.failed) != 0) return JpegStep::kFailed;
  return jpeg_read_scanlines(&state.decoder, &row, 1) == 1 ? JpegStep::kDone : JpegStep::kSuspended;
}

JpegStep finish_jpeg(JpegState& state) {
  if (setjmp(state.failed) != 0) return JpegStep::kFailed;
  return jpeg_finish_decompress(&state.decoder) != FALSE ? JpegStep::kDone : JpegStep::kSuspended;
}

class JpegDecoder {
 public:
  explicit JpegDecoder(const ImageFile& file) : file_(file) {}
  ~JpegDecoder() { jpeg_destroy_decompress(&state_.decoder); }
  JpegDecoder(const JpegDecoder&) = delete;
  JpegDecoder& operator=(const JpegDecoder&) = delete;

  StoredImage decode() {
    require(start_jpeg(state_, file_.bytes.data(), file_.bytes.size()));
    StoredImage stored;
    stored.metadata = metadata();
    const int components = state_.decoder.num_components;
    if (components != 1 && components != 3 && components != 4) {
      refuse_unsupported(file_, fmt::format("unsupported JPEG with {} components", components),
                         kSaveAgain);
    }
    stored.image = make_image(file_, state_.decoder.image_width, state_.decoder.image_height,
                              components == 1 ? 1 : 3);
    require(start_rows(state_, components == 1   ? JCS_GRAYSCALE
                               : components == 3 ? JCS_RGB
                                                 : JCS_CMYK));
    read_rows(stored.image, components == 4);
    finish(stored);
    return stored;
  }

 private:
  void require(JpegStep step) const {
    if (step == JpegStep::kDone) return;
    if (step == JpegStep::kSuspended) refuse_truncated(file_, "JPEG");
    refuse_image(file_, fmt::format("cannot decode the JPEG: {}", printable(state_.text.data())),
                 kSaveAgain);
  }

  /// Joins the Exif segments and takes the last XMP segment, as Pillow does.
  ImageMetadata metadata() const {
    constexpr std::string_view kExif("Exif\0\0", 6);
    constexpr std::string_view kXmp("http://ns.adobe.com/xap/1.0/\0", 29);
    ImageMetadata metadata;
    for (auto* marker = state_.decoder.marker_list; marker != nullptr; marker = marker->next) {
      std::string_view data(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (data.starts_with(kExif)) {
        metadata.exif += data.substr(metadata.exif.empty() ? 0 : kExif.size());
      } else if (data.starts_with(kXmp)) {
        metadata.xmp = data.substr(kXmp.size());
      }
    }
    return metadata;
  }

  void read_rows(Image& image, bool cmyk) {
    const auto width = static_cast<std::size_t>(image.width);
    const std::size_t row_bytes = width * static_cast<std::size_t>(image.channels);
    std::vector<JSAMPLE> inks(cmyk ? 4 * width : 0);
    for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
      JSAMPLE* row = &image.samples[y * row_bytes];
      require(read_row(state_, cmyk ? inks.data() : row));
      if (cmyk) inverted_cmyk_to_rgb(inks, {row, row_bytes});
    }
  }

  void finish(StoredImage& stored) {
    const JpegStep step = finish_jpeg(state_);
    if (step == JpegStep::kFailed) require(step);
    if (step == JpegStep::kSuspended) stored.notes.push_back({NoteCode::kImageEndMissing});
    if (state_.errors.num_warnings > 0) {
      stored.notes.push_back(
          {NoteCode::kImageDamaged, "", {{"text", printable(state_.text.data())}}});
    }
    stored.end_bytes = file_.bytes.size() - state_.source.bytes_in_buffer;
  }

  const ImageFile& file_;
  JpegState state_{};
};

}  // namespace

StoredImage decode_jpeg(const ImageFile& file) { return JpegDecoder(file).decode(); }

}  // namespace weightlift
