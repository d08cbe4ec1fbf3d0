#include "bench/eval/pictures.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <random>

#include <opencv2/imgproc.hpp>

#include "core/base/unique_fd.h"
#include "core/media/file_format.h"

namespace tamiz::eval {
namespace {

constexpr std::uintmax_t kSmallestFile = 6 * 1024, kLargestFile = 64 * 1024 * 1024;

cv::Mat AtMost(const cv::Mat& picture, int max_side) {
  const double factor = double(max_side) / std::max(picture.cols, picture.rows);
  if (factor >= 1) return picture.clone();
  cv::Mat smaller;
  cv::resize(picture, smaller,
             {std::max(1, static_cast<int>(std::lround(picture.cols * factor))),
              std::max(1, static_cast<int>(std::lround(picture.rows * factor)))},
             0, 0, cv::INTER_AREA);
  return smaller;
}

}  // namespace

cv::Mat Load(sandbox::DecoderPool& decoders, const Source& source, int max_side) {
  if (source.file.empty()) return Draw(source.seed, max_side);
  const UniqueFd fd(::open(source.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return {};
  std::array<std::uint8_t, media::kSignatureBytes> head{};
  const ssize_t got = ::pread(fd.get(), head.data(), head.size(), 0);
  const off_t size = ::lseek(fd.get(), 0, SEEK_END);
  if (got <= 0 || size <= 0) return {};
  media::SampleRequest request;
  request.content_fd = fd.get();
  request.size_bytes = static_cast<std::uint64_t>(size);
  request.format = media::DetectFormat({head.data(), static_cast<std::size_t>(got)});
  request.plan.max_frames = 1;
  if (request.format == media::FileFormat::kUnknown) return {};
  cv::Mat picture;
  const auto outcome = decoders.Sample(request, {}, [&](std::unique_ptr<media::Frame> frame) {
    if (frame->variant != media::FrameVariant::kAsShown || !picture.empty()) return true;
    const media::LumaView luma = frame->luma();
    if (luma.data == nullptr) return true;
    const cv::Mat view(static_cast<int>(luma.height), static_cast<int>(luma.width), CV_8UC1,
                       const_cast<std::uint8_t*>(luma.data), luma.stride);
    picture = AtMost(view, max_side);
    return true;
  });
  return outcome.ok() ? picture : cv::Mat();
}

cv::Mat Draw(std::uint32_t seed, int max_side) {
  std::mt19937 random(seed * 2654435761u + 1);
  const auto pick = [&](int low, int high) {
    return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
  };
  const int width = pick(max_side * 3 / 5, max_side), height = pick(max_side * 3 / 5, max_side);
  cv::Mat scene(height, width, CV_32FC1, cv::Scalar(pick(60, 190)));
  cv::RNG noise(random());
  // Grain of every size, the coarser the stronger, as in photographs.
  for (int cells = 2; cells <= 64; cells *= 2) {
    cv::Mat coarse(cells, cells, CV_32FC1), fine;
    noise.fill(coarse, cv::RNG::NORMAL, 0, 70.0 / std::sqrt(cells));
    cv::resize(coarse, fine, scene.size(), 0, 0, cv::INTER_CUBIC);
    scene += fine;
  }
  for (int i = pick(4, 12); i > 0; --i) {
    const cv::Scalar level(pick(0, 255));
    const cv::Point at(pick(0, width), pick(0, height));
    const int size = pick(width / 20, width / 4);
    switch (random() % 4) {
      case 0:
        cv::circle(scene, at, size, level, cv::FILLED, cv::LINE_8);
        break;
      case 1:
        cv::ellipse(scene, at, {size, size / 2}, pick(0, 180), 0, 360, level, cv::FILLED);
        break;
      case 2:
        cv::rectangle(scene, {at.x, at.y, size, pick(width / 20, width / 4)}, level, cv::FILLED);
        break;
      default:
        cv::line(scene, at, {pick(0, width), pick(0, height)}, level, pick(1, width / 40));
        break;
    }
  }
  cv::Mat picture;
  scene.convertTo(picture, CV_8UC1);
  return picture;
}

std::vector<Source> FilesUnder(const std::vector<std::string>& folders) {
  std::vector<Source> sources;
  for (const std::string& folder : folders) {
    std::error_code error;
    const auto options = std::filesystem::directory_options::skip_permission_denied;
    for (std::filesystem::recursive_directory_iterator at(folder, options, error), end; !error && at != end;
         at.increment(error)) {
      if (!at->is_regular_file(error) || at->is_symlink(error)) continue;
      std::string ending = at->path().extension().string();
      std::transform(ending.begin(), ending.end(), ending.begin(),
                     [](unsigned char c) { return std::tolower(c); });
      constexpr std::array<std::string_view, 7> kEndings = {".jpg", ".jpeg", ".png", ".webp",
                                                            ".gif", ".tif",  ".bmp"};
      if (std::find(kEndings.begin(), kEndings.end(), ending) == kEndings.end()) continue;
      const std::uintmax_t size = at->file_size(error);
      if (!error && size >= kSmallestFile && size <= kLargestFile) sources.push_back({at->path(), 0});
    }
  }
  std::sort(sources.begin(), sources.end(), [](const Source& a, const Source& b) { return a.file < b.file; });
  return sources;
}

Thumbnail ThumbnailOf(const cv::Mat& picture) {
  cv::Mat small, values;
  cv::resize(picture, small, {Thumbnail::kSide, Thumbnail::kSide}, 0, 0, cv::INTER_AREA);
  small.convertTo(values, CV_32FC1);
  values -= cv::mean(values)[0];
  const double length = std::max(1e-6, cv::norm(values));
  Thumbnail thumbnail;
  for (int i = 0; i < Thumbnail::kSide * Thumbnail::kSide; ++i) {
    thumbnail.pixels[static_cast<std::size_t>(i)] =
        static_cast<float>(values.at<float>(i / Thumbnail::kSide, i % Thumbnail::kSide) / length);
  }
  return thumbnail;
}

double Likeness(const Thumbnail& a, const Thumbnail& b) {
  constexpr int n = Thumbnail::kSide;
  std::array<float, 8> sums{};
  for (int y = 0; y < n; ++y) {
    for (int x = 0; x < n; ++x) {
      const float value = a.pixels[static_cast<std::size_t>(y * n + x)];
      const auto other = [&](int row, int column) {
        return b.pixels[static_cast<std::size_t>(row * n + column)];
      };
      const int v = n - 1 - y, u = n - 1 - x;
      sums[0] += value * other(y, x), sums[1] += value * other(y, u);
      sums[2] += value * other(v, x), sums[3] += value * other(v, u);
      sums[4] += value * other(x, y), sums[5] += value * other(x, v);
      sums[6] += value * other(u, y), sums[7] += value * other(u, v);
    }
  }
  return *std::max_element(sums.begin(), sums.end());
}

std::string FamilyOf(const std::filesystem::path& file) {
  const std::string stem = file.stem().string();
  std::size_t letters = 0;
  while (letters < stem.size() && std::isalpha(static_cast<unsigned char>(stem[letters])) != 0) ++letters;
  // 1920x1080.jpg: the folder names the picture.
  const bool is_size =
      letters == 0 && stem.find('x') != std::string::npos &&
      std::all_of(stem.begin(), stem.end(), [](unsigned char c) { return std::isdigit(c) != 0 || c == 'x'; });
  if (is_size) return file.parent_path().parent_path().string();
  if (letters >= 3) return (file.parent_path() / stem.substr(0, letters)).string();
  return (file.parent_path() / stem).string();
}

}  // namespace tamiz::eval
