// A walk over the markers of a JPEG file before any decoder sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tamiz::decoder {

struct JpegOutline {
  bool has_frame = false;  // a start-of-frame marker was found
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t components = 0;
  std::uint32_t precision = 0;        // bits a sample
  bool decodable_by_libjpeg = false;  // Huffman or arithmetic, sequential or progressive, 8 bits
  bool has_adobe_marker = false;
  std::uint32_t scans = 0;
  int orientation = 0;          // EXIF, 0 if none was stated
  bool has_end_marker = false;  // EOI was reached
  std::size_t end = 0;          // behind it; 0 if it was not
  // Content up to here has at most the `max_scans` scans given to OutlineJpeg; the whole if it has no more.
  std::size_t decodable_bytes = 0;
};

// Never reads past `content`. Costs one look at each 0xFF byte.
[[nodiscard]] JpegOutline OutlineJpeg(std::span<const std::uint8_t> content, std::uint32_t max_scans);

}  // namespace tamiz::decoder
