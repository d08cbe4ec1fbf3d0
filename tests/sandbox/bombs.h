// Small files that ask for much. Made here, from their formats' specifications, so that none need be kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tamiz::bombs {

// ---- pictures that state a size

[[nodiscard]] std::string Png(std::uint32_t width, std::uint32_t height);  // grey, all black, whole
[[nodiscard]] std::string PngHeaderOnly(std::uint32_t width, std::uint32_t height);
[[nodiscard]] std::string Gif(std::uint16_t width, std::uint16_t height, int frames);  // frames of 1 x 1
[[nodiscard]] std::string Bmp(std::int32_t width, std::int32_t height);                // header only
[[nodiscard]] std::string Jpeg(std::uint16_t width, std::uint16_t height, bool progressive, int scans);
[[nodiscard]] std::string Tiff(std::uint32_t width, std::uint32_t height, bool with_pixels);
[[nodiscard]] std::string WebpCanvas(std::uint32_t width, std::uint32_t height,
                                     int frames);  // frames of 1 x 1

// ---- structure

// PNG with `chunks` chunks of `type` (zTXt, iCCP), each inflating to `megabytes` MiB.
[[nodiscard]] std::string PngWithInflatingChunks(std::string_view type, int chunks, int megabytes);
[[nodiscard]] std::string Apng(std::uint32_t side, std::uint32_t frames);
// Directories one after another; `cyclic`: the last names the first.
[[nodiscard]] std::string TiffChain(int directories, bool cyclic);
// One directory that claims `strips` strips, all the same bytes.
[[nodiscard]] std::string TiffStrips(std::uint32_t strips);
// Boxes of `type` in each other.
[[nodiscard]] std::string NestedBoxes(std::string_view type, int depth);
// A file of one track whose sample table claims `samples` samples.
[[nodiscard]] std::string Mp4WithSamples(std::uint32_t samples, std::uint32_t duration_each);

// ---- Matroska

struct Matroska {
  std::string codec = "V_MJPEG";
  std::string codec_private;
  std::uint64_t width = 48;
  std::uint64_t height = 32;
  std::uint64_t timestamp_scale = 1'000'000;  // nanoseconds
  double duration = 0;
  std::uint64_t default_duration = 0;  // nanoseconds a frame
  int tracks = 1;
  std::vector<std::string> attachments;  // as JPEG covers

  struct Cluster {
    std::uint64_t time = 0;
    std::vector<std::string> blocks;
  };
  std::vector<Cluster> clusters;
};
[[nodiscard]] std::string Write(const Matroska& file);

// What gzip packed.
[[nodiscard]] std::string Unpacked(const std::string& gzip);

// First packets of video that state 65536 x 65536.
[[nodiscard]] std::string HugeVp9Packet();
[[nodiscard]] std::string HugeAvcConfiguration();  // avcC with its sequence and picture parameter sets
[[nodiscard]] std::string AvcPacket();

}  // namespace tamiz::bombs
