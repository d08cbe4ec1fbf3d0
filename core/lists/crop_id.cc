#include "core/lists/crop_id.h"

#include <fmt/format.h>

#include <charconv>

namespace tamiz::lists {
namespace {

constexpr std::string_view kMark = "#crop-";

}  // namespace

std::string CropId(std::string_view entry_id, const CropRect& rect) {
  return fmt::format("{}{}{}-{}-{}-{}", entry_id, kMark, rect.left, rect.top, rect.width, rect.height);
}

std::optional<CropOf> ParseCropId(std::string_view id) {
  const std::size_t mark = id.rfind(kMark);
  if (mark == std::string_view::npos) return std::nullopt;
  CropOf crop{id.substr(0, mark), {}};
  const char* at = id.data() + mark + kMark.size();
  const char* const end = id.data() + id.size();
  for (std::uint32_t* number : {&crop.rect.left, &crop.rect.top, &crop.rect.width, &crop.rect.height}) {
    const auto [rest, error] = std::from_chars(at, end, *number);
    if (error != std::errc() || *number > 1000) return std::nullopt;
    at = rest;
    if (number == &crop.rect.height) break;
    if (at == end || *at != '-') return std::nullopt;
    ++at;
  }
  if (at != end || crop.entry_id.empty()) return std::nullopt;
  return crop;
}

std::string_view PictureIdOf(std::string_view id) {
  const std::optional<CropOf> crop = ParseCropId(id);
  return crop ? crop->entry_id : id;
}

}  // namespace tamiz::lists
