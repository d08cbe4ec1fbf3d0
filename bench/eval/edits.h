// What people do to pictures, on luma planes: everything that PDQ sees.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include <opencv2/core.hpp>

namespace tamiz::eval {

// Pictures that edits may put beside the one that is edited (collages, picture-in-picture); never known ones.
using Others = std::vector<cv::Mat>;

// One way to edit a picture. Deterministic: the same picture and the same state of `random` give the same
// pixels.
struct Edit {
  std::string group;  // for example "crop"
  std::string name;   // for example "crop 5 %"
  std::function<cv::Mat(const cv::Mat& picture, std::mt19937& random, const Others& others)> apply;
  bool shows_more = false;  // than the picture: a screen, a frame, other pictures
};

// A JPEG file of `picture`.
[[nodiscard]] std::vector<std::uint8_t> EncodeJpeg(const cv::Mat& picture, int quality);

// All of them, in the order of the report. 8-bit luma in and out.
[[nodiscard]] std::vector<Edit> AllEdits();

}  // namespace tamiz::eval
