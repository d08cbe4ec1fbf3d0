#include "bench/eval/edits.h"

#include <algorithm>
#include <cmath>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>
#include <jpeglib.h>
#include <webp/decode.h>
#include <webp/encode.h>

#include <opencv2/imgproc.hpp>

namespace tamiz::eval {
namespace {

using cv::Mat;
using cv::Point;
using cv::Rect;
using cv::Scalar;
using cv::Size;

double Uniform(std::mt19937& random, double low, double high) {
  // std::uniform_real_distribution differs between libraries; this does not.
  return low + (high - low) * (static_cast<double>(random()) / 4294967296.0);
}
int Pick(std::mt19937& random, int low, int high) {
  return low + static_cast<int>(Uniform(random, 0, 1) * (high - low + 1));
}

Mat Jpeg(const Mat& picture, int quality) {
  const std::vector<std::uint8_t> file = EncodeJpeg(picture, quality);
  jpeg_decompress_struct in{};
  jpeg_error_mgr error{};
  in.err = jpeg_std_error(&error);
  jpeg_create_decompress(&in);
  jpeg_mem_src(&in, file.data(), file.size());
  jpeg_read_header(&in, TRUE);
  jpeg_start_decompress(&in);
  Mat result(picture.size(), CV_8UC1);
  while (in.output_scanline < in.output_height) {
    JSAMPROW row = result.ptr(static_cast<int>(in.output_scanline));
    jpeg_read_scanlines(&in, &row, 1);
  }
  jpeg_finish_decompress(&in);
  jpeg_destroy_decompress(&in);
  return result;
}

Mat WebP(const Mat& picture, float quality) {
  Mat colour;
  cv::cvtColor(picture, colour, cv::COLOR_GRAY2RGB);
  std::uint8_t* bytes = nullptr;
  const std::size_t size =
      WebPEncodeRGB(colour.data, colour.cols, colour.rows, static_cast<int>(colour.step), quality, &bytes);
  if (size == 0) return picture.clone();  // larger than the format can hold
  WebPDecodeRGBInto(bytes, size, colour.data, colour.total() * 3, static_cast<int>(colour.step));
  WebPFree(bytes);
  Mat result;
  cv::cvtColor(colour, result, cv::COLOR_RGB2GRAY);
  return result;
}

Mat Resize(const Mat& picture, double x, double y) {
  Mat result;
  const Size size(std::max(64, static_cast<int>(std::lround(picture.cols * x))),
                  std::max(64, static_cast<int>(std::lround(picture.rows * y))));
  cv::resize(picture, result, size, 0, 0, x < 1 ? cv::INTER_AREA : cv::INTER_CUBIC);
  return result;
}
Mat Fit(const Mat& picture, Size size) {
  Mat result;
  cv::resize(picture, result, size, 0, 0,
             size.area() < picture.size().area() ? cv::INTER_AREA : cv::INTER_LINEAR);
  return result;
}
// The largest size of the picture's shape inside `box`.
Size Inside(const Mat& picture, Size box) {
  const double factor = std::min(double(box.width) / picture.cols, double(box.height) / picture.rows);
  return {std::max(16, static_cast<int>(picture.cols * factor)),
          std::max(16, static_cast<int>(picture.rows * factor))};
}
// Cut to the shape of `size` and scaled to it.
Mat Fill(const Mat& picture, Size size) {
  const double factor = std::max(double(size.width) / picture.cols, double(size.height) / picture.rows);
  const int width = std::min(picture.cols, static_cast<int>(std::lround(size.width / factor)));
  const int height = std::min(picture.rows, static_cast<int>(std::lround(size.height / factor)));
  return Fit(picture(Rect((picture.cols - width) / 2, (picture.rows - height) / 2, width, height)).clone(),
             size);
}

Mat Blur(const Mat& picture, double share) {
  Mat result;
  const double sigma = share * std::max(picture.cols, picture.rows);
  if (sigma < 5) {
    cv::GaussianBlur(picture, result, {}, sigma);
    return result;
  }
  // What little is left after a wide blur survives on a quarter of the pixels' sides, at a tenth of the cost.
  Mat small;
  cv::resize(picture, small, {std::max(16, picture.cols / 4), std::max(16, picture.rows / 4)}, 0, 0,
             cv::INTER_AREA);
  cv::GaussianBlur(small, small, {}, sigma / 4);
  cv::resize(small, result, picture.size(), 0, 0, cv::INTER_CUBIC);
  return result;
}
Mat Noise(const Mat& picture, double sigma, std::mt19937& random) {
  cv::RNG noise(random());
  Mat grain(picture.size(), CV_16SC1), wide;
  noise.fill(grain, cv::RNG::NORMAL, 0, sigma);
  picture.convertTo(wide, CV_16SC1);
  wide += grain;
  Mat result;
  wide.convertTo(result, CV_8UC1);
  return result;
}
Mat Levels(const Mat& picture, double gain, double offset) {
  Mat result;
  picture.convertTo(result, CV_8UC1, gain, offset);
  return result;
}
Mat Gamma(const Mat& picture, double gamma) {
  Mat table(1, 256, CV_8UC1), result;
  for (int i = 0; i < 256; ++i)
    table.at<std::uint8_t>(i) = cv::saturate_cast<std::uint8_t>(255 * std::pow(i / 255.0, gamma));
  cv::LUT(picture, table, result);
  return result;
}

// Takes `share` of width and height away, the rest of it somewhere.
Mat CropShare(const Mat& picture, double share, std::mt19937& random) {
  const int width = static_cast<int>(std::lround(picture.cols * (1 - share)));
  const int height = static_cast<int>(std::lround(picture.rows * (1 - share)));
  return picture(Rect(Pick(random, 0, picture.cols - width), Pick(random, 0, picture.rows - height), width,
                      height))
      .clone();
}
// `share` of the picture's longer side on each side.
Mat Border(const Mat& picture, double share, int level) {
  const int width = static_cast<int>(std::lround(share * std::max(picture.cols, picture.rows)));
  Mat result;
  cv::copyMakeBorder(picture, result, width, width, width, width, cv::BORDER_CONSTANT, Scalar(level));
  return result;
}
Mat OnGround(const Mat& picture, Size size, const Mat& ground) {
  Mat result = ground.clone();
  const Mat small = Fit(picture, Inside(picture, size));
  small.copyTo(
      result(Rect((size.width - small.cols) / 2, (size.height - small.rows) / 2, small.cols, small.rows)));
  return result;
}
// Into a shape that it does not have: bars above and below, or at the sides.
Size OtherShape(const Mat& picture) {
  return picture.cols >= picture.rows ? Size(picture.cols, picture.cols * 5 / 4 + 8)
                                      : Size(picture.rows * 5 / 4 + 8, picture.rows);
}

Mat Rotate(const Mat& picture, double degrees, int ground) {
  const cv::Point2f centre(static_cast<float>(picture.cols - 1) / 2,
                           static_cast<float>(picture.rows - 1) / 2);
  Mat result;
  cv::warpAffine(picture, result, cv::getRotationMatrix2D(centre, -degrees, 1), picture.size(),
                 cv::INTER_CUBIC, cv::BORDER_CONSTANT, Scalar(ground));
  return result;
}

// The largest part of the picture's shape that has no empty corner.
Mat RotateCut(const Mat& picture, double degrees) {
  const double radians = std::abs(degrees) * CV_PI / 180, w = picture.cols, h = picture.rows;
  const double share = 1 / std::max(std::cos(radians) + h / w * std::sin(radians),
                                    std::cos(radians) + w / h * std::sin(radians));
  const int width = static_cast<int>(w * share), height = static_cast<int>(h * share);
  const Mat turned = Rotate(picture, degrees, 0);
  return turned(Rect((picture.cols - width) / 2, (picture.rows - height) / 2, width, height)).clone();
}

void Text(Mat& picture, const std::string& text, Point at, double height, int level, int weight = 2) {
  const double scale = height / 22;
  cv::putText(picture, text, at, cv::FONT_HERSHEY_SIMPLEX, scale, Scalar(255 - level),
              std::max(1, static_cast<int>(weight * 2 * scale)), cv::LINE_AA);
  cv::putText(picture, text, at, cv::FONT_HERSHEY_SIMPLEX, scale, Scalar(level),
              std::max(1, static_cast<int>(weight * scale)), cv::LINE_AA);
}
std::string Words(std::mt19937& random, int count) {
  static const char* const kWords[] = {"when",  "you",   "see",   "a",   "bridge", "at",  "noon", "hello",
                                       "world", "chair", "again", "the", "of",     "and", "wait"};
  std::string text;
  for (int i = 0; i < count; ++i)
    text += std::string(i == 0 ? "" : " ") + kWords[random() % std::size(kWords)];
  return text;
}

Mat Caption(const Mat& picture, std::mt19937& random) {
  Mat result = picture.clone();
  const double height = result.rows * 0.07;
  Text(result, Words(random, 4), {result.cols / 12, static_cast<int>(result.rows * 0.92)}, height, 255);
  return result;
}
Mat Watermark(const Mat& picture) {
  Mat layer = picture.clone(), result;
  for (int i = 0; i < 4; ++i) {
    Text(layer, "example.org",
         {layer.cols / 10 + i * layer.cols / 14, static_cast<int>(layer.rows * (0.2 + 0.22 * i))},
         layer.rows * 0.05, 255, 1);
  }
  cv::addWeighted(picture, 0.65, layer, 0.35, 0, result);
  return result;
}
Mat Emoji(const Mat& picture, std::mt19937& random) {
  Mat result = picture.clone();
  const int radius = static_cast<int>(0.09 * std::min(result.cols, result.rows));
  const Point at(Pick(random, radius, result.cols - radius), Pick(random, radius, result.rows - radius));
  cv::circle(result, at, radius, Scalar(210), cv::FILLED, cv::LINE_AA);
  for (const int side : {-1, 1})
    cv::circle(result, at + Point(side * radius / 3, -radius / 4), radius / 8, Scalar(20), cv::FILLED,
               cv::LINE_AA);
  cv::ellipse(result, at, {radius / 2, radius / 2}, 0, 20, 160, Scalar(20), std::max(1, radius / 12),
              cv::LINE_AA);
  return result;
}

// A phone's screen: status bar, title, the picture over the full width, buttons and lines of text.
Mat Screenshot(const Mat& picture, std::mt19937& random, bool dark) {
  const int width = 1080, height = 2160;
  const int ground = dark ? Pick(random, 0, 40) : Pick(random, 235, 255), ink = dark ? 230 : 30;
  Mat screen(height, width, CV_8UC1, Scalar(ground));
  Text(screen, "12:34", {50, 70}, 40, ink, 1);
  cv::rectangle(screen, Rect(940, 40, 90, 36), Scalar(ink), 3);
  cv::circle(screen, {110, 190}, 60, Scalar((ground + ink) / 2), cv::FILLED, cv::LINE_AA);
  Text(screen, Words(random, 2), {200, 185}, 42, ink, 1);
  Text(screen, Words(random, 3), {200, 235}, 28, (ground + ink) / 2, 1);
  const Size size = Inside(picture, {width, 1300});
  const int top = 290 + Pick(random, 0, 60);
  Fit(picture, size).copyTo(screen(Rect((width - size.width) / 2, top, size.width, size.height)));
  int y = top + size.height + 90;
  for (int i = 0; i < 3; ++i) cv::circle(screen, {80 + 110 * i, y}, 32, Scalar(ink), 5, cv::LINE_AA);
  for (y += 110; y < height - 200; y += 64)
    Text(screen, Words(random, Pick(random, 3, 6)), {50, y}, 36, ink, 1);
  cv::line(screen, {0, height - 150}, {width, height - 150}, Scalar((ground * 3 + ink) / 4), 2);
  for (int i = 0; i < 5; ++i) cv::rectangle(screen, Rect(70 + 210 * i, height - 110, 60, 60), Scalar(ink), 5);
  return screen;
}
// A desktop's window with a side bar.
Mat Desktop(const Mat& picture, std::mt19937& random) {
  Mat screen(1080, 1920, CV_8UC1, Scalar(245));
  cv::rectangle(screen, Rect(0, 0, 1920, 90), Scalar(215), cv::FILLED);
  cv::rectangle(screen, Rect(300, 22, 1200, 46), Scalar(255), cv::FILLED);
  Text(screen, "https://example.org/" + Words(random, 1), {330, 56}, 26, 60, 1);
  cv::rectangle(screen, Rect(0, 90, 320, 990), Scalar(232), cv::FILLED);
  for (int y = 150; y < 1040; y += 56) Text(screen, Words(random, 2), {30, y}, 24, 70, 1);
  const Size size = Inside(picture, {1100, 780});
  Fit(picture, size).copyTo(screen(Rect(400, 140, size.width, size.height)));
  for (int y = 140 + size.height + 60; y < 1060; y += 44) Text(screen, Words(random, 8), {400, y}, 24, 40, 1);
  return screen;
}
Mat Meme(const Mat& picture, std::mt19937& random) {
  const int band = picture.rows / 5;
  Mat result;
  cv::copyMakeBorder(picture, result, band, picture.rows / 40, picture.cols / 40, picture.cols / 40,
                     cv::BORDER_CONSTANT, Scalar(255));
  Text(result, Words(random, 3), {picture.cols / 16, band * 2 / 5}, band * 0.28, 10, 1);
  Text(result, Words(random, 3), {picture.cols / 16, band * 4 / 5}, band * 0.28, 10, 1);
  return result;
}
// A phone's gallery: a grid of pictures cut square.
Mat Gallery(const Mat& picture, std::mt19937& random, const Others& others) {
  const int cell = 400, gap = Pick(random, 4, 16);
  Mat result(3 * cell + 2 * gap + 160, 3 * cell + 2 * gap, CV_8UC1, Scalar(250));
  Text(result, "Tuesday", {30, 100}, 50, 20, 1);
  const int chosen = Pick(random, 0, 8);
  for (int i = 0; i < 9; ++i) {
    const Mat& shown = i == chosen ? picture : others[random() % others.size()];
    Fill(shown, {cell, cell})
        .copyTo(result(Rect((i % 3) * (cell + gap), 160 + (i / 3) * (cell + gap), cell, cell)));
  }
  return result;
}
// Four pictures, the whole of each.
Mat Collage(const Mat& picture, std::mt19937& random, const Others& others, int gap) {
  const Size size = Inside(picture, {720, 720});
  Mat result(size.height * 2 + gap * 3, size.width * 2 + gap * 3, CV_8UC1,
             Scalar(random() % 2 == 0 ? 255 : 0));
  const int chosen = Pick(random, 0, 3);
  for (int i = 0; i < 4; ++i) {
    const Mat shown = i == chosen ? Fit(picture, size) : Fill(others[random() % others.size()], size);
    shown.copyTo(result(Rect(gap + (i % 2) * (size.width + gap), gap + (i / 2) * (size.height + gap),
                             size.width, size.height)));
  }
  return result;
}
Mat PictureInPicture(const Mat& picture, std::mt19937& random, const Others& others) {
  Mat result = Fill(others[random() % others.size()], {1280, 720});
  const Size size = Inside(picture, {static_cast<int>(1280 * 0.45), static_cast<int>(720 * 0.45)});
  const int x = random() % 2 == 0 ? 40 : 1280 - 40 - size.width,
            y = random() % 2 == 0 ? 40 : 720 - 40 - size.height;
  Fit(picture, size).copyTo(result(Rect(x, y, size.width, size.height)));
  return result;
}
// Taken from a screen with a camera: a little perspective, the screen's grid, uneven light, blur, noise.
Mat PhotoOfScreen(const Mat& picture, std::mt19937& random) {
  Mat work = Fit(picture, Inside(picture, {1280, 1280}));
  for (int x = 0; x < work.cols; x += 3) work.col(x) *= 0.85;
  const float w = static_cast<float>(work.cols), h = static_cast<float>(work.rows);
  const auto off = [&](float size) { return static_cast<float>(Uniform(random, 0.0, 0.018)) * size; };
  const cv::Point2f from[] = {{0, 0}, {w, 0}, {w, h}, {0, h}};
  const cv::Point2f to[] = {
      {off(w), off(h)}, {w - off(w), off(h)}, {w - off(w), h - off(h)}, {off(w), h - off(h)}};
  Mat result;
  cv::warpPerspective(work, result, cv::getPerspectiveTransform(from, to), work.size(), cv::INTER_LINEAR,
                      cv::BORDER_CONSTANT, Scalar(12));
  Mat light(result.size(), CV_32FC1);
  for (int y = 0; y < light.rows; ++y)
    for (int x = 0; x < light.cols; ++x)
      light.at<float>(y, x) = 0.85f + 0.25f * static_cast<float>(x) / w - 0.1f * static_cast<float>(y) / h;
  Mat wide;
  result.convertTo(wide, CV_32FC1);
  cv::multiply(wide, light, wide);
  wide.convertTo(result, CV_8UC1);
  return Jpeg(Noise(Blur(result, 0.0008), 4, random), 75);
}

}  // namespace

std::vector<std::uint8_t> EncodeJpeg(const Mat& picture, int quality) {
  jpeg_compress_struct out{};
  jpeg_error_mgr error{};
  out.err = jpeg_std_error(&error);
  jpeg_create_compress(&out);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&out, &bytes, &size);
  out.image_width = static_cast<JDIMENSION>(picture.cols);
  out.image_height = static_cast<JDIMENSION>(picture.rows);
  out.input_components = 1;
  out.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&out);
  jpeg_set_quality(&out, quality, TRUE);
  jpeg_start_compress(&out, TRUE);
  while (out.next_scanline < out.image_height) {
    JSAMPROW row = const_cast<JSAMPROW>(picture.ptr(static_cast<int>(out.next_scanline)));
    jpeg_write_scanlines(&out, &row, 1);
  }
  jpeg_finish_compress(&out);
  jpeg_destroy_compress(&out);
  std::vector<std::uint8_t> file(bytes, bytes + size);
  std::free(bytes);
  return file;
}

std::vector<Edit> AllEdits() {
  std::vector<Edit> edits;
  const auto add = [&](std::string group, std::string name, auto apply) {
    edits.push_back(
        {std::move(group), std::move(name), [apply](const Mat& p, std::mt19937& r, const Others& o) -> Mat {
           (void)r, (void)o;
           if constexpr (std::is_invocable_v<decltype(apply), const Mat&>) {
             return apply(p);
           } else if constexpr (std::is_invocable_v<decltype(apply), const Mat&, std::mt19937&>) {
             return apply(p, r);
           } else {
             return apply(p, r, o);
           }
         }});
  };
  add("copy", "as it is", [](const Mat& p) { return p.clone(); });
  for (const int q : {90, 70, 50, 30, 10})
    add("compression", fmt::format("JPEG quality {}", q), [q](const Mat& p) { return Jpeg(p, q); });
  add("format", "WebP quality 75", [](const Mat& p) { return WebP(p, 75); });
  for (const double f : {2.0, 0.5, 0.25, 0.125})
    add("resize", fmt::format("resize to {:g} %", f * 100), [f](const Mat& p) { return Resize(p, f, f); });
  add("resize", "squeezed to 80 % of its width", [](const Mat& p) { return Resize(p, 0.8, 1); });
  for (const double s : {0.1, 0.3, 0.6})
    add("blur", fmt::format("blur, sigma {:g} % of the longer side", s),
        [s](const Mat& p) { return Blur(p, s / 100); });
  for (const double s : {5., 15., 30.})
    add("noise", fmt::format("noise, sigma {:g} levels", s),
        [s](const Mat& p, std::mt19937& r) { return Noise(p, s, r); });
  add("colour", "brighter by 20 %", [](const Mat& p) { return Levels(p, 1.2, 0); });
  add("colour", "darker by 30 %", [](const Mat& p) { return Levels(p, 0.7, 0); });
  add("colour", "half the contrast", [](const Mat& p) { return Levels(p, 0.5, 64); });
  for (const double g : {0.6, 1.6})
    add("gamma", fmt::format("gamma {:g}", g), [g](const Mat& p) { return Gamma(p, g); });
  for (const int s : {2, 5, 10, 15, 20, 30})
    add("crop", fmt::format("crop {} %", s),
        [s](const Mat& p, std::mt19937& r) { return CropShare(p, s / 100.0, r); });
  for (const int s : {5, 10, 20, 30, 40}) {
    add("border", fmt::format("border {} %", s),
        [s](const Mat& p, std::mt19937& r) { return Jpeg(Border(p, s / 100.0, Pick(r, 0, 255)), 85); });
  }
  add("letterbox", "letterbox, black", [](const Mat& p) {
    const Size s = OtherShape(p);
    return Jpeg(OnGround(p, s, Mat(s, CV_8UC1, Scalar(0))), 85);
  });
  add("letterbox", "letterbox, white", [](const Mat& p) {
    const Size s = OtherShape(p);
    return Jpeg(OnGround(p, s, Mat(s, CV_8UC1, Scalar(255))), 85);
  });
  add("letterbox", "letterbox, blurred picture", [](const Mat& p) {
    const Size s = OtherShape(p);
    return Jpeg(OnGround(p, s, Blur(Fill(p, s), 0.03)), 85);
  });
  add("mirror", "mirrored", [](const Mat& p) {
    Mat m;
    cv::flip(p, m, 1);
    return Jpeg(m, 85);
  });
  add("turn", "turned by 90 degrees", [](const Mat& p) {
    Mat m;
    cv::rotate(p, m, cv::ROTATE_90_CLOCKWISE);
    return Jpeg(m, 85);
  });
  add("turn", "turned by 270 degrees", [](const Mat& p) {
    Mat m;
    cv::rotate(p, m, cv::ROTATE_90_COUNTERCLOCKWISE);
    return Jpeg(m, 85);
  });
  add("turn", "turned by 180 degrees", [](const Mat& p) {
    Mat m;
    cv::rotate(p, m, cv::ROTATE_180);
    return Jpeg(m, 85);
  });
  for (const int d : {1, 2, 4, 7, 10}) {
    add("rotate", fmt::format("rotated by {} degrees, black corners", d),
        [d](const Mat& p, std::mt19937& r) { return Jpeg(Rotate(p, r() % 2 == 0 ? d : -d, 0), 85); });
    add("rotate", fmt::format("rotated by {} degrees, corners cut off", d),
        [d](const Mat& p, std::mt19937& r) { return Jpeg(RotateCut(p, r() % 2 == 0 ? d : -d), 85); });
  }
  add("overlay", "text over it", [](const Mat& p, std::mt19937& r) { return Caption(p, r); });
  add("overlay", "watermark", [](const Mat& p) { return Watermark(p); });
  add("overlay", "emoji", [](const Mat& p, std::mt19937& r) { return Emoji(p, r); });
  add("screenshot", "screenshot of a phone, light",
      [](const Mat& p, std::mt19937& r) { return Screenshot(p, r, false); });
  add("screenshot", "screenshot of a phone, dark",
      [](const Mat& p, std::mt19937& r) { return Jpeg(Screenshot(p, r, true), 80); });
  add("screenshot", "screenshot of a desktop", [](const Mat& p, std::mt19937& r) { return Desktop(p, r); });
  add("frame", "meme frame", [](const Mat& p, std::mt19937& r) { return Jpeg(Meme(p, r), 80); });
  add("collage", "collage of four, gaps",
      [](const Mat& p, std::mt19937& r, const Others& o) { return Jpeg(Collage(p, r, o, 12), 85); });
  add("collage", "collage of four, no gaps",
      [](const Mat& p, std::mt19937& r, const Others& o) { return Jpeg(Collage(p, r, o, 0), 85); });
  add("collage", "gallery view, cut square",
      [](const Mat& p, std::mt19937& r, const Others& o) { return Gallery(p, r, o); });
  add("collage", "picture-in-picture",
      [](const Mat& p, std::mt19937& r, const Others& o) { return Jpeg(PictureInPicture(p, r, o), 85); });
  add("screen", "photo of a screen", [](const Mat& p, std::mt19937& r) { return PhotoOfScreen(p, r); });
  for (Edit& edit : edits) {
    edit.shows_more = edit.group == "screenshot" || edit.group == "frame" || edit.group == "collage";
  }
  return edits;
}

}  // namespace tamiz::eval
