#include "bench/eval/evaluation.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <thread>
#include <tuple>

#include <sys/resource.h>

#include <opencv2/imgproc.hpp>

#include "core/hash/pdq_hasher.h"
#include "core/hash/picture_looks.h"
#include "core/lists/crop_id.h"
#include "core/match/matcher.h"
#include "core/media/border.h"
#include "fmt/format.h"

namespace tamiz::eval {
namespace {

constexpr std::uint32_t kQualityFloor = 50;  // a list's default
constexpr double kSamePicture = 0.88;        // likeness from which two listed sources are taken for one
constexpr double kSameDetail = 0.5;  // and from which an unrelated one is taken for a copy of a listed one
constexpr std::size_t kMarginsTaken = 10;       // one of so many pictures with a plain margin of their own
constexpr int kSmallestSide = 200;              // icons and textures of games say little
constexpr std::size_t kOthers = 24;             // pictures for collages
constexpr hash::HammingDistance kAlike = 31;    // what the service takes for one picture by default
constexpr std::uintmax_t kDivided = 48 * 1024;  // bytes of a file that may hold a picture to take quarters of
const WallTime kNow = WallTime(std::chrono::hours(24) * 20000);

std::uint64_t Mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
  return value ^ (value >> 31);
}
std::mt19937 RandomOf(std::uint64_t seed, std::uint64_t a, std::uint64_t b = 0) {
  return std::mt19937(
      static_cast<std::uint32_t>(Mix(seed * 0x9e3779b97f4a7c15ull + Mix(a * 1000003 + b + 1))));
}

void Tell(const std::string& what) { std::fprintf(stderr, "eval: %s\n", what.c_str()); }

// Runs `work(i)` for all i below `number`, on all cores.
template <typename Work>
void Each(std::size_t number, const Work& work) {
  std::atomic<std::size_t> next{0};
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t) {
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < number; i = next++) work(i);
    });
  }
}

hash::PdqHasher& ThreadHasher() {
  thread_local hash::PdqHasher hasher;
  return hasher;
}

template <typename T>
void Shuffle(std::vector<T>& items, std::uint64_t seed, std::uint64_t which) {
  std::mt19937 random = RandomOf(seed, which);
  for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random() % i]);
}

// With `quarters`, those of large JPEGs too: photographs, paintings and textures that fill their frame. A PNG
// is often an object on plain ground, and a quarter of that one arc on plain ground: no picture.
std::vector<Source> SourcesOf(const Pool& pool, std::uint32_t first_seed, bool quarters = false) {
  std::vector<Source> sources = FilesUnder(pool.folders);
  const std::size_t files = quarters ? sources.size() : 0;
  const auto fills_its_frame = [](const Source& source) {
    const std::string ending = source.file.extension().string();
    return ending == ".jpg" || ending == ".jpeg";
  };
  for (std::size_t i = 0; i < files; ++i) {
    std::error_code error;
    if (!fills_its_frame(sources[i])) continue;
    if (const auto size = std::filesystem::file_size(sources[i].file, error); error || size < kDivided)
      continue;
    for (int quarter = 1; quarter <= 4; ++quarter) {
      sources.push_back(sources[i]);
      sources.back().quarter = quarter;
      sources.back().origin += ", quarters";
    }
  }
  for (std::uint32_t i = 0; i < pool.drawn; ++i) sources.push_back({{}, first_seed + i, "drawn"});
  return sources;
}

// Folders of which nothing is known: a series, which is a folder or a family of names, goes to one pool
// whole.
void Divide(const std::vector<std::string>& folders, std::vector<Source>& listed, std::vector<Source>& filler,
            std::vector<Source>& unrelated) {
  const std::vector<Source> sources = FilesUnder(folders);
  std::set<std::string> parents;
  for (const Source& source : sources) parents.insert(source.file.parent_path().string());
  for (const Source& source : sources) {
    std::uint64_t series = 0;
    for (const char c : parents.size() >= 12 ? source.file.parent_path().string() : FamilyOf(source.file))
      series = Mix(series * 257 + static_cast<unsigned char>(c));
    (series % 4 == 0 ? listed : series % 4 == 1 ? filler : unrelated).push_back(source);
  }
}

std::string NameOf(const Source& source) {
  if (source.file.empty()) return fmt::format("drawn {}", source.seed);
  if (source.quarter > 0) return fmt::format("{}, quarter {}", source.file.string(), source.quarter);
  return source.file.string();
}

// "origin (pictures)" for those that were taken.
std::vector<std::string> ByOrigin(const std::vector<Source>& sources) {
  std::map<std::string, int> numbers;
  for (const Source& source : sources) ++numbers[source.origin];
  std::vector<std::string> lines;
  for (const auto& [origin, number] : numbers) lines.push_back(fmt::format("{} ({})", origin, number));
  return lines;
}

bool IsLarge(const cv::Mat& picture) {
  return !picture.empty() && std::min(picture.cols, picture.rows) >= kSmallestSide;
}
bool SaysSomething(const cv::Mat& picture) {
  return IsLarge(picture) && ThreadHasher().Hash(ViewOf(picture)).quality >= static_cast<int>(kQualityFloor);
}

// Sources that can be decoded, are no icons, have structure, and are different pictures.
std::vector<Source> Distinct(sandbox::DecoderPool& decoders, std::vector<Source> sources,
                             const Options& options, std::size_t wanted, std::vector<Detail>& details) {
  struct Seen {
    bool usable = false, has_margin = false;
    Thumbnail thumbnail;
    Detail detail;
  };
  Shuffle(sources, options.seed, 1);
  // One of each family of names before anything is decoded.
  std::set<std::string> families;
  std::erase_if(sources, [&](const Source& source) {
    return !source.file.empty() && !families.insert(FamilyOf(source.file)).second;
  });
  std::vector<Source> distinct;
  std::vector<Thumbnail> thumbnails;
  std::size_t with_margin = 0;
  constexpr std::size_t kBatch = 128;
  for (std::size_t begin = 0; begin < sources.size() && distinct.size() < wanted; begin += kBatch) {
    const std::size_t number = std::min(kBatch, sources.size() - begin);
    std::vector<Seen> seen(number);
    Each(number, [&](std::size_t i) {
      const cv::Mat picture = Load(decoders, sources[begin + i], 512);
      if (!SaysSomething(picture)) return;
      seen[i] = {true, media::StripBorder(ViewOf(picture)).has_value(), ThumbnailOf(picture),
                 DetailOf(picture)};
    });
    for (std::size_t i = 0; i < number && distinct.size() < wanted; ++i) {
      if (!seen[i].usable) continue;
      // Drawings on plain ground: their margin is part of them, and is stripped with whatever is put around.
      // Few are taken, so that they neither hide nor make the figures.
      if (seen[i].has_margin && ++with_margin % kMarginsTaken != 0) continue;
      if (std::ranges::any_of(thumbnails, [&](const Thumbnail& other) {
            return Likeness(seen[i].thumbnail, other) >= kSamePicture;
          })) {
        continue;
      }
      distinct.push_back(sources[begin + i]);
      thumbnails.push_back(seen[i].thumbnail);
      details.push_back(std::move(seen[i].detail));
    }
  }
  return distinct;
}

lists::Entry EntryOf(std::string id, const hash::PdqHash& pdq) {
  const auto value = pdq.hash.ToBytes();
  lists::Entry entry;
  entry.id = std::move(id);
  entry.hashes.push_back({.type = lists::HashType::kPdq,
                          .value = {value.begin(), value.end()},
                          .quality = static_cast<std::uint32_t>(pdq.quality)});
  return entry;
}

// Where an entry that fills the list up was cut out.
struct Cut {
  std::uint16_t picture = 0, left = 0, top = 0, width = 0, height = 0;
};

// Parts of other pictures: as like and unlike to each other as real ones are. Averaged over 64 x 64 cells by
// sums of areas: a million of them are to be had in a minute.
std::vector<lists::Entry> Fillers(const std::vector<cv::Mat>& pictures, std::uint64_t first,
                                  std::uint64_t number, std::uint64_t seed, std::vector<Cut>& cuts) {
  constexpr int kCells = 64;
  cuts.resize(number);
  std::vector<cv::Mat> sums(pictures.size());
  Each(pictures.size(), [&](std::size_t i) { cv::integral(pictures[i], sums[i], CV_32S); });
  std::vector<lists::Entry> entries(number);
  constexpr std::size_t kChunk = 1000;
  Each((number + kChunk - 1) / kChunk, [&](std::size_t chunk) {
    cv::Mat small(kCells, kCells, CV_8UC1);
    for (std::size_t i = chunk * kChunk; i < std::min<std::size_t>(number, (chunk + 1) * kChunk); ++i) {
      std::mt19937 random = RandomOf(seed, 2, i);
      for (int attempt = 0;; ++attempt) {
        const std::size_t which = random() % sums.size();
        const cv::Mat& from = sums[which];
        const auto part = [&](int side) {
          return std::clamp(static_cast<int>(side * (0.3 + 0.6 * (random() % 1024 / 1024.0))), kCells, side);
        };
        const int width = part(from.cols - 1), height = part(from.rows - 1);
        const int left = static_cast<int>(random() % static_cast<unsigned>(from.cols - width));
        const int top = static_cast<int>(random() % static_cast<unsigned>(from.rows - height));
        std::array<int, kCells + 1> columns{};
        std::array<float, kCells> per_column{};
        for (int x = 0; x <= kCells; ++x) columns[static_cast<std::size_t>(x)] = left + width * x / kCells;
        for (int x = 0; x < kCells; ++x)
          per_column[static_cast<std::size_t>(x)] =
              1.0f / static_cast<float>(columns[static_cast<std::size_t>(x + 1)] -
                                        columns[static_cast<std::size_t>(x)]);
        for (int y = 0; y < kCells; ++y) {
          const int y0 = top + height * y / kCells, y1 = top + height * (y + 1) / kCells;
          const int* const above = from.ptr<int>(y0);
          const int* const below = from.ptr<int>(y1);
          const float per_row = 1.0f / static_cast<float>(y1 - y0);
          std::uint8_t* const cells = small.ptr(y);
          int before = below[columns[0]] - above[columns[0]];
          for (int x = 0; x < kCells; ++x) {
            const int after = below[columns[static_cast<std::size_t>(x + 1)]] -
                              above[columns[static_cast<std::size_t>(x + 1)]];
            cells[x] = static_cast<std::uint8_t>(static_cast<float>(after - before) * per_row *
                                                 per_column[static_cast<std::size_t>(x)]);
            before = after;
          }
        }
        const hash::PdqHash pdq = ThreadHasher().Hash(ViewOf(small));
        if (pdq.quality < static_cast<int>(kQualityFloor) && attempt < 20) continue;
        entries[i] = EntryOf(fmt::format("f{}", first + i), pdq);
        cuts[i] = {static_cast<std::uint16_t>(which), static_cast<std::uint16_t>(left),
                   static_cast<std::uint16_t>(top), static_cast<std::uint16_t>(width),
                   static_cast<std::uint16_t>(height)};
        break;
      }
    }
  });
  return entries;
}

// What `AddEntries` with store_crops puts on a list beside the entry.
void AddCrops(const cv::Mat& picture, const std::string& id, std::vector<lists::Entry>& entries) {
  for (const lists::CropRect& crop : lists::kStoredCrops) {
    const auto at = [](std::uint32_t thousandths, int side) {
      return static_cast<int>(std::lround(thousandths * side / 1000.0));
    };
    const cv::Rect rect(at(crop.left, picture.cols), at(crop.top, picture.rows), at(crop.width, picture.cols),
                        at(crop.height, picture.rows));
    const hash::PdqHash pdq = ThreadHasher().Hash(ViewOf(picture(rect & cv::Rect({0, 0}, picture.size()))));
    if (pdq.quality >= static_cast<int>(kQualityFloor))
      entries.push_back(EntryOf(lists::CropId(id, crop), pdq));
  }
}

match::Evidence EvidenceOf(const cv::Mat& picture, const hash::LookOptions& looks) {
  thread_local hash::PictureLooker looker;
  match::Evidence evidence;
  for (const hash::PictureLook& look : looker.Look(ViewOf(picture), looks)) {
    match::FrameEvidence frame;
    frame.pdq = look.pdq;
    frame.orientations = look.orientations;
    frame.kind = look.kind;
    evidence.frames.push_back(frame);
  }
  return evidence;
}

calibration::Look LookOf(const match::FrameEvidence& frame) {
  return static_cast<calibration::Look>(static_cast<int>(frame.kind) - 1);  // in the same order
}

constexpr const char* kPlainList = "evaluation";
constexpr const char* kCropList = "stored crops";  // the known pictures with their crops, and nothing else

void Scan(const cv::Mat& picture, const hash::LookOptions& looks, const lists::Catalog& catalog,
          Upload& upload) {
  const match::Evidence evidence = EvidenceOf(picture, looks);
  for (const match::FrameEvidence& frame : evidence.frames) {
    if (match::UsableQuality(frame, true) < static_cast<int>(kQualityFloor)) continue;
    upload.usable = true;
    upload.queries_by_look[static_cast<std::size_t>(LookOf(frame))] +=
        static_cast<std::uint32_t>(hash::TransformsOf(frame.orientations).size());
  }
  for (const std::uint32_t queries : upload.queries_by_look) upload.queries += queries;
  const StatusOr<match::Conclusion> conclusion = match::Conclude(evidence, catalog, {}, {}, kNow);
  if (!conclusion.ok()) return;
  for (const match::Match& match : conclusion->matches) {
    std::uint64_t number = 0;
    std::from_chars(match.entry_id.data() + 1, match.entry_id.data() + match.entry_id.size(), number);
    const bool own = upload.known && match.entry_id[0] == 'k' && number == upload.source;
    if (own) upload.distance_with_crops = std::min(upload.distance_with_crops, match.evidence.distance);
    if (match.list_name == kCropList) {
      if (!own && match.reference_region) upload.wrong_crops.push_back({number, match.evidence});
    } else if (own) {
      upload.found = true;
      upload.evidence = match.evidence;
    } else {
      upload.wrong.push_back({number, match.evidence});
    }
  }
}

StatusOr<std::shared_ptr<const lists::ListSnapshot>> ListOf(const char* name,
                                                            std::vector<lists::Entry> entries) {
  lists::ListInfo info;
  info.list_id = info.name = name;
  info.version = 1;
  info.policy.radius = 31;
  info.policy.review_radius = kReach;
  return lists::BuildListSnapshot(info, std::move(entries), kNow);
}

// An unrelated picture within kAlike bits of one of those before it, in any orientation.
class Alike {
 public:
  // False if it is one; it is remembered otherwise.
  bool Add(const hash::PdqOrientations& picture) {
    for (const hash::Hash256& other : seen_) {
      for (const hash::Hash256& hash : picture.hashes) {
        if (hash::Distance(hash, other) <= kAlike) return false;
      }
    }
    seen_.push_back(picture.hashes[0]);
    return true;
  }

 private:
  std::vector<hash::Hash256> seen_;
};

// Beside each other, of one height.
cv::Mat Pair(const cv::Mat& left, const cv::Mat& right) {
  constexpr int kHeight = 240, kGap = 8;
  const auto width = [](const cv::Mat& picture) {
    return std::clamp(picture.cols * kHeight / std::max(1, picture.rows), 1, 4 * kHeight);
  };
  cv::Mat both(kHeight, width(left) + kGap + width(right), CV_8UC1, cv::Scalar(255)), scaled;
  cv::resize(left, scaled, {width(left), kHeight}, 0, 0, cv::INTER_AREA);
  scaled.copyTo(both(cv::Rect({0, 0}, scaled.size())));
  cv::resize(right, scaled, {width(right), kHeight}, 0, 0, cv::INTER_AREA);
  scaled.copyTo(both(cv::Rect({width(left) + kGap, 0}, scaled.size())));
  return both;
}

// The unrelated uploads with the nearest entries, each with its nearest, nearest first.
std::vector<std::pair<const Upload*, const Upload::Wrong*>> Nearest(const Run& run) {
  std::vector<std::pair<const Upload*, const Upload::Wrong*>> nearest;
  for (const Upload& upload : run.uploads) {
    if (upload.known || upload.wrong.empty()) continue;
    const auto at = std::ranges::min_element(
        upload.wrong, {}, [](const Upload::Wrong& wrong) { return wrong.evidence.distance; });
    nearest.emplace_back(&upload, &*at);
  }
  std::ranges::stable_sort(nearest, {}, [](const auto& pair) { return pair.second->evidence.distance; });
  if (nearest.size() > kNearestShown) nearest.resize(kNearestShown);
  return nearest;
}

// Draws nothing from chance: which uploads are looked up in the whole list and not in its beginning.
constexpr std::uint32_t kOneInWholeList = 8;
constexpr std::size_t kBeginning = 10'000;  // entries
constexpr int kFillerSide = 256;            // pixels of the pictures whose parts fill the list up

}  // namespace

StatusOr<Run> Evaluate(const Options& options, const std::function<void(const Run&)>& save) {
  const auto start = std::chrono::steady_clock::now();
  Run run;
  run.options = options;
  run.edits = AllEdits();
  sandbox::Config config;
  config.program = options.decoder;
  TAMIZ_ASSIGN_OR_RETURN(const std::unique_ptr<sandbox::DecoderPool> decoders,
                         sandbox::DecoderPool::Start(config));

  std::vector<Source> listed = SourcesOf(options.listed, 0);
  std::vector<Source> fillers = SourcesOf(options.filler, 1'000'000);
  std::vector<Source> unrelated = SourcesOf(options.unrelated, 2'000'000, options.quarters);
  Divide(options.folders, listed, fillers, unrelated);
  run.pictures_found = listed.size() + fillers.size() + unrelated.size();
  Tell(fmt::format("{} pictures found: {} to list, {} to fill the list up, {} unrelated", run.pictures_found,
                   listed.size(), fillers.size(), unrelated.size()));
  std::vector<Detail> originals;  // of everything that the list will know
  listed = Distinct(*decoders, std::move(listed), options, options.known, originals);
  fillers = Distinct(*decoders, std::move(fillers), options, options.fillers, originals);
  const auto known = static_cast<std::uint32_t>(listed.size());
  run.listed_sources = ByOrigin(listed);
  run.filler_sources = ByOrigin(fillers);
  run.list_sources = fillers.size();
  Tell(fmt::format("{} different pictures to list, {} to fill up with", known, fillers.size()));
  if (known < 10 || fillers.size() < 10 || unrelated.size() < kOthers + 10) {
    return MakeError(
        StatusCode::kFailedPrecondition,
        fmt::format("{} different pictures to list, {} to fill the list up and {} unrelated ones; at least "
                    "10, 10 and {} of at least {} pixels a side are needed: name more folders, or draw some",
                    known, fillers.size(), unrelated.size(), kOthers + 10, kSmallestSide));
  }

  std::vector<lists::Entry> entries(known), crops;
  {
    std::vector<std::vector<lists::Entry>> crops_of(known);
    std::atomic<std::size_t> margins{0};
    Each(known, [&](std::size_t i) {
      const cv::Mat picture = Load(*decoders, listed[i], options.max_side);
      if (picture.empty()) return;
      entries[i] = EntryOf(fmt::format("k{}", i), ThreadHasher().Hash(ViewOf(picture)));
      crops_of[i].push_back(entries[i]);
      AddCrops(picture, entries[i].id, crops_of[i]);
      if (media::StripBorder(ViewOf(picture))) ++margins;
    });
    for (std::vector<lists::Entry>& of : crops_of) std::move(of.begin(), of.end(), std::back_inserter(crops));
    run.known = known;
    run.known_with_margin = margins;
    std::erase_if(entries, [](const lists::Entry& entry) { return entry.id.empty(); });
    run.crop_entries = crops.size() - entries.size();
  }
  std::vector<Cut> cuts;            // by number of the entry, less `known`
  std::vector<Source> cut_sources;  // by number of the picture in a Cut
  {
    std::vector<cv::Mat> pictures(fillers.size());
    Each(pictures.size(), [&](std::size_t i) { pictures[i] = Load(*decoders, fillers[i], kFillerSide); });
    const auto is_small = [](const cv::Mat& picture) { return std::min(picture.cols, picture.rows) < 64; };
    for (std::size_t i = 0; i < pictures.size(); ++i) {
      if (!is_small(pictures[i])) cut_sources.push_back(fillers[i]);
    }
    std::erase_if(pictures, is_small);
    const std::uint64_t missing = options.list_size > known ? options.list_size - known : 0;
    std::vector<lists::Entry> parts = Fillers(pictures, known, missing, options.seed, cuts);
    std::move(parts.begin(), parts.end(), std::back_inserter(entries));
  }
  run.list_entries = entries.size();
  Tell(fmt::format("a list of {} entries, one of {} stored crops", entries.size(), run.crop_entries));

  // How far apart unrelated pictures are: known ones and parts of others.
  {
    std::mt19937 random = RandomOf(options.seed, 3);
    const auto hash_of = [](const lists::Entry& entry) {
      return hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(entry.hashes[0].value.data(), 32));
    };
    std::vector<hash::Hash256> hashes;
    for (int i = 0; i < 4000 && entries.size() > known; ++i)
      hashes.push_back(hash_of(entries[known + random() % (entries.size() - known)]));
    for (std::uint32_t k = 0; k < known && k < entries.size(); ++k) {
      const hash::Hash256 one = hash_of(entries[k]);
      for (const hash::Hash256& other : hashes) ++run.unrelated_distances[hash::Distance(one, other)];
    }
  }

  lists::Catalog whole, beginning;
  {
    std::vector<lists::Entry> first(
        entries.begin(), entries.begin() + static_cast<std::ptrdiff_t>(std::min(kBeginning, entries.size())));
    TAMIZ_ASSIGN_OR_RETURN(auto small, ListOf(kPlainList, std::move(first)));
    TAMIZ_ASSIGN_OR_RETURN(auto large, ListOf(kPlainList, std::move(entries)));
    TAMIZ_ASSIGN_OR_RETURN(auto with_crops, ListOf(kCropList, std::move(crops)));
    whole.lists = {large, with_crops};
    beginning.lists = {small, with_crops};
  }
  hash::LookOptions looks;
  if (options.only_whole) looks = {false, false, false, false};

  // Unrelated pictures: each is decoded once, judged, scanned and forgotten. The first of them stand beside
  // others in collages.
  Shuffle(unrelated, options.seed, 4);
  Others others;
  std::set<std::uint64_t> digests;
  Alike alike;
  std::vector<Source> taken;
  constexpr std::size_t kBatch = 64;
  const int unrelated_side = std::min(options.max_side, 640);
  auto next_batch = [&, begin = std::size_t{0}]() mutable {
    struct One {
      cv::Mat picture;
      bool usable = false;
      hash::PdqOrientations hashes;
      Detail detail;
      double likeness = 0;
      std::size_t like = 0;
    };
    const std::size_t number = std::min(kBatch, unrelated.size() - begin);
    std::vector<One> batch(number);
    Each(number, [&](std::size_t i) {
      One& one = batch[i];
      one.picture = Load(*decoders, unrelated[begin + i], unrelated_side);
      if (!IsLarge(one.picture)) return;
      one.hashes = ThreadHasher().HashOrientations(ViewOf(one.picture));
      one.usable = one.hashes.quality >= static_cast<int>(kQualityFloor);
      if (!one.usable) return;
      one.detail = DetailOf(one.picture);
      one.likeness = DetailLikeness(originals, one.detail, one.like);
    });
    std::vector<std::pair<Source, cv::Mat>> good;
    for (std::size_t i = 0; i < number; ++i) {
      One& one = batch[i];
      const Source& source = unrelated[begin + i];
      if (!one.usable) {
        // Whether there are quarters to be had is only known when the file has been decoded.
        if (source.quarter == 0) ++run.unrelated_unusable;
      } else if (!digests.insert(one.detail.digest).second) {
        ++run.unrelated_repeated;
      } else if (one.likeness >= kSameDetail) {
        run.dropped.push_back({NameOf(source),
                               NameOf(one.like < known ? listed[one.like] : fillers[one.like - known]),
                               one.likeness});
      } else if (options.distinct_unrelated && !alike.Add(one.hashes)) {
        ++run.unrelated_alike;
      } else {
        good.emplace_back(source, std::move(one.picture));
      }
    }
    begin += number;
    return std::pair(std::move(good), number != 0);
  };
  auto [good, more] = next_batch();
  while (others.size() < kOthers && !good.empty()) {
    others.push_back(std::move(good.back().second));
    good.pop_back();
  }

  std::vector<std::vector<Upload>> by_picture(known);
  std::atomic<std::uint32_t> done{0};
  Each(known, [&](std::size_t i) {
    const cv::Mat picture = Load(*decoders, listed[i], options.max_side);
    if (picture.empty()) return;
    for (std::uint32_t e = 0; e < run.edits.size(); ++e) {
      std::mt19937 random = RandomOf(options.seed, 100 + i, e);
      Upload upload;
      upload.source = static_cast<std::uint32_t>(i);
      upload.edit = e;
      upload.known = true;
      // Whether its own entry is found does not depend on the others: most need not read a million.
      const bool in_whole = (e + i) % kOneInWholeList == 0;
      upload.entries = in_whole ? run.list_entries : std::min<std::uint64_t>(kBeginning, run.list_entries);
      Scan(run.edits[e].apply(picture, random, others), looks, in_whole ? whole : beginning, upload);
      by_picture[i].push_back(std::move(upload));
    }
    if (const std::uint32_t now = ++done; now % 20 == 0)
      Tell(fmt::format("{} of {} listed pictures edited and scanned", now, known));
  });
  for (std::vector<Upload>& uploads : by_picture) std::ranges::move(uploads, std::back_inserter(run.uploads));

  const auto show_nearest = [&] {
    run.nearest.clear();
    for (const auto& [upload, wrong] : Nearest(run)) {
      const std::size_t number = upload->source - known;
      const bool listed_one = wrong->rank < known;
      const Cut cut = listed_one ? Cut{} : cuts[wrong->rank - known];
      const Source& entry = listed_one ? listed[wrong->rank] : cut_sources[cut.picture];
      const cv::Rect part(cut.left, cut.top, cut.width, cut.height);
      NearPair pair{.picture = NameOf(taken[number]),
                    .edit = run.edits[upload->edit].name,
                    .look = std::string(calibration::ToString(wrong->evidence.look)),
                    .entry = NameOf(entry),
                    .distance = wrong->evidence.distance,
                    .turned = wrong->evidence.turned};
      if (!listed_one) pair.entry += fmt::format(", {}x{} at {},{}", part.width, part.height, part.x, part.y);
      if (!options.nearest_to.empty()) {
        const cv::Mat picture = Load(*decoders, taken[number], unrelated_side);
        cv::Mat like = Load(*decoders, entry, listed_one ? options.max_side : kFillerSide);
        if (!listed_one) like = like(part & cv::Rect({0, 0}, like.size()));
        if (!picture.empty() && !like.empty()) {
          std::mt19937 random = RandomOf(options.seed, 1'000'000 + number, upload->edit);
          pair.file = fmt::format("nearest-{:02}.jpg", run.nearest.size() + 1);
          const std::vector<std::uint8_t> jpeg =
              EncodeJpeg(Pair(run.edits[upload->edit].apply(picture, random, others), like), 85);
          std::ofstream(std::filesystem::path(options.nearest_to) / pair.file, std::ios::binary)
              .write(reinterpret_cast<const char*>(jpeg.data()), static_cast<std::streamsize>(jpeg.size()));
        }
      }
      run.nearest.push_back(std::move(pair));
    }
  };

  // What is known of the unrelated ones so far: a run that is ended here is a run of fewer pictures.
  const auto note = [&] {
    run.unrelated = taken.size();
    run.unrelated_sources = ByOrigin(taken);
    run.unrelated_names.clear();
    run.unrelated_origins.clear();
    run.unrelated_drawn = 0;
    std::map<std::string, std::uint32_t> origins;
    for (const Source& source : taken) origins[source.origin] = 0;
    for (std::uint32_t number = 0; auto& [origin, at] : origins) at = number++;
    for (const Source& source : taken) {
      run.unrelated_names.push_back(NameOf(source));
      run.unrelated_origins.push_back(origins[source.origin]);
      run.unrelated_drawn += source.file.empty() ? 1 : 0;
    }
    show_nearest();
    run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    run.processor_seconds = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
    run.peak_megabytes = static_cast<double>(used.ru_maxrss) / 1024;
    if (save) save(run);
  };
  // Saved at most sixteen times: what is saved grows with what was scanned.
  const std::size_t save_each = std::max<std::size_t>(256, options.unrelated_pictures / 16);
  while (more && taken.size() < options.unrelated_pictures) {
    good.resize(std::min<std::size_t>(good.size(), options.unrelated_pictures - taken.size()));
    const std::size_t first = taken.size();
    for (const auto& [source, picture] : good) taken.push_back(source);
    std::vector<std::vector<Upload>> by_stranger(good.size());
    Each(good.size(), [&](std::size_t i) {
      const std::size_t number = first + i;
      for (std::uint32_t e = 0; e < run.edits.size(); ++e) {
        // As it is, and edited in one way, in turn.
        if (e != 0 && number % (run.edits.size() - 1) + 1 != e) continue;
        std::mt19937 random = RandomOf(options.seed, 1'000'000 + number, e);
        Upload upload;
        upload.source = static_cast<std::uint32_t>(known + number);
        upload.edit = e;
        upload.entries = run.list_entries;
        Scan(run.edits[e].apply(good[i].second, random, others), looks, whole, upload);
        by_stranger[i].push_back(std::move(upload));
      }
    });
    for (std::vector<Upload>& uploads : by_stranger)
      std::ranges::move(uploads, std::back_inserter(run.uploads));
    if (first / 256 != taken.size() / 256) {
      Tell(fmt::format("{} unrelated pictures scanned, of at most {}", taken.size(),
                       std::min<std::size_t>(options.unrelated_pictures, unrelated.size())));
    }
    if (first / save_each != taken.size() / save_each) note();
    std::tie(good, more) = next_batch();
  }
  note();
  return run;
}

std::vector<std::uint64_t> ListSizes(const Run& run) {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t size = 1000; size < run.list_entries; size *= 10) sizes.push_back(size);
  sizes.push_back(run.list_entries);
  return sizes;
}

std::vector<calibration::LabelledPair> PairsOf(const Run& run) {
  std::vector<calibration::LabelledPair> pairs;
  for (const std::uint64_t size : ListSizes(run)) {
    for (std::size_t i = 0; i < run.uploads.size(); ++i) {
      const Upload& upload = run.uploads[i];
      if (!upload.usable || size > upload.entries) continue;
      calibration::LabelledPair pair;
      pair.upload = i;
      pair.source = upload.source;
      pair.upload_known = upload.known;
      const std::size_t before = pairs.size();
      const auto add = [&](const calibration::Evidence& evidence, bool same) {
        pair.evidence = evidence;
        pair.evidence.list_hashes = size;
        pair.same = same;
        pair.found = true;
        pairs.push_back(pair);
      };
      if (upload.found) add(upload.evidence, true);
      for (const Upload::Wrong& wrong : upload.wrong) {
        if (wrong.rank < size) add(wrong.evidence, false);
      }
      if (pairs.size() != before) continue;
      pair.evidence = {};
      pair.evidence.list_hashes = size;
      pair.evidence.queries = upload.queries;
      pair.found = pair.same = false;
      pairs.push_back(pair);
    }
  }
  return pairs;
}

calibration::UnrelatedTail TailOf(const Run& run) {
  std::array<std::uint64_t, calibration::UnrelatedTail::kBits> by_distance{};
  double pairs = 0;
  for (const Upload& upload : run.uploads) {
    if (upload.known) continue;
    pairs += static_cast<double>(upload.queries) * static_cast<double>(run.list_entries);
    for (const Upload::Wrong& wrong : upload.wrong)
      ++by_distance[std::min<std::size_t>(wrong.evidence.distance, kReach)];
  }
  return calibration::TailOf(by_distance, pairs);
}

calibration::QueriesPerPicture QueriesOf(const Run& run) {
  calibration::QueriesPerPicture queries;
  queries.by_look = {};
  double uploads = 0;
  for (const Upload& upload : run.uploads) {
    // Pictures as they are uploaded, not those made to show many things at once.
    if (upload.known || run.edits[upload.edit].shows_more) continue;
    ++uploads;
    for (std::size_t i = 0; i < calibration::kLooks; ++i) queries.by_look[i] += upload.queries_by_look[i];
  }
  for (double& number : queries.by_look) number /= std::max(uploads, 1.0);
  return queries;
}

}  // namespace tamiz::eval
