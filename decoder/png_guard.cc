#include "decoder/png_guard.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include <zlib.h>

#include "decoder/orientation.h"

extern "C" {
#include <libavutil/crc.h>
}

namespace tamiz::decoder {
namespace {

constexpr std::size_t kSignature = 8;
constexpr std::size_t kOverhead = 12;  // length, type, checksum

std::uint32_t Big32(std::span<const std::uint8_t> bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | std::uint32_t{bytes[at + 1]} << 16 |
         std::uint32_t{bytes[at + 2]} << 8 | bytes[at + 3];
}

void AppendBig32(std::vector<std::uint8_t>& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

std::uint32_t Checksum(std::span<const std::uint8_t> bytes) {
  return ~av_crc(av_crc_get_table(AV_CRC_32_IEEE_LE), 0xFFFFFFFFU, bytes.data(), bytes.size());
}

// Sorted by how often they come.
constexpr std::array<std::string_view, 8> kKept = {"IDAT", "fdAT", "fcTL", "IHDR",
                                                   "PLTE", "tRNS", "IEND", "acTL"};

// Compressed pixels up to this are left to the decoder as they are: they inflate to a gigabyte at most, in
// two seconds.
constexpr std::size_t kUncheckedBytes = 1'000'000;

struct Chunk {
  std::string_view type;
  std::span<const std::uint8_t> body;  // what is there of it
  bool whole = false;
  bool checksum_fits = false;
  std::uint32_t checksum = 0;  // of type and body, as it should be
};

struct Size {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
};

// Bytes that the rows of a picture take before compression, with the byte before each that names its filter.
std::uint64_t RawBytes(Size size, std::uint32_t bits_per_pixel, bool interlaced) {
  const auto pass = [&](std::uint64_t width, std::uint64_t height) {
    return width == 0 ? 0 : height * (1 + (width * bits_per_pixel + 7) / 8);
  };
  if (!interlaced) return pass(size.width, size.height);
  // Adam7: where each pass begins and its steps.
  static constexpr std::array<std::array<std::uint32_t, 4>, 7> kPasses = {
      {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}};
  std::uint64_t bytes = 0;
  for (const auto& [x, y, step_x, step_y] : kPasses) {
    const std::uint64_t width = size.width > x ? (std::uint64_t{size.width} - x + step_x - 1) / step_x : 0;
    const std::uint64_t height = size.height > y ? (std::uint64_t{size.height} - y + step_y - 1) / step_y : 0;
    bytes += pass(width, height);
  }
  return bytes;
}

std::uint32_t BitsPerPixel(std::span<const std::uint8_t> header) {
  const std::uint32_t depth = header[8];
  switch (header[9]) {
    case 2:
      return 3 * depth;
    case 4:
      return 2 * depth;
    case 6:
      return 4 * depth;
    default:
      return depth;
  }
}

// Follows the compressed pixels of one picture from chunk to chunk and tells how much of each is needed.
class PixelMeter {
 public:
  explicit PixelMeter(std::uint64_t raw_bytes) : left_(raw_bytes) { open_ = inflateInit(&stream_) == Z_OK; }
  ~PixelMeter() {
    if (open_) inflateEnd(&stream_);
  }
  PixelMeter(const PixelMeter&) = delete;
  PixelMeter& operator=(const PixelMeter&) = delete;

  // Bytes at the beginning of `compressed` that hold pixels; 0 behind the last row or an error.
  [[nodiscard]] std::size_t Needed(std::span<const std::uint8_t> compressed) {
    if (!open_ || done_) return 0;
    std::array<std::uint8_t, 32768> scratch;
    stream_.next_in = const_cast<Bytef*>(compressed.data());
    stream_.avail_in = static_cast<uInt>(compressed.size());
    while (stream_.avail_in > 0 && !done_) {
      stream_.next_out = scratch.data();
      stream_.avail_out = static_cast<uInt>(scratch.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      const std::uint64_t out = scratch.size() - stream_.avail_out;
      if (result == Z_STREAM_END) {
        done_ = true;
        return compressed.size() - stream_.avail_in;
      }
      if (result != Z_OK && result != Z_BUF_ERROR) {
        damaged_ = done_ = true;
        // The decoder fails at the error too, and then shows nothing: it gets the data before it.
        const std::size_t used = compressed.size() - stream_.avail_in;
        return used > 0 ? used - 1 : 0;
      }
      left_ -= std::min(left_, out);
      done_ = left_ == 0 && stream_.avail_out == 0;
    }
    return compressed.size() - stream_.avail_in;
  }
  [[nodiscard]] bool damaged() const { return damaged_; }

 private:
  z_stream stream_{};
  std::uint64_t left_;
  bool open_ = false;
  bool done_ = false;
  bool damaged_ = false;
};

std::vector<Chunk> ReadChunks(std::span<const std::uint8_t> content) {
  std::vector<Chunk> chunks;
  std::size_t at = kSignature;
  while (content.size() - at >= 8) {
    const std::size_t stated = Big32(content, at);
    const std::size_t present = content.size() - at - 8;
    Chunk chunk;
    chunk.type = std::string_view(reinterpret_cast<const char*>(content.data() + at + 4), 4);
    chunk.body = content.subspan(at + 8, std::min(stated, present));
    chunk.whole = stated + 4 <= present;
    const bool kept = std::find(kKept.begin(), kKept.end(), chunk.type) != kKept.end();
    if (kept) {
      chunk.checksum = Checksum(content.subspan(at + 4, 4 + chunk.body.size()));
      chunk.checksum_fits = chunk.whole && chunk.checksum == Big32(content, at + 8 + stated);
    }
    if (kept || chunk.type == "eXIf") chunks.push_back(chunk);
    if (!chunk.whole || chunk.type == "IEND") break;
    at += kOverhead + stated;
  }
  return chunks;
}

void Append(std::vector<std::uint8_t>& out, std::string_view type, std::span<const std::uint8_t> body) {
  AppendBig32(out, static_cast<std::uint32_t>(body.size()));
  const std::size_t begin = out.size();
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), body.begin(), body.end());
  AppendBig32(out, Checksum(std::span(out).subspan(begin)));
}

void NoteFrameControl(std::span<const std::uint8_t> body, bool before_still, PngOutline& outline) {
  if (body.size() < 26) return;
  if (outline.animation_frames == 0) outline.still_is_extra = !before_still;
  ++outline.animation_frames;
  const std::int64_t numerator = body[20] << 8 | body[21];
  const std::int64_t denominator = body[22] << 8 | body[23];
  outline.animation_time +=
      std::chrono::microseconds(numerator * 1'000'000 / (denominator == 0 ? 100 : denominator));
}

}  // namespace

PngOutline OutlinePng(std::span<const std::uint8_t> content) {
  PngOutline outline;
  outline.damaged = true;
  if (content.size() < kSignature) return outline;
  const std::vector<Chunk> chunks = ReadChunks(content);
  std::size_t pixel_bytes = 0;
  bool bad_checksum = false;
  bool ended = false;
  for (const Chunk& chunk : chunks) {
    if (chunk.type == "IDAT" || chunk.type == "fdAT") pixel_bytes += chunk.body.size();
    bad_checksum = bad_checksum || (chunk.type != "eXIf" && chunk.whole && !chunk.checksum_fits);
    ended = ended || (chunk.type == "IEND" && chunk.whole);
  }
  const bool metered = pixel_bytes > kUncheckedBytes || bad_checksum;

  outline.data.reserve(content.size() + kOverhead + kPaddingBytes);
  outline.data.assign(content.begin(), content.begin() + kSignature);
  std::uint32_t bits_per_pixel = 0;
  bool interlaced = false;
  bool damaged_pixels = false;
  bool seen_still = false;
  std::optional<PixelMeter> still;
  std::optional<PixelMeter> frame;
  for (const Chunk& chunk : chunks) {
    std::span<const std::uint8_t> body = chunk.body;
    if (chunk.type == "eXIf") {
      if (outline.orientation == 0) outline.orientation = ReadExifOrientation(body);
      continue;
    }
    if (chunk.type == "IHDR" && !outline.has_header && body.size() >= 13) {
      outline.has_header = true;
      outline.width = Big32(body, 0);
      outline.height = Big32(body, 4);
      bits_per_pixel = BitsPerPixel(body);
      interlaced = body[12] != 0;
      if (metered) still.emplace(RawBytes({outline.width, outline.height}, bits_per_pixel, interlaced));
    } else if (chunk.type == "fcTL") {
      NoteFrameControl(body, !seen_still, outline);
      if (frame) damaged_pixels = damaged_pixels || frame->damaged();
      if (metered && body.size() >= 12) {
        frame.emplace(RawBytes({Big32(body, 4), Big32(body, 8)}, bits_per_pixel, interlaced));
      }
    } else if (chunk.type == "IDAT") {
      seen_still = true;
      if (still) body = body.first(still->Needed(body));
      if (still && body.empty()) continue;
    } else if (chunk.type == "fdAT" && frame && body.size() > 4) {
      body = body.first(4 + frame->Needed(body.subspan(4)));
      if (body.size() == 4) continue;
    }
    if (body.size() == chunk.body.size() && chunk.checksum_fits) {
      // As it is, with its length before it and its checksum behind.
      const std::uint8_t* begin = chunk.body.data() - 8;
      outline.data.insert(outline.data.end(), begin, begin + kOverhead + chunk.body.size());
    } else {
      Append(outline.data, chunk.type, body);
    }
  }
  damaged_pixels = damaged_pixels || (still && still->damaged()) || (frame && frame->damaged());
  if (!ended) Append(outline.data, "IEND", {});
  outline.damaged = bad_checksum || !ended || damaged_pixels;
  outline.bytes = outline.data.size();
  outline.data.resize(outline.bytes + kPaddingBytes);
  return outline;
}

}  // namespace tamiz::decoder
