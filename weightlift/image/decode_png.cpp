#include <fmt/format.h>
#include <png.h>

#include <array>
#include <csetjmp>
#include <cstring>
#include <new>

#include "weightlift/base/bytes.h"
#include "weightlift/base/message.h"
#include "weightlift/image/decoders.h"
#include "weightlift/image/png_chunks.h"
#include "weightlift/progress.h"

// libpng reports errors by longjmp: decode_jpeg.cpp explains how "steps" keep it away from C++
// objects.
//
// Like Pillow, this checks the checksums before the pixels and no others.

namespace weightlift {

namespace {

/// What libpng's callbacks can reach.
struct PngState {
  png_structp png;
  png_infop info;
  const std::byte* next;
  std::size_t left_bytes;
  bool ran_out;    // libpng requested more bytes than the file has
  bool in_pixels;  // checksums no longer matter
  std::jmp_buf failed;
  std::array<char, 128> error;
  std::array<char, 128> warning;  // the first
};

PngState& state_of(png_structp png) { return *static_cast<PngState*>(png_get_error_ptr(png)); }

void copy_text(std::array<char, 128>& to, const char* text) {
  to.at(std::string_view(text).copy(to.data(), to.size() - 1)) = '\0';
}

[[noreturn]] void fail_png(png_structp png, const char* text) {
  PngState& state = state_of(png);
  copy_text(state.error, text);
  std::longjmp(state.failed, 1);
}

void note_png_warning(png_structp png, const char* text) {
  PngState& state = state_of(png);
  if (std::strstr(text, "CRC error") != nullptr) {
    if (!state.in_pixels) fail_png(png, text);
    if (state.warning.front() == '\0') copy_text(state.warning, text);
  }
}

void read_png_bytes(png_structp png, png_bytep out, std::size_t count) {
  PngState& state = *static_cast<PngState*>(png_get_io_ptr(png));
  if (count > state.left_bytes) {
    state.ran_out = true;
    fail_png(png, "truncated");
  }
  std::memcpy(out, state.next, count);
  state.next += count;
  state.left_bytes -= count;
}

/// Reads up to the first pixels.
bool read_png_header(PngState& state) {
  if (setjmp(state.failed) != 0) return false;
  png_structp png = state.png;
  constexpr png_uint_32 kAnySide = PNG_UINT_31_MAX;
  png_set_user_limits(png, kAnySide, kAnySide);
  png_set_chunk_malloc_max(png, 0);  // unlimited: large chunks are skipped, not held
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_crc_action(png, PNG_CRC_WARN_USE, PNG_CRC_WARN_DISCARD);
  png_set_benign_errors(png, 1);
  png_set_read_fn(png, &state, read_png_bytes);
  png_read_info(png, state.info);
  state.in_pixels = true;
  return true;
}

/// Sets the transformations of the pixels: bytes instead of bits, the high bytes of 16 bits (except
/// plain luminance, which Pillow clips), no alpha. libpng allocates two rows here, as long as the
/// header declares them.
bool begin_png_rows(PngState& state) {
  if (setjmp(state.failed) != 0) return false;
  png_structp png = state.png;
  const int type = png_get_color_type(png, state.info);
  if (png_get_bit_depth(png, state.info) < 8) {
    if (type == PNG_COLOR_TYPE_PALETTE) {
      png_set_packing(png);
    } else {
      png_set_expand_gray_1_2_4_to_8(png);
    }
  }
  if (type != PNG_COLOR_TYPE_GRAY) png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, state.info);
  return true;
}

bool read_png_rows(PngState& state, png_bytepp rows) {
  if (setjmp(state.failed) != 0) return false;
  png_read_image(state.png, rows);
  return true;
}

bool read_png_end(PngState& state) {
  if (setjmp(state.failed) != 0) return false;
  png_read_end(state.png, nullptr);
  return true;
}

/// Pillow's I;16 to L.
void clip_16_bits(std::span<const std::uint8_t> big_endian, std::span<std::uint8_t> out) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = big_endian[2 * i] != 0 ? 255 : big_endian[2 * i + 1];
  }
}

class PngDecoder {
 public:
  explicit PngDecoder(const ImageFile& file) : file_(file) {
    state_.next = file.bytes.data();
    state_.left_bytes = file.bytes.size();
    state_.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &state_, fail_png, note_png_warning);
    if (state_.png != nullptr) state_.info = png_create_info_struct(state_.png);
  }
  ~PngDecoder() { png_destroy_read_struct(&state_.png, &state_.info, nullptr); }
  PngDecoder(const PngDecoder&) = delete;
  PngDecoder& operator=(const PngDecoder&) = delete;

  StoredImage decode() {
    if (state_.info == nullptr) throw std::bad_alloc();
    require(read_png_header(state_));
    require_size(file_, png_get_image_width(state_.png, state_.info),
                 png_get_image_height(state_.png, state_.info));
    require(begin_png_rows(state_));
    const int type = png_get_color_type(state_.png, state_.info);
    const bool palette = type == PNG_COLOR_TYPE_PALETTE;
    StoredImage stored;
    if (palette) {
      stored.image = apply_palette(read_rows(1));
    } else if (png_get_bit_depth(state_.png, state_.info) == 16) {
      stored.image = clip(read_rows(2));
    } else {
      stored.image = read_rows(type == PNG_COLOR_TYPE_GRAY ? 1 : 3);
    }
    add_chunks(stored);
    return stored;
  }

 private:
  void require(bool done) const {
    if (done) return;
    if (state_.ran_out) refuse_truncated(file_, "PNG");
    refuse_image(file_, fmt::format("cannot decode the PNG: {}", printable(state_.error.data())),
                 "download the file again, or save it again as PNG");
  }

  /// `channels`: bytes per pixel.
  Image read_rows(std::int64_t channels) {
    Image image = make_image(file_, png_get_image_width(state_.png, state_.info),
                             png_get_image_height(state_.png, state_.info), channels);
    const auto row_bytes = narrow<std::size_t>(image.width * channels);
    if (png_get_rowbytes(state_.png, state_.info) != row_bytes) {
      refuse_image(file_, fmt::format("expected rows of {} bytes, got {}", row_bytes,
                                      png_get_rowbytes(state_.png, state_.info)));
    }
    std::vector<png_bytep> rows(narrow<std::size_t>(image.height));
    for (std::size_t y = 0; y < rows.size(); ++y) rows[y] = &image.samples[y * row_bytes];
    require(read_png_rows(state_, rows.data()) || has_all_rows());
    return image;
  }

  /// After the last row, libpng reads what follows, and can fail there.
  bool has_all_rows() const {
    constexpr int kPasses = 7;
    return png_get_interlace_type(state_.png, state_.info) == PNG_INTERLACE_NONE
               ? png_get_current_row_number(state_.png) ==
                     png_get_image_height(state_.png, state_.info)
               : png_get_current_pass_number(state_.png) == kPasses;
  }

  Image clip(const Image& pairs) const {
    Image image = make_image(file_, pairs.width, pairs.height, 1);
    clip_16_bits(pairs.samples, image.samples);
    return image;
  }

  /// Colors beyond the palette are black.
  Image apply_palette(const Image& indices) const {
    png_colorp colors = nullptr;
    int count = 0;
    png_get_PLTE(state_.png, state_.info, &colors, &count);
    std::array<png_color, 256> table{};
    for (int i = 0; i < count; ++i) table.at(static_cast<std::size_t>(i)) = colors[i];
    Image image = make_image(file_, indices.width, indices.height, 3);
    std::uint8_t* out = image.samples.data();
    for (const std::uint8_t index : indices.samples) {
      *out++ = table[index].red;
      *out++ = table[index].green;
      *out++ = table[index].blue;
    }
    return image;
  }

  void add_chunks(StoredImage& stored) {
    PngChunks chunks = read_png_chunks(file_.bytes);
    stored.metadata = std::move(chunks.metadata);
    stored.end_bytes = chunks.has_end ? chunks.end_bytes : file_.bytes.size();
    if (chunks.frames > 1) {
      stored.notes.push_back(
          {NoteCode::kImageAnimated, "", {{"frames", std::to_string(chunks.frames)}}});
    }
    // The pixels are complete: like Pillow, do not refuse them for what follows.
    if (!read_png_end(state_) || !chunks.has_end) {
      stored.notes.push_back({NoteCode::kImageEndDamaged});
    } else if (state_.warning.front() != '\0') {
      stored.notes.push_back(
          {NoteCode::kImageDamaged, "", {{"text", printable(state_.warning.data())}}});
    }
  }

  const ImageFile& file_;
  PngState state_{};
};

}  // namespace

StoredImage decode_png(const ImageFile& file) { return PngDecoder(file).decode(); }

}  // namespace weightlift
