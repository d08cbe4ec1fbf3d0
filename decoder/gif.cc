#include "decoder/gif.h"

#include <algorithm>
#include <span>
#include <vector>

#include "decoder/video.h"

namespace tamiz::decoder {
namespace {

using media::IncompleteCode;

struct GifOutline {
  bool has_header = false;
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  AnimationFacts facts;
  bool whole = false;         // the trailer was reached
  std::size_t end = 0;        // behind it
  bool cut_in_image = false;  // the end lies in the data of a picture
  std::size_t missing = 0;    // bytes that its last block lacks
};

// A walk over the blocks (GIF89a specification, appendix B) without decompressing them.
GifOutline OutlineGif(std::span<const std::uint8_t> content) {
  GifOutline outline;
  if (content.size() < 13) return outline;
  outline.has_header = true;
  outline.width = static_cast<std::uint32_t>(content[6] | content[7] << 8);
  outline.height = static_cast<std::uint32_t>(content[8] | content[9] << 8);
  const auto table_bytes = [](std::uint8_t flags) {
    return (flags & 0x80) != 0 ? std::size_t{3} << ((flags & 7) + 1) : std::size_t{0};
  };
  const auto skip_sub_blocks = [&](std::size_t at) {
    while (at < content.size() && content[at] != 0) at += 1 + std::size_t{content[at]};
    return at + 1;
  };
  std::size_t at = 13 + table_bytes(content[10]);
  std::chrono::microseconds delay{0};
  while (at < content.size()) {
    switch (content[at]) {
      case 0x3B:
        outline.whole = true;
        outline.end = at + 1;
        return outline;
      case 0x21:
        if (at + 6 < content.size() && content[at + 1] == 0xF9) {
          delay = std::chrono::microseconds(10'000 * (content[at + 4] | content[at + 5] << 8));
        }
        at = skip_sub_blocks(at + 2);
        break;
      case 0x2C:
        if (at + 10 > content.size()) return outline;
        ++outline.facts.frames;
        // Browsers show frames without a delay for a tenth of a second.
        outline.facts.duration += delay.count() > 10'000 ? delay : std::chrono::milliseconds(100);
        at = skip_sub_blocks(at + 10 + table_bytes(content[at + 9]) + 1);
        outline.cut_in_image = at > content.size();
        outline.missing = outline.cut_in_image ? at - 1 - content.size() : 0;
        break;
      default:
        ++at;  // as decoders do with stray bytes
        break;
    }
  }
  return outline;
}

}  // namespace

std::size_t FindGifEnd(std::span<const std::uint8_t> content) { return OutlineGif(content).end; }

void DecodeGif(Output& output) {
  const GifOutline outline = OutlineGif(output.job().content);
  if (!outline.has_header) {
    output.Incomplete(IncompleteCode::kDecodeFailed, "no GIF header");
    return;
  }
  if (!output.AdmitSize(outline.width, outline.height)) return;
  const auto content = output.job().content;
  if (outline.whole) {
    DecodeAnimation(output, content, outline.facts);
    return;
  }
  output.Incomplete(IncompleteCode::kDecodeTruncated, "GIF without its end");
  // The last picture is closed, so that what there is of it is seen too.
  std::vector<std::uint8_t> closed(content.begin(), content.end());
  if (outline.cut_in_image) closed.resize(closed.size() + outline.missing + 1);
  closed.push_back(0x3B);
  DecodeAnimation(output, closed, outline.facts);
}

}  // namespace tamiz::decoder
