#include "decoder/heif_still.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <libheif/heif.h>

#include "decoder/container_check.h"
#include "decoder/luma_convert.h"

namespace tamiz::decoder {
namespace {

using media::FrameVariant;
using media::IncompleteCode;

struct ContextFree {
  void operator()(heif_context* context) const { heif_context_free(context); }
};
struct HandleFree {
  void operator()(heif_image_handle* handle) const { heif_image_handle_release(handle); }
};
struct ImageFree {
  void operator()(heif_image* image) const { heif_image_release(image); }
};
struct NclxFree {
  void operator()(heif_color_profile_nclx* profile) const { heif_nclx_color_profile_free(profile); }
};
struct OptionsFree {
  void operator()(heif_decoding_options* options) const { heif_decoding_options_free(options); }
};
using HandlePtr = std::unique_ptr<heif_image_handle, HandleFree>;
using ImagePtr = std::unique_ptr<heif_image, ImageFree>;

// libheif's messages may quote the file; its numbers do not.
void ReportError(Output& output, const heif_error& error) {
  const IncompleteCode code =
      error.code == heif_error_Memory_allocation_error
          ? (error.subcode == heif_suberror_Security_limit_exceeded ? IncompleteCode::kPixelLimit
                                                                    : IncompleteCode::kMemoryLimit)
          : IncompleteCode::kDecodeFailed;
  output.Incomplete(code, fmt::format("libheif gave no picture (code {}, {})", static_cast<int>(error.code),
                                      static_cast<int>(error.subcode)));
}

// A plane of samples in a decoded image.
struct Plane {
  const std::uint8_t* data = nullptr;
  std::size_t stride = 0;
  int bits = 0;

  Plane() = default;
  Plane(const heif_image* image, heif_channel channel) {
    int bytes = 0;
    data = heif_image_get_plane_readonly(image, channel, &bytes);
    stride = static_cast<std::size_t>(std::max(bytes, 0));
    bits = heif_image_get_bits_per_pixel_range(image, channel);
  }

  // 8-bit values of row y; `table` maps samples of more bits.
  void Row(std::uint32_t y, const std::vector<std::uint8_t>& table, std::uint8_t* out,
           std::uint32_t width) const {
    const std::uint8_t* row = data + stride * y;
    if (bits <= 8) {
      for (std::uint32_t x = 0; x < width; ++x) out[x] = table[row[x]];
      return;
    }
    const auto* wide = reinterpret_cast<const std::uint16_t*>(row);
    const auto last = static_cast<std::uint32_t>(table.size() - 1);
    for (std::uint32_t x = 0; x < width; ++x) out[x] = table[std::min<std::uint32_t>(wide[x], last)];
  }
};

std::vector<std::uint8_t> MakeTable(int bits, bool limited) {
  const int depth = std::clamp(bits, 8, 16);
  const std::int64_t max = (std::int64_t{1} << depth) - 1;
  const std::int64_t low = std::int64_t{16} << (depth - 8);
  const std::int64_t range = std::int64_t{219} << (depth - 8);
  std::vector<std::uint8_t> table(static_cast<std::size_t>(max + 1));
  for (std::int64_t v = 0; v <= max; ++v) {
    const std::int64_t offset = std::clamp<std::int64_t>(v - low, 0, range);
    table[static_cast<std::size_t>(v)] =
        static_cast<std::uint8_t>(limited ? offset * 255 / range : (v * 255 + max / 2) / max);
  }
  return table;
}

// One decoded picture: its luma, and its opacity if it has any.
class HeifPicture {
 public:
  // False, and reported, if it cannot be decoded.
  [[nodiscard]] bool Open(Output& output, const heif_image_handle* handle) {
    const std::unique_ptr<heif_decoding_options, OptionsFree> options(heif_decoding_options_alloc());
    if (!Decode(output, handle, heif_colorspace_undefined, heif_chroma_undefined, options.get()))
      return false;
    bool limited = false;
    bool identity = false;
    heif_color_profile_nclx* raw = nullptr;
    if (heif_image_get_nclx_color_profile(image_.get(), &raw).code != heif_error_Ok || raw == nullptr) {
      raw = nullptr;
      (void)heif_image_handle_get_nclx_color_profile(handle, &raw);
    }
    if (const std::unique_ptr<heif_color_profile_nclx, NclxFree> profile(raw); profile != nullptr) {
      limited = profile->full_range_flag == 0;
      identity = profile->matrix_coefficients == heif_matrix_coefficients_RGB_GBR;
    }
    const heif_colorspace space = heif_image_get_colorspace(image_.get());
    if ((space == heif_colorspace_YCbCr && !identity) || space == heif_colorspace_monochrome) {
      luma_ = Plane(image_.get(), heif_channel_Y);
      width_ = static_cast<std::uint32_t>(heif_image_get_width(image_.get(), heif_channel_Y));
      height_ = static_cast<std::uint32_t>(heif_image_get_height(image_.get(), heif_channel_Y));
      table_ = MakeTable(luma_.bits, limited);
      if (heif_image_has_channel(image_.get(), heif_channel_Alpha) != 0)
        alpha_ = Plane(image_.get(), heif_channel_Alpha);
      alpha_table_ = MakeTable(alpha_.bits, false);
    } else {
      // Red, green and blue stored as such: 8 bits are enough.
      options->convert_hdr_to_8bit = 1;
      if (!Decode(output, handle, heif_colorspace_RGB, heif_chroma_interleaved_RGBA, options.get()))
        return false;
      luma_ = Plane(image_.get(), heif_channel_interleaved);
      width_ = static_cast<std::uint32_t>(heif_image_get_width(image_.get(), heif_channel_interleaved));
      height_ = static_cast<std::uint32_t>(heif_image_get_height(image_.get(), heif_channel_interleaved));
      interleaved_ = true;
    }
    if (luma_.data == nullptr || width_ == 0 || height_ == 0) {
      output.Incomplete(IncompleteCode::kDecodeFailed, "libheif gave a picture without luma");
      return false;
    }
    scratch_.resize(width_);
    transparent_ = FindTransparency();
    return true;
  }

  [[nodiscard]] std::uint32_t width() const { return width_; }
  [[nodiscard]] std::uint32_t height() const { return height_; }
  [[nodiscard]] bool has_transparency() const { return transparent_; }

  void Write(std::uint8_t* out, std::size_t stride, FrameVariant variant) {
    for (std::uint32_t y = 0; y < height_; ++y, out += stride) {
      if (interleaved_) {
        const std::uint8_t* row = luma_.data + luma_.stride * y;
        RgbRow(row, row + 1, row + 2, 4, out, width_);
      } else {
        luma_.Row(y, table_, out, width_);
      }
      if (transparent_ && variant == FrameVariant::kAsShown) {
        AlphaRow(y);
        OverWhiteRow(out, scratch_.data(), width_);
      }
    }
  }

 private:
  [[nodiscard]] bool Decode(Output& output, const heif_image_handle* handle, heif_colorspace space,
                            heif_chroma chroma, const heif_decoding_options* options) {
    heif_image* raw = nullptr;
    const heif_error error = heif_decode_image(handle, &raw, space, chroma, options);
    image_.reset(raw);
    if (error.code == heif_error_Ok && raw != nullptr) return true;
    ReportError(output, error);
    return false;
  }

  void AlphaRow(std::uint32_t y) {
    if (interleaved_) {
      const std::uint8_t* row = luma_.data + luma_.stride * y;
      for (std::uint32_t x = 0; x < width_; ++x) scratch_[x] = row[std::size_t{4} * x + 3];
    } else {
      alpha_.Row(y, alpha_table_, scratch_.data(), width_);
    }
  }

  [[nodiscard]] bool FindTransparency() {
    if (!interleaved_) {
      if (alpha_.data == nullptr) return false;
      // A plane of another size belongs to a file that lies; its values would be read past their end.
      if (heif_image_get_width(image_.get(), heif_channel_Alpha) != static_cast<int>(width_) ||
          heif_image_get_height(image_.get(), heif_channel_Alpha) != static_cast<int>(height_)) {
        return false;
      }
    }
    for (std::uint32_t y = 0; y < height_; ++y) {
      AlphaRow(y);
      std::uint8_t all = 255;
      for (const std::uint8_t a : scratch_) all &= a;
      if (all != 255) return true;
    }
    return false;
  }

  ImagePtr image_;
  Plane luma_;
  Plane alpha_;
  std::vector<std::uint8_t> table_;
  std::vector<std::uint8_t> alpha_table_;
  std::vector<std::uint8_t> scratch_;
  std::uint32_t width_ = 0;
  std::uint32_t height_ = 0;
  bool interleaved_ = false;
  bool transparent_ = false;
};

bool DecodePicture(Output& output, const heif_image_handle* handle) {
  const auto width = static_cast<std::uint64_t>(std::max(0, heif_image_handle_get_width(handle)));
  const auto height = static_cast<std::uint64_t>(std::max(0, heif_image_handle_get_height(handle)));
  if (!output.AdmitSize(width, height) || !output.CountDecoded(width, height)) return false;
  HeifPicture decoded;
  if (!decoded.Open(output, handle) || !output.AdmitSize(decoded.width(), decoded.height())) return false;
  Picture picture;
  picture.width = decoded.width();
  picture.height = decoded.height();
  picture.has_transparency = decoded.has_transparency();
  return output.Deliver(picture, [&](std::uint8_t* out, std::size_t stride, FrameVariant variant) {
    decoded.Write(out, stride, variant);
    return true;
  });
}

}  // namespace

void DecodeHeif(Output& output) {
  const auto content = output.job().content;
  if (const auto cut = FindCut(media::FileFormat::kHeic, content); !cut.empty()) {
    output.Incomplete(IncompleteCode::kDecodeTruncated, cut);
  }
  const std::unique_ptr<heif_context, ContextFree> context(heif_context_alloc());
  if (context == nullptr) {
    output.Incomplete(IncompleteCode::kMemoryLimit, "no memory for libheif");
    return;
  }
  heif_context_set_max_decoding_threads(context.get(), 0);
  if (const heif_error error =
          heif_context_read_from_memory_without_copy(context.get(), content.data(), content.size(), nullptr);
      error.code != heif_error_Ok) {
    ReportError(output, error);
    return;
  }
  heif_item_id primary = 0;
  const bool has_primary = heif_context_get_primary_image_ID(context.get(), &primary).code == heif_error_Ok;
  std::array<heif_item_id, 4 * kMaxHeifPictures> ids{};
  const int total = heif_context_get_number_of_top_level_images(context.get());
  const int listed =
      heif_context_get_list_of_top_level_image_IDs(context.get(), ids.data(), static_cast<int>(ids.size()));
  std::vector<heif_item_id> order;
  if (has_primary) order.push_back(primary);
  for (int i = 0; i < listed; ++i) {
    if (!has_primary || ids[static_cast<std::size_t>(i)] != primary)
      order.push_back(ids[static_cast<std::size_t>(i)]);
  }
  if (order.empty()) {
    output.Incomplete(IncompleteCode::kDecodeFailed, "no picture listed");
    return;
  }
  const bool more = total > kMaxHeifPictures;
  if (order.size() > kMaxHeifPictures) order.resize(kMaxHeifPictures);
  bool announced = false;
  for (const heif_item_id id : order) {
    heif_image_handle* raw = nullptr;
    const heif_error error = heif_context_get_image_handle(context.get(), id, &raw);
    const HandlePtr handle(raw);
    if (error.code != heif_error_Ok || handle == nullptr) {
      ReportError(output, error);
      continue;
    }
    if (!announced) {
      announced = true;
      media::MediaInfo media;
      media.codec = output.job().format == media::FileFormat::kAvif ? "av1" : "hevc";
      media.width = static_cast<std::uint32_t>(std::max(0, heif_image_handle_get_width(handle.get())));
      media.height = static_cast<std::uint32_t>(std::max(0, heif_image_handle_get_height(handle.get())));
      output.Media(media);
      output.Planned(order.size());
    }
    (void)DecodePicture(output, handle.get());
    if (output.stopped()) return;
  }
  if (more)
    output.Incomplete(IncompleteCode::kFrameLimit, fmt::format("more than {} pictures", kMaxHeifPictures));
}

}  // namespace tamiz::decoder
