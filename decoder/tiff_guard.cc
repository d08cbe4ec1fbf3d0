#include "decoder/tiff_guard.h"

#include <algorithm>

#include "decoder/tiff_reader.h"

namespace tamiz::decoder {
namespace {

// Tags of TIFF 6.0.
constexpr std::uint32_t kWidth = 256;
constexpr std::uint32_t kHeight = 257;
constexpr std::uint32_t kStripOffsets = 273;
constexpr std::uint32_t kOrientation = 274;
constexpr std::uint32_t kStripByteCounts = 279;
constexpr std::uint32_t kTileOffsets = 324;
constexpr std::uint32_t kTileByteCounts = 325;

// A field of 16- or 32-bit numbers.
struct Field {
  std::uint64_t at = 0;
  std::uint32_t count = 0;
  bool wide = false;
};

Field FieldAt(const TiffReader& reader, std::size_t entry) {
  Field field;
  field.wide = reader.U16(entry + 2) == 4;
  field.count = reader.U32(entry + 4);
  const std::uint64_t bytes = std::uint64_t{field.count} * (field.wide ? 4 : 2);
  field.at = bytes <= 4 ? entry + 8 : reader.U32(entry + 8);
  if (!reader.Has(field.at, bytes)) field.count = 0;
  return field;
}

std::uint32_t Value(const TiffReader& reader, const Field& field, std::uint32_t i) {
  const auto at = static_cast<std::size_t>(field.at);
  return field.wide ? reader.U32(at + std::size_t{4} * i) : reader.U16(at + std::size_t{2} * i);
}

bool LiesPastEnd(const TiffReader& reader, const Field& offsets, const Field& counts) {
  const std::uint32_t n = std::min(offsets.count, counts.count);
  for (std::uint32_t i = 0; i < n; ++i) {
    if (!reader.Has(Value(reader, offsets, i), Value(reader, counts, i))) return true;
  }
  return false;
}

}  // namespace

TiffOutline OutlineTiff(std::span<const std::uint8_t> content, std::size_t max_pages) {
  TiffOutline outline;
  if (content.size() < 8) return outline;
  const TiffReader reader(content, content[0] == 'M');
  if (reader.U16(2) != 42) return outline;
  outline.big_endian = content[0] == 'M';
  std::uint64_t directory = reader.U32(4);
  while (directory != 0) {
    if (outline.pages.size() == max_pages) {
      outline.more_pages = true;
      break;
    }
    if (!reader.Has(directory, 2)) {
      outline.cut_short = true;
      break;
    }
    const auto at = static_cast<std::size_t>(directory);
    const std::uint32_t entries = reader.U16(at);
    TiffPage page;
    page.directory = static_cast<std::uint32_t>(directory);
    Field offsets;
    Field counts;
    const std::size_t end = at + 2 + std::size_t{12} * entries;
    for (std::size_t entry = at + 2; entry < end; entry += 12) {
      if (!reader.Has(entry, 12)) {
        outline.cut_short = true;
        break;
      }
      const Field field = FieldAt(reader, entry);
      const std::uint32_t first = field.count > 0 ? Value(reader, field, 0) : 0;
      switch (reader.U16(entry)) {
        case kWidth:
          page.width = first;
          break;
        case kHeight:
          page.height = first;
          break;
        case kOrientation:
          page.orientation = first >= 1 && first <= 8 ? static_cast<int>(first) : 0;
          break;
        case kStripOffsets:
        case kTileOffsets:
          offsets = field;
          break;
        case kStripByteCounts:
        case kTileByteCounts:
          counts = field;
          break;
        default:
          break;
      }
    }
    outline.cut_short = outline.cut_short || LiesPastEnd(reader, offsets, counts);
    outline.pages.push_back(page);
    if (!reader.Has(end, 4)) {
      outline.cut_short = true;
      break;
    }
    directory = reader.U32(end);
  }
  return outline;
}

}  // namespace tamiz::decoder
