// Where the evaluation's pictures come from.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <opencv2/core.hpp>

#include "core/hash/hash256.h"
#include "core/media/luma.h"
#include "core/sandbox/decoder_pool.h"

namespace tamiz::eval {

[[nodiscard]] inline media::LumaView ViewOf(const cv::Mat& picture) {
  return {picture.data, static_cast<std::uint32_t>(picture.cols), static_cast<std::uint32_t>(picture.rows),
          picture.step};
}

// A file, or one that is drawn.
struct Source {
  std::filesystem::path file;  // empty: drawn from `seed`
  std::uint32_t seed = 0;
  std::string origin = "drawn";  // the folder or the list of files that it is from
  int quarter = 0;               // 1…4: only this quarter of the file's picture, in reading order
};

// Sides of a quarter of a picture, pixels; smaller ones are no pictures of their own.
inline constexpr int kSmallestQuarter = 256;

// Luma of `source`, decoded by a confined decoder, at most `max_side` pixels a side; empty if it cannot be
// had, or is a quarter of a picture too small to be divided. Thread-safe.
[[nodiscard]] cv::Mat Load(sandbox::DecoderPool& decoders, const Source& source, int max_side);

// Scenes of gradients, blobs, lines and grain, all different; for machines without real pictures.
[[nodiscard]] cv::Mat Draw(std::uint32_t seed, int max_side);

// Regular files of some size under `folders`, ordered by path, icons and the like left out by size. A folder
// may be a file too, which holds a path a line; its name is the origin of those.
[[nodiscard]] std::vector<Source> FilesUnder(const std::vector<std::string>& folders);

// What is remembered of a picture to tell whether two are the same: not its hash, which is what is measured.
struct Thumbnail {
  static constexpr int kSide = 16;
  std::array<float, kSide * kSide> pixels{};  // mean 0, length 1
};
[[nodiscard]] Thumbnail ThumbnailOf(const cv::Mat& picture);
// The largest correlation over the eight orientations, -1…1.
[[nodiscard]] double Likeness(const Thumbnail& a, const Thumbnail& b);

// What tells whether two originals are one picture without looking at what PDQ looks at: the picture as 64 x
// 64 cells, its discrete cosine transform, without the 17 x 17 lowest frequencies, all that PDQ's bits are
// made of. Pictures of one layout differ here; copies, scaled or compressed anew, do not.
struct Detail {
  std::vector<float> frequencies;  // length 1
  std::uint64_t digest = 0;        // of the cells: equal for equal pictures
};
[[nodiscard]] Detail DetailOf(const cv::Mat& picture);
// The largest correlation of one of `originals` with `picture` in any of the eight orientations, -1…1.
// `which`: its number.
[[nodiscard]] double DetailLikeness(const std::vector<Detail>& originals, const Detail& picture,
                                    std::size_t& which);

// Names that differ in numbers, sizes and languages only stand for variants of one picture: the part of the
// path that they share.
[[nodiscard]] std::string FamilyOf(const std::filesystem::path& file);

}  // namespace tamiz::eval
