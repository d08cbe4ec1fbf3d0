// A walk over the directories of a TIFF file before any decoder sees it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tamiz::decoder {

struct TiffPage {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  int orientation = 0;          // EXIF values, 0 if none was stated
  std::uint32_t directory = 0;  // where it lies in the file
};

struct TiffOutline {
  std::vector<TiffPage> pages;
  bool more_pages = false;  // than asked for
  bool cut_short = false;   // a strip, tile or directory lies past the end
  bool big_endian = false;
};

// Never reads past `content`; follows at most `max_pages` directories, so loops end.
[[nodiscard]] TiffOutline OutlineTiff(std::span<const std::uint8_t> content, std::size_t max_pages);

}  // namespace tamiz::decoder
