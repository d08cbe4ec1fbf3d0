// Numbers of a TIFF structure, in whichever byte order it has: TIFF files and EXIF blocks.
#pragma once

#include <cstdint>
#include <span>

namespace tamiz::decoder {

// Borrowed view. U16 and U32 read without a check: ask Has first.
class TiffReader {
 public:
  TiffReader(std::span<const std::uint8_t> bytes, bool big_endian) : bytes_(bytes), big_(big_endian) {}

  // Whether `length` bytes lie at `at`.
  [[nodiscard]] bool Has(std::uint64_t at, std::uint64_t length) const {
    return at <= bytes_.size() && length <= bytes_.size() - at;
  }
  [[nodiscard]] std::uint32_t U16(std::size_t at) const {
    return big_ ? std::uint32_t{bytes_[at]} << 8 | bytes_[at + 1]
                : std::uint32_t{bytes_[at + 1]} << 8 | bytes_[at];
  }
  [[nodiscard]] std::uint32_t U32(std::size_t at) const {
    return big_ ? U16(at) << 16 | U16(at + 2) : U16(at + 2) << 16 | U16(at);
  }

 private:
  std::span<const std::uint8_t> bytes_;
  bool big_;
};

}  // namespace tamiz::decoder
