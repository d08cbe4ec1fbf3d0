#include "decoder/still_jpeg.h"

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include <fmt/format.h>
// libjpeg's headers want size_t and FILE declared before them.
#include <jerror.h>
#include <jpeglib.h>

#include "decoder/jpeg_guard.h"
#include "decoder/luma_convert.h"
#include "decoder/still_packet.h"

namespace tamiz::decoder {
namespace {

using media::FrameVariant;
using media::IncompleteCode;

// Encoders write about ten; a refinement scan of nothing costs the decoder a walk over every coefficient.
constexpr std::uint32_t kMaxScans = 200;
// Under two seconds, at the 0.65 ns that an empty scan takes for a pixel; the usual ten scans of 100
// megapixels fit.
constexpr std::uint64_t kMaxScanPixels = 2'500'000'000;

struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  bool damaged;
  int fatal_code;
};

[[noreturn]] void OnError(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  errors->fatal_code = info->err->msg_code;
  std::longjmp(errors->jump, 1);
}

// Level -1 is a warning about the data. Some only say that the encoder was careless.
void OnMessage(j_common_ptr info, int level) {
  if (level >= 0) return;
  switch (info->err->msg_code) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_TOO_MUCH_DATA:
    case JWRN_NOT_SEQUENTIAL:
      return;
    default:
      reinterpret_cast<JpegErrors*>(info->err)->damaged = true;
  }
}

void NoOutput(j_common_ptr) {}

// One decompressor. Its functions return to their caller by longjmp on errors, so they keep no objects with
// destructors.
class JpegReader {
 public:
  JpegReader() {
    info_.err = jpeg_std_error(&errors_.base);
    errors_.base.error_exit = OnError;
    errors_.base.emit_message = OnMessage;
    errors_.base.output_message = NoOutput;
    errors_.damaged = false;
    errors_.fatal_code = 0;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  // Reads the headers and chooses the cheapest output that has the luma. False on error.
  [[nodiscard]] bool Start(const std::uint8_t* data, std::size_t size) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, data, size);
    if (jpeg_read_header(&info_, TRUE) != JPEG_HEADER_OK) return false;
    info_.dct_method = JDCT_ISLOW;
    switch (info_.jpeg_color_space) {
      case JCS_YCbCr:
      case JCS_GRAYSCALE:
        info_.out_color_space = JCS_GRAYSCALE;
        break;
      case JCS_CMYK:
      case JCS_YCCK:
        info_.out_color_space = JCS_CMYK;
        break;
      case JCS_RGB:
        info_.out_color_space = JCS_RGB;
        break;
      default:
        // Two or more than four components without a known meaning: the first is all that can be shown.
        info_.out_color_space = info_.jpeg_color_space;
        break;
    }
    return jpeg_start_decompress(&info_) != FALSE;
  }

  // Next row of output samples. False on error.
  [[nodiscard]] bool ReadRow(std::uint8_t* row) {
    if (setjmp(errors_.jump) != 0) return false;
    JSAMPROW rows[1] = {row};
    return jpeg_read_scanlines(&info_, rows, 1) == 1;
  }

  // Rows of single samples straight to their place; returns how many were read.
  [[nodiscard]] std::uint32_t ReadPlane(std::uint8_t* out, std::size_t stride) {
    if (setjmp(errors_.jump) != 0) return info_.output_scanline;
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW rows[16];
      const JDIMENSION count = std::min<JDIMENSION>(16, info_.output_height - info_.output_scanline);
      for (JDIMENSION i = 0; i < count; ++i) rows[i] = out + stride * (info_.output_scanline + i);
      if (jpeg_read_scanlines(&info_, rows, count) == 0) break;
    }
    return info_.output_scanline;
  }

  // Reads to the end marker, for its warnings.
  void Finish() {
    if (setjmp(errors_.jump) != 0) return;
    jpeg_finish_decompress(&info_);
  }

  [[nodiscard]] const jpeg_decompress_struct& info() const { return info_; }
  [[nodiscard]] bool damaged() const { return errors_.damaged || errors_.fatal_code != 0; }
  [[nodiscard]] bool out_of_memory() const { return errors_.fatal_code == JERR_OUT_OF_MEMORY; }
  [[nodiscard]] int fatal_code() const { return errors_.fatal_code; }

 private:
  jpeg_decompress_struct info_{};
  JpegErrors errors_{};
};

void FillGrey(std::uint8_t* out, std::size_t stride, std::uint32_t width, std::uint32_t from,
              std::uint32_t to) {
  for (std::uint32_t y = from; y < to; ++y) std::memset(out + stride * y, 128, width);
}

// Luma rows of everything that is not a plane of luma already.
std::uint32_t ReadConverted(JpegReader& reader, bool inverted, std::uint8_t* out, std::size_t stride) {
  const jpeg_decompress_struct& info = reader.info();
  const std::size_t samples = static_cast<std::size_t>(info.output_components);
  std::vector<std::uint8_t> row(samples * info.output_width);
  std::uint32_t y = 0;
  for (; y < info.output_height && reader.ReadRow(row.data()); ++y, out += stride) {
    if (info.out_color_space == JCS_CMYK) {
      CmykRow(row.data(), inverted, out, info.output_width);
    } else if (info.out_color_space == JCS_RGB) {
      RgbRow(row.data(), row.data() + 1, row.data() + 2, samples, out, info.output_width);
    } else {
      for (std::size_t x = 0; x < info.output_width; ++x) out[x] = row[x * samples];
    }
  }
  return y;
}

// One pass over `content`. `inverted` matters for CMYK only. False if no picture came out.
bool DecodeOnce(Output& output, const JpegOutline& outline, bool inverted) {
  const auto content = output.job().content.first(outline.decodable_bytes);
  const auto reader = std::make_unique<JpegReader>();
  if (!reader->Start(content.data(), content.size())) {
    output.Incomplete(reader->out_of_memory() ? IncompleteCode::kMemoryLimit : IncompleteCode::kDecodeFailed,
                      fmt::format("libjpeg gave up on the headers (code {})", reader->fatal_code()));
    return false;
  }
  const jpeg_decompress_struct& info = reader->info();
  // The outline and libjpeg read the same header; a file on which they differ is not worth a guess.
  if (info.output_width != outline.width || info.output_height != outline.height) {
    output.Incomplete(IncompleteCode::kDecodeFailed, "more than one frame header");
    return false;
  }
  Picture picture;
  picture.width = info.output_width;
  picture.height = info.output_height;
  picture.orientation = std::max(outline.orientation, 1);
  bool decoded = false;
  output.Deliver(picture, [&](std::uint8_t* out, std::size_t stride, FrameVariant) {
    const std::uint32_t rows = info.output_components == 1 ? reader->ReadPlane(out, stride)
                                                           : ReadConverted(*reader, inverted, out, stride);
    if (rows == info.output_height) reader->Finish();
    FillGrey(out, stride, info.output_width, rows, info.output_height);
    decoded = rows > 0;
    return decoded;
  });
  if (!decoded && !output.stopped()) {
    output.Incomplete(reader->out_of_memory() ? IncompleteCode::kMemoryLimit : IncompleteCode::kDecodeFailed,
                      fmt::format("libjpeg gave no picture (code {})", reader->fatal_code()));
  } else if (outline.decodable_bytes == output.job().content.size() &&
             (reader->damaged() || !outline.has_end_marker)) {
    output.Incomplete(IncompleteCode::kDecodeTruncated, "JPEG data damaged or cut short");
  }
  return decoded;
}

}  // namespace

void DecodeJpeg(Output& output) {
  JpegOutline outline = OutlineJpeg(output.job().content, kMaxScans);
  if (!outline.has_frame) {
    output.Incomplete(IncompleteCode::kDecodeFailed, "no JPEG frame header");
    return;
  }
  media::MediaInfo media;
  media.codec = "jpeg";
  media.width = outline.orientation >= 5 ? outline.height : outline.width;
  media.height = outline.orientation >= 5 ? outline.width : outline.height;
  media.exif_orientation = static_cast<std::uint32_t>(outline.orientation);
  output.Media(media);
  output.Planned(1);
  if (!outline.decodable_by_libjpeg) {
    DecodeUnusualJpeg(output, outline.orientation);
    return;
  }
  if (!output.AdmitSize(outline.width, outline.height)) return;
  const std::uint64_t pixels = std::uint64_t{outline.width} * outline.height;
  const std::uint32_t allowed =
      static_cast<std::uint32_t>(std::clamp<std::uint64_t>(kMaxScanPixels / pixels, 1, kMaxScans));
  if (outline.scans > allowed) {
    const std::uint32_t scans = outline.scans;
    outline = OutlineJpeg(output.job().content, allowed);
    output.Incomplete(
        IncompleteCode::kTimeBudget,
        fmt::format("JPEG with {} scans of {} pixels; the first {} were decoded", scans, pixels, allowed));
  }
  if (!output.CountDecoded(outline.width, outline.height)) return;
  // Whether 255 is no ink or all of it: Adobe's programs write the former and say so by their marker. Without
  // it viewers disagree, so both readings are looked at.
  const bool ambiguous = outline.components == 4 && !outline.has_adobe_marker;
  if (DecodeOnce(output, outline, outline.has_adobe_marker) && ambiguous && !output.stopped()) {
    (void)DecodeOnce(output, outline, true);
  }
}

}  // namespace tamiz::decoder
