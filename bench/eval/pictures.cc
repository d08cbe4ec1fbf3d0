#include "bench/eval/pictures.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <fstream>
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
    cv::Mat view(static_cast<int>(luma.height), static_cast<int>(luma.width), CV_8UC1,
                 const_cast<std::uint8_t*>(luma.data), luma.stride);
    if (source.quarter > 0) {
      const int width = view.cols / 2, height = view.rows / 2;
      if (std::min(width, height) < kSmallestQuarter) return true;
      const int right = (source.quarter - 1) % 2, below = (source.quarter - 1) / 2;
      view = view({right * width, below * height, width, height});
    }
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
  const auto add = [&](const std::filesystem::path& path, const std::string& origin) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error) || std::filesystem::is_symlink(path, error)) return;
    std::string ending = path.extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    constexpr std::array<std::string_view, 8> kEndings = {".jpg", ".jpeg", ".png",  ".webp",
                                                          ".gif", ".tif",  ".tiff", ".bmp"};
    if (std::find(kEndings.begin(), kEndings.end(), ending) == kEndings.end()) return;
    const std::uintmax_t size = std::filesystem::file_size(path, error);
    if (!error && size >= kSmallestFile && size <= kLargestFile) sources.push_back({path, 0, origin});
  };
  for (const std::string& folder : folders) {
    std::error_code error;
    if (std::filesystem::is_regular_file(folder, error)) {
      std::ifstream lines(folder);
      for (std::string line; std::getline(lines, line);)
        add(line, std::filesystem::path(folder).stem().string());
      continue;
    }
    const auto options = std::filesystem::directory_options::skip_permission_denied;
    for (std::filesystem::recursive_directory_iterator at(folder, options, error), end; !error && at != end;
         at.increment(error)) {
      add(at->path(), folder);
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

Detail DetailOf(const cv::Mat& picture) {
  constexpr int n = 64, kReadByPdq = 17;
  cv::Mat small, values, frequencies;
  cv::resize(picture, small, {n, n}, 0, 0, cv::INTER_AREA);
  small.convertTo(values, CV_32FC1);
  cv::dct(values, frequencies);
  frequencies(cv::Rect(0, 0, kReadByPdq, kReadByPdq)).setTo(0);
  const double length = std::max(1e-6, cv::norm(frequencies));
  Detail detail;
  detail.digest = 0xcbf29ce484222325ull;
  for (int y = 0; y < n; ++y) {
    for (int x = 0; x < n; ++x) {
      detail.digest = (detail.digest ^ small.at<std::uint8_t>(y, x)) * 0x100000001b3ull;
      detail.frequencies.push_back(static_cast<float>(frequencies.at<float>(y, x) / length));
    }
  }
  return detail;
}

double DetailLikeness(const std::vector<Detail>& originals, const Detail& picture, std::size_t& which) {
  constexpr std::size_t n = 64;
  // Mirroring changes the signs of odd frequencies, turning swaps rows and columns: sums over the four
  // classes of parity are enough for four orientations at once.
  std::vector<float> turned(n * n);
  for (std::size_t y = 0; y < n; ++y) {
    for (std::size_t x = 0; x < n; ++x) turned[y * n + x] = picture.frequencies[x * n + y];
  }
  double best = -1;
  for (std::size_t i = 0; i < originals.size(); ++i) {
    const float* const a = originals[i].frequencies.data();
    for (const float* const b : {picture.frequencies.data(), static_cast<const float*>(turned.data())}) {
      std::array<float, 4> sums{};
      for (std::size_t y = 0; y < n; ++y) {
        float even = 0, odd = 0;
        for (std::size_t x = 0; x < n; x += 2) {
          even += a[y * n + x] * b[y * n + x];
          odd += a[y * n + x + 1] * b[y * n + x + 1];
        }
        sums[y % 2 * 2] += even, sums[y % 2 * 2 + 1] += odd;
      }
      for (const auto& [v, u] : {std::pair(1.f, 1.f), {1.f, -1.f}, {-1.f, 1.f}, {-1.f, -1.f}}) {
        const double likeness = sums[0] + u * sums[1] + v * sums[2] + u * v * sums[3];
        if (likeness > best) best = likeness, which = i;
      }
    }
  }
  return best;
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
