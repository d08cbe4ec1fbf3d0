#include "tests/sandbox/bombs.h"

#include <zlib.h>

#include <algorithm>

#include <bit>
#include <cstdlib>

namespace tamiz::bombs {
namespace {

void Big(std::string& out, std::uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void Little(std::string& out, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void Put32(std::string& out, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i) out[at + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i));
}

// `bytes` zeros, compressed.
std::string Zeros(std::uint64_t bytes) {
  z_stream deflater{};
  if (deflateInit(&deflater, 9) != Z_OK) std::abort();
  std::string piece(1u << 20, '\0');
  std::string out;
  std::string buffer(1u << 16, '\0');
  int result = Z_OK;
  while (result != Z_STREAM_END) {
    if (deflater.avail_in == 0 && bytes > 0) {
      const std::uint64_t take = std::min<std::uint64_t>(bytes, piece.size());
      deflater.next_in = reinterpret_cast<Bytef*>(piece.data());
      deflater.avail_in = static_cast<uInt>(take);
      bytes -= take;
    }
    deflater.next_out = reinterpret_cast<Bytef*>(buffer.data());
    deflater.avail_out = static_cast<uInt>(buffer.size());
    result = deflate(&deflater, bytes == 0 ? Z_FINISH : Z_NO_FLUSH);
    out.append(buffer, 0, buffer.size() - deflater.avail_out);
  }
  deflateEnd(&deflater);
  return out;
}

void Chunk(std::string& out, std::string_view type, std::string_view body) {
  Big(out, body.size(), 4);
  const std::size_t begin = out.size();
  out.append(type).append(body);
  Big(out,
      crc32(0, reinterpret_cast<const Bytef*>(out.data() + begin), static_cast<uInt>(out.size() - begin)), 4);
}

std::string PngStart(std::uint32_t width, std::uint32_t height) {
  std::string png = "\x89PNG\r\n\x1A\n";
  std::string header;
  Big(header, width, 4);
  Big(header, height, 4);
  header.append({8, 0, 0, 0, 0});
  Chunk(png, "IHDR", header);
  return png;
}

std::string GreyRows(std::uint32_t width, std::uint32_t height) {
  return Zeros((std::uint64_t{width} + 1) * height);
}

// The smallest lossless picture: one pixel.
constexpr std::string_view kVp8l("\x2f\0\0\0\0\x07\xd0\xff\xfe\xf7\xbf\xff\x81\x88\xe8\x7f\0\0", 18);

void RiffChunk(std::string& out, std::string_view type, std::string_view body) {
  out.append(type);
  Little(out, body.size(), 4);
  out.append(body);
  if (body.size() % 2 != 0) out.push_back('\0');
}

// Tag, type and one value, little endian.
void TiffEntry(std::string& out, std::uint32_t tag, std::uint32_t type, std::uint32_t count,
               std::uint32_t value) {
  Little(out, tag, 2);
  Little(out, type, 2);
  Little(out, count, 4);
  Little(out, value, 4);
}

constexpr std::uint32_t kShort = 3;
constexpr std::uint32_t kLong = 4;

// A directory of a grey picture, `strips` strips that lie at `offsets` and `counts`.
void TiffDirectory(std::string& out, std::uint32_t width, std::uint32_t height, std::uint32_t compression,
                   std::uint32_t rows_a_strip, std::uint32_t strips, std::uint32_t offsets,
                   std::uint32_t counts, std::uint32_t next) {
  Little(out, 8, 2);
  TiffEntry(out, 256, kLong, 1, width);
  TiffEntry(out, 257, kLong, 1, height);
  TiffEntry(out, 258, kShort, 1, 8);
  TiffEntry(out, 259, kShort, 1, compression);
  TiffEntry(out, 262, kShort, 1, 1);
  TiffEntry(out, 273, kLong, strips, offsets);
  TiffEntry(out, 278, kLong, 1, rows_a_strip);
  TiffEntry(out, 279, kLong, strips, counts);
  Little(out, next, 4);
}
constexpr std::uint32_t kDirectoryBytes = 2 + 8 * 12 + 4;

std::string Box(std::string_view type, std::string_view body) {
  std::string out;
  Big(out, body.size() + 8, 4);
  return out.append(type).append(body);
}

// An EBML element whose size takes eight bytes.
std::string Element(std::uint32_t id, std::string_view body) {
  std::string out;
  Big(out, id, (static_cast<int>(std::bit_width(id)) + 7) / 8);
  Big(out, body.size() | std::uint64_t{1} << 56, 8);
  return out.append(body);
}

std::string Unsigned(std::uint32_t id, std::uint64_t value) {
  std::string body;
  Big(body, value, 8);
  return Element(id, body);
}

// Bits of video headers, first bit highest.
class Bits {
 public:
  void Put(std::uint64_t value, int count) {
    for (int i = count - 1; i >= 0; --i) {
      if (used_ == 0) bytes_.push_back('\0');
      bytes_.back() = static_cast<char>(bytes_.back() | ((i < 64 ? value >> i & 1 : 0) << (7 - used_)));
      used_ = (used_ + 1) % 8;
    }
  }
  // Exponential Golomb, as H.264 has them.
  void Golomb(std::uint32_t value) {
    const std::uint64_t code = std::uint64_t{value} + 1;
    const int width = static_cast<int>(std::bit_width(code));
    Put(0, width - 1);
    Put(code, width);
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  int used_ = 0;
};

}  // namespace

std::string Png(std::uint32_t width, std::uint32_t height) {
  std::string png = PngStart(width, height);
  Chunk(png, "IDAT", GreyRows(width, height));
  Chunk(png, "IEND", {});
  return png;
}

std::string PngHeaderOnly(std::uint32_t width, std::uint32_t height) {
  std::string png = PngStart(width, height);
  Chunk(png, "IDAT", Zeros(1000));
  Chunk(png, "IEND", {});
  return png;
}

std::string Gif(std::uint16_t width, std::uint16_t height, int frames) {
  std::string gif = "GIF89a";
  Little(gif, width, 2);
  Little(gif, height, 2);
  gif.append({'\x80', 0, 0, 0, 0, 0, '\xff', '\xff', '\xff'});
  constexpr std::string_view kFrame("\x2C\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0", 15);
  for (int i = 0; i < frames; ++i) gif.append(kFrame);
  return gif.append(";");
}

std::string Bmp(std::int32_t width, std::int32_t height) {
  std::string bmp(1024, '\0');
  bmp[0] = 'B';
  bmp[1] = 'M';
  Put32(bmp, 2, 1024);
  Put32(bmp, 10, 54);
  Put32(bmp, 14, 40);
  Put32(bmp, 18, static_cast<std::uint32_t>(width));
  Put32(bmp, 22, static_cast<std::uint32_t>(height));
  Put32(bmp, 26, 1 | 24 << 16);
  return bmp;
}

std::string Jpeg(std::uint16_t width, std::uint16_t height, bool progressive, int scans) {
  std::string jpeg = "\xFF\xD8";
  jpeg.append("\xFF\xDB").append({0, 67, 0}).append(64, '\x01');
  jpeg.append(progressive ? "\xFF\xC2" : "\xFF\xC0").append({0, 11, 8});
  Big(jpeg, height, 2);
  Big(jpeg, width, 2);
  jpeg.append({1, 1, 0x11, 0});
  // One code of one bit: no difference; for baseline also "end of block".
  for (const int table : {0x00, 0x10}) {
    jpeg.append("\xFF\xC4").append({0, 20, static_cast<char>(table), 1}).append(15, '\0').append(1, '\0');
  }
  for (int i = 0; i < scans; ++i) {
    jpeg.append("\xFF\xDA").append({0, 8, 1, 1, 0, 0, static_cast<char>(progressive ? 0 : 63), 0});
    jpeg.append(4, '\0');
  }
  return jpeg.append("\xFF\xD9");
}

std::string Tiff(std::uint32_t width, std::uint32_t height, bool with_pixels) {
  const std::string pixels = with_pixels ? Zeros(std::uint64_t{width} * height) : std::string(100, '\0');
  std::string tiff("II*\0\x08\0\0\0", 8);
  TiffDirectory(tiff, width, height, 8, height, 1, 8 + kDirectoryBytes,
                static_cast<std::uint32_t>(pixels.size()), 0);
  return tiff.append(pixels);
}

std::string WebpCanvas(std::uint32_t width, std::uint32_t height, int frames) {
  std::string body = "WEBP";
  std::string canvas({frames > 1 ? '\x12' : '\x10', 0, 0, 0});
  Little(canvas, width - 1, 3);
  Little(canvas, height - 1, 3);
  RiffChunk(body, "VP8X", canvas);
  if (frames > 1) {
    RiffChunk(body, "ANIM", std::string(6, '\0'));
    std::string frame(12, '\0');  // at 0,0, one by one
    Little(frame, 20, 3);         // ms
    frame.push_back('\0');
    RiffChunk(frame, "VP8L", kVp8l);
    for (int i = 0; i < frames; ++i) RiffChunk(body, "ANMF", frame);
  } else {
    RiffChunk(body, "VP8L", kVp8l);
  }
  std::string webp = "RIFF";
  Little(webp, body.size(), 4);
  return webp.append(body);
}

std::string PngWithInflatingChunks(std::string_view type, int chunks, int megabytes) {
  std::string png = PngStart(64, 48);
  const std::string body = std::string("name\0\0", 6) + Zeros(std::uint64_t(megabytes) << 20);
  for (int i = 0; i < chunks; ++i) Chunk(png, type, body);
  Chunk(png, "IDAT", GreyRows(64, 48));
  Chunk(png, "IEND", {});
  return png;
}

std::string Apng(std::uint32_t side, std::uint32_t frames) {
  std::string png = PngStart(side, side);
  std::string control;
  Big(control, frames, 4);
  Big(control, 0, 4);
  Chunk(png, "acTL", control);
  const std::string rows = GreyRows(1, 1);
  std::uint32_t sequence = 0;
  for (std::uint32_t i = 0; i < frames; ++i) {
    std::string frame;
    Big(frame, sequence++, 4);
    Big(frame, i == 0 ? side : 1, 4);  // the first is the whole picture
    Big(frame, i == 0 ? side : 1, 4);
    Big(frame, 0, 8);
    Big(frame, 1, 2);
    Big(frame, 50, 2);
    Big(frame, 0, 2);
    Chunk(png, "fcTL", frame);
    if (i == 0) {
      Chunk(png, "IDAT", GreyRows(side, side));
      continue;
    }
    std::string data;
    Big(data, sequence++, 4);
    Chunk(png, "fdAT", data.append(rows));
  }
  Chunk(png, "IEND", {});
  return png;
}

std::string TiffChain(int directories, bool cyclic) {
  std::string tiff("II*\0\x08\0\0\0", 8);
  for (int i = 0; i < directories; ++i) {
    const auto next = static_cast<std::uint32_t>(tiff.size()) + kDirectoryBytes;
    const bool last = i + 1 == directories;
    TiffDirectory(tiff, 16, 16, 1, 16, 1, 8, 256, last ? (cyclic ? 8 : 0) : next);
  }
  return tiff.append(1024, '\0');
}

std::string TiffStrips(std::uint32_t strips) {
  std::string tiff("II*\0\x08\0\0\0", 8);
  const std::uint32_t offsets = 8 + kDirectoryBytes;
  const std::uint32_t counts = offsets + 4 * strips;
  TiffDirectory(tiff, 16, strips, 1, 1, strips, offsets, counts, 0);
  for (std::uint32_t i = 0; i < strips; ++i) Little(tiff, 8, 4);
  for (std::uint32_t i = 0; i < strips; ++i) Little(tiff, 16, 4);
  return tiff;
}

std::string NestedBoxes(std::string_view type, int depth) {
  std::string file = Box("ftyp", std::string("isom\0\0\0\0isom", 12));
  const auto bytes = static_cast<std::uint64_t>(depth) * 8;
  for (int i = 0; i < depth; ++i) {
    Big(file, bytes - static_cast<std::uint64_t>(i) * 8, 4);
    file.append(type);
  }
  return file;
}

std::string Mp4WithSamples(std::uint32_t samples, std::uint32_t duration_each) {
  const auto full = [](std::initializer_list<std::uint32_t> words) {
    std::string body;
    for (const std::uint32_t word : words) Big(body, word, 4);
    return body;
  };
  std::string entry(6, '\0');
  Big(entry, 1, 2);
  entry.append(16, '\0');
  Big(entry, 64, 2);
  Big(entry, 48, 2);
  Big(entry, 0x00480000, 4);
  Big(entry, 0x00480000, 4);
  Big(entry, 0, 4);
  Big(entry, 1, 2);
  entry.append(32, '\0');
  Big(entry, 24, 2);
  Big(entry, 0xffff, 2);
  std::string handler = full({0, 0});
  handler.append("vide").append(13, '\0');
  const std::string table =
      Box("stbl", Box("stsd", full({0, 1}) + Box("jpeg", entry)) +
                      Box("stts", full({0, 1, samples, duration_each})) +
                      Box("stsc", full({0, 1, 1, samples, 1})) + Box("stsz", full({0, 1, samples})) +
                      Box("stco", full({0, 1, 8})));
  const std::string media =
      Box("mdia", Box("mdhd", full({0, 0, 0, 1, 0xffffffff, 0})) + Box("hdlr", handler) +
                      Box("minf", Box("vmhd", full({1, 0, 0})) + table));
  std::string track_header = full({7, 0, 0, 1, 0, 0xffffffff});
  track_header.append(60, '\0');
  std::string movie_header = full({0, 0, 0, 1, 0xffffffff});
  movie_header.append(80, '\0');
  return Box("ftyp", std::string("isom\0\0\0\0isom", 12)) +
         Box("moov", Box("mvhd", movie_header) + Box("trak", Box("tkhd", track_header) + media)) +
         Box("mdat", std::string(1000, 'x'));
}

std::string Write(const Matroska& file) {
  std::string duration;
  Big(duration, std::bit_cast<std::uint64_t>(file.duration), 8);
  std::string info = Unsigned(0x2AD7B1, file.timestamp_scale);
  if (file.duration != 0) info += Element(0x4489, duration);
  std::string tracks;
  for (int i = 0; i < file.tracks; ++i) {
    std::string track = Unsigned(0xD7, static_cast<std::uint64_t>(i) + 1) +
                        Unsigned(0x73C5, static_cast<std::uint64_t>(i) + 1) + Unsigned(0x83, 1) +
                        Element(0x86, file.codec) +
                        Element(0xE0, Unsigned(0xB0, file.width) + Unsigned(0xBA, file.height));
    if (!file.codec_private.empty()) track += Element(0x63A2, file.codec_private);
    if (file.default_duration != 0) track += Unsigned(0x23E383, file.default_duration);
    tracks += Element(0xAE, track);
  }
  std::string attachments;
  std::uint64_t uid = 1;
  for (const std::string& data : file.attachments) {
    attachments += Element(0x61A7, Element(0x466E, "cover.jpg") + Element(0x4660, "image/jpeg") +
                                       Element(0x465C, data) + Unsigned(0x46AE, uid++));
  }
  std::string segment = Element(0x1549A966, info) + Element(0x1654AE6B, tracks);
  if (!attachments.empty()) segment += Element(0x1941A469, attachments);
  for (const Matroska::Cluster& cluster : file.clusters) {
    std::string body = Unsigned(0xE7, cluster.time);
    std::uint16_t time = 0;
    for (const std::string& block : cluster.blocks) {
      std::string data = "\x81";
      Big(data, time++, 2);
      data.push_back('\x80');
      // A short size, or a million tiny blocks would be mostly that.
      std::string element = "\xA3";
      Big(element, (data.size() + block.size()) | 0x10000000u, 4);
      body += element.append(data).append(block);
    }
    segment += Element(0x1F43B675, body);
  }
  return Element(0x1A45DFA3, Element(0x4282, "matroska")) + Element(0x18538067, segment);
}

std::string Unpacked(const std::string& gzip) {
  std::string bytes(1u << 20, '\0');
  z_stream stream{};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  constexpr int kGzip = 16;
  const bool done =
      inflateInit2(&stream, MAX_WBITS + kGzip) == Z_OK && inflate(&stream, Z_FINISH) == Z_STREAM_END;
  bytes.resize(done ? stream.total_out : 0);
  inflateEnd(&stream);
  return bytes;
}

std::string HugeVp9Packet() {
  Bits bits;
  bits.Put(0b10, 2);       // frame marker
  bits.Put(0, 2);          // profile
  bits.Put(0, 1);          // shows no other frame
  bits.Put(0, 1);          // key frame
  bits.Put(1, 1);          // shown
  bits.Put(0, 1);          // not resilient
  bits.Put(0x498342, 24);  // sync code
  bits.Put(1, 3);          // colour space
  bits.Put(0, 1);          // range
  bits.Put(0xffff, 16);    // width - 1
  bits.Put(0xffff, 16);    // height - 1
  bits.Put(0, 400);
  return bits.bytes();
}

std::string HugeAvcConfiguration() {
  Bits set;
  set.Put(0x67, 8);
  set.Put(66, 8);  // baseline
  set.Put(0xC0, 8);
  set.Put(62, 8);  // level
  for (const std::uint32_t value : {0u, 0u, 2u, 1u}) set.Golomb(value);
  set.Put(0, 1);
  set.Golomb(4095);  // macroblocks across and down, less one
  set.Golomb(4095);
  set.Put(0b1100, 4);  // frames only, direct, no crop, no usability information
  set.Put(0x80, 8);
  Bits picture;
  picture.Put(0x68, 8);
  picture.Golomb(0);
  picture.Golomb(0);
  picture.Put(0, 2);
  for (int i = 0; i < 3; ++i) picture.Golomb(0);
  picture.Put(0, 3);
  for (int i = 0; i < 3; ++i) picture.Golomb(0);
  picture.Put(0, 3);
  picture.Put(0x80, 8);
  std::string configuration({1, 66, '\xC0', 62, '\xFF', '\xE1'});
  Big(configuration, set.bytes().size(), 2);
  configuration += set.bytes();
  configuration.push_back(1);
  Big(configuration, picture.bytes().size(), 2);
  return configuration + picture.bytes();
}

std::string AvcPacket() {
  Bits slice;
  slice.Put(0x65, 8);
  slice.Golomb(0);
  slice.Golomb(7);
  slice.Golomb(0);
  slice.Put(0, 200);
  std::string packet;
  Big(packet, slice.bytes().size(), 4);
  return packet + slice.bytes();
}

}  // namespace tamiz::bombs
