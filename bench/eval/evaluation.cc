#include "bench/eval/evaluation.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <set>
#include <thread>

#include <opencv2/imgproc.hpp>

#include "core/hash/pdq_hasher.h"
#include "core/hash/picture_looks.h"
#include "core/match/matcher.h"
#include "core/media/border.h"
#include "fmt/format.h"

namespace tamiz::eval {
namespace {

constexpr std::uint32_t kQualityFloor = 50;  // a list's default
constexpr double kSamePicture = 0.88;        // likeness from which two sources are taken for one
constexpr std::size_t kMarginsTaken = 10;    // one of so many pictures with a plain margin of their own
constexpr int kSmallestSide = 200;           // icons and textures of games say little
constexpr std::size_t kOthers = 24;          // pictures for collages
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

// Sources that can be decoded, are no icons, have structure, and are different pictures.
std::vector<Source> Distinct(sandbox::DecoderPool& decoders, std::vector<Source> sources,
                             const Options& options, std::size_t wanted) {
  struct Seen {
    bool usable = false, has_margin = false;
    Thumbnail thumbnail;
  };
  std::mt19937 random = RandomOf(options.seed, 1);
  for (std::size_t i = sources.size(); i > 1; --i) std::swap(sources[i - 1], sources[random() % i]);
  // One of each family of names before anything is decoded.
  std::set<std::string> families;
  std::erase_if(sources, [&](const Source& source) {
    return !source.file.empty() && !families.insert(FamilyOf(source.file)).second;
  });
  std::vector<Source> distinct;
  std::vector<Thumbnail> thumbnails;
  std::size_t with_margin = 0;
  constexpr std::size_t kBatch = 256;
  for (std::size_t begin = 0; begin < sources.size() && distinct.size() < wanted; begin += kBatch) {
    const std::size_t number = std::min(kBatch, sources.size() - begin);
    std::vector<Seen> seen(number);
    Each(number, [&](std::size_t i) {
      const cv::Mat picture = Load(decoders, sources[begin + i], 512);
      if (picture.empty() || std::min(picture.cols, picture.rows) < kSmallestSide) return;
      if (ThreadHasher().Hash(ViewOf(picture)).quality < static_cast<int>(kQualityFloor)) return;
      seen[i] = {true, media::StripBorder(ViewOf(picture)).has_value(), ThumbnailOf(picture)};
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

// Parts of other pictures: as like and unlike to each other as real ones are.
std::vector<lists::Entry> Fillers(const std::vector<cv::Mat>& pictures, std::uint64_t first,
                                  std::uint64_t number, std::uint64_t seed) {
  std::vector<lists::Entry> entries(number);
  constexpr std::size_t kChunk = 1000;
  Each((number + kChunk - 1) / kChunk, [&](std::size_t chunk) {
    for (std::size_t i = chunk * kChunk; i < std::min<std::size_t>(number, (chunk + 1) * kChunk); ++i) {
      std::mt19937 random = RandomOf(seed, 2, i);
      for (int attempt = 0;; ++attempt) {
        const cv::Mat& from = pictures[random() % pictures.size()];
        const auto part = [&](int side) {
          return std::max(48, static_cast<int>(side * (0.3 + 0.6 * (random() % 1024 / 1024.0))));
        };
        const int width = std::min(from.cols, part(from.cols)), height = std::min(from.rows, part(from.rows));
        const cv::Rect rect(static_cast<int>(random() % static_cast<unsigned>(from.cols - width + 1)),
                            static_cast<int>(random() % static_cast<unsigned>(from.rows - height + 1)), width,
                            height);
        cv::Mat small;
        cv::resize(from(rect), small, {128, 128}, 0, 0, cv::INTER_AREA);
        const hash::PdqHash pdq = ThreadHasher().Hash(ViewOf(small));
        if (pdq.quality < static_cast<int>(kQualityFloor) && attempt < 20) continue;
        entries[i] = EntryOf(fmt::format("f{}", first + i), pdq);
        break;
      }
    }
  });
  return entries;
}

match::Evidence EvidenceOf(const cv::Mat& picture, const hash::LookOptions& looks) {
  thread_local hash::PictureLooker looker;
  match::Evidence evidence;
  for (const hash::PictureLook& look : looker.Look(ViewOf(picture), looks)) {
    match::FrameEvidence frame;
    frame.pdq = look.pdq;
    frame.has_orientations = looks.orientations;
    frame.kind = look.kind;
    evidence.frames.push_back(frame);
  }
  return evidence;
}

calibration::Look LookOf(const match::FrameEvidence& frame) {
  return static_cast<calibration::Look>(static_cast<int>(frame.kind) - 1);  // in the same order
}

void Scan(const cv::Mat& picture, const hash::LookOptions& looks, const lists::Catalog& catalog,
          Upload& upload) {
  const match::Evidence evidence = EvidenceOf(picture, looks);
  for (const match::FrameEvidence& frame : evidence.frames) {
    if (frame.pdq.quality < static_cast<int>(kQualityFloor)) continue;
    upload.usable = true;
    upload.queries_by_look[static_cast<std::size_t>(LookOf(frame))] += frame.has_orientations ? 8 : 1;
  }
  for (const std::uint32_t queries : upload.queries_by_look) upload.queries += queries;
  const StatusOr<match::Conclusion> conclusion = match::Conclude(evidence, catalog, {}, {}, kNow);
  if (!conclusion.ok()) return;
  for (const match::Match& match : conclusion->matches) {
    std::uint64_t number = 0;
    std::from_chars(match.entry_id.data() + 1, match.entry_id.data() + match.entry_id.size(), number);
    if (upload.known && match.entry_id[0] == 'k' && number == upload.source) {
      upload.found = true;
      upload.evidence = match.evidence;
    } else {
      upload.wrong.push_back({number, match.evidence});
    }
  }
}

}  // namespace

StatusOr<Run> Evaluate(const Options& options) {
  const auto start = std::chrono::steady_clock::now();
  Run run;
  run.options = options;
  run.edits = AllEdits();
  sandbox::Config config;
  config.program = options.decoder;
  TAMIZ_ASSIGN_OR_RETURN(const std::unique_ptr<sandbox::DecoderPool> decoders,
                         sandbox::DecoderPool::Start(config));

  std::vector<Source> sources = FilesUnder(options.folders);
  run.pictures_found = sources.size();
  for (std::uint32_t i = 0; i < options.drawn; ++i) sources.push_back({{}, i});
  const std::size_t wanted = options.known + options.unrelated + options.filler + kOthers;
  Tell(fmt::format("{} pictures found", run.pictures_found));
  sources = Distinct(*decoders, std::move(sources), options, wanted);
  run.pictures_distinct = sources.size();
  Tell(fmt::format("{} different pictures", sources.size()));
  if (sources.size() < 40) {
    return MakeError(StatusCode::kFailedPrecondition,
                     fmt::format("only {} different pictures of at least {} pixels a side; at least 40 are "
                                 "needed: name more folders, or --drawn N",
                                 sources.size(), kSmallestSide));
  }
  std::map<std::string, int> by_folder;
  for (const Source& source : sources) {
    std::string name = "drawn";
    for (const std::string& folder : options.folders) {
      if (source.file.string().starts_with(folder + "/")) name = folder;
    }
    ++by_folder[name];
  }
  for (const auto& [folder, number] : by_folder)
    run.sources_used.push_back(fmt::format("{} ({})", folder, number));

  // Where there are too few, each part gets less.
  const double share = std::min(1.0, double(sources.size() - kOthers) / double(wanted - kOthers));
  const auto known = static_cast<std::uint32_t>(options.known * share);
  const auto unrelated = static_cast<std::uint32_t>(options.unrelated * share);
  const auto filler = static_cast<std::uint32_t>(options.filler * share);
  run.list_sources = filler;
  const auto at = [&](std::uint32_t part) { return sources.begin() + part; };
  const std::vector<Source> other_sources(at(known + unrelated), at(known + unrelated + kOthers));
  const std::vector<Source> filler_sources(at(known + unrelated + kOthers),
                                           at(known + unrelated + kOthers + filler));

  Others others(other_sources.size());
  Each(others.size(),
       [&](std::size_t i) { others[i] = Load(*decoders, other_sources[i], options.max_side); });
  std::erase_if(others, [](const cv::Mat& picture) { return picture.empty(); });
  std::vector<lists::Entry> entries(known);
  std::atomic<std::size_t> margins{0};
  Each(known, [&](std::size_t i) {
    const cv::Mat picture = Load(*decoders, sources[i], options.max_side);
    if (picture.empty()) return;
    entries[i] = EntryOf(fmt::format("k{}", i), ThreadHasher().Hash(ViewOf(picture)));
    if (media::StripBorder(ViewOf(picture))) ++margins;
  });
  run.known = known;
  run.known_with_margin = margins;
  std::erase_if(entries, [](const lists::Entry& entry) { return entry.id.empty(); });
  {
    std::vector<cv::Mat> pictures(filler_sources.size());
    Each(pictures.size(), [&](std::size_t i) { pictures[i] = Load(*decoders, filler_sources[i], 384); });
    std::erase_if(pictures, [](const cv::Mat& picture) { return picture.empty(); });
    const std::uint64_t missing = options.list_size > known ? options.list_size - known : 0;
    std::vector<lists::Entry> fillers = Fillers(pictures, known, missing, options.seed);
    std::move(fillers.begin(), fillers.end(), std::back_inserter(entries));
  }
  run.list_entries = entries.size();
  Tell(fmt::format("a list of {} entries", entries.size()));

  // How far apart unrelated pictures are, in all.
  Each(1, [&](std::size_t) {
    std::mt19937 random = RandomOf(options.seed, 3);
    std::vector<hash::Hash256> hashes;
    for (int i = 0; i < 4000 && entries.size() > known; ++i) {
      // Parts of other pictures, which stand after the known ones.
      const auto& value = entries[known + random() % (entries.size() - known)].hashes[0].value;
      hashes.push_back(hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(value.data(), 32)));
    }
    // Known pictures against the crops of others.
    for (std::uint32_t k = 0; k < known && k < entries.size(); ++k) {
      const auto& value = entries[k].hashes[0].value;
      const auto one = hash::Hash256::FromBytes(std::span<const std::uint8_t, 32>(value.data(), 32));
      for (const hash::Hash256& other : hashes) ++run.unrelated_distances[hash::Distance(one, other)];
    }
  });

  lists::ListInfo info;
  info.list_id = info.name = "evaluation";
  info.version = 1;
  info.policy.radius = 31;
  info.policy.review_radius = kReach;
  lists::Catalog catalog;
  {
    TAMIZ_ASSIGN_OR_RETURN(auto list, lists::BuildListSnapshot(info, std::move(entries), kNow));
    catalog.lists.push_back(std::move(list));
  }

  hash::LookOptions looks;
  if (options.only_whole) looks = {false, false, false, false};
  const std::uint32_t pictures = known + unrelated;
  std::vector<std::vector<Upload>> by_picture(pictures);
  std::atomic<std::uint32_t> done{0};
  Each(pictures, [&](std::size_t i) {
    const cv::Mat picture = Load(*decoders, sources[i], options.max_side);
    if (picture.empty()) return;
    for (std::uint32_t e = 0; e < run.edits.size(); ++e) {
      const bool is_known = i < known;
      // Of pictures that are not known a part of the edits will do: those that show most at once, in turn.
      if (!is_known && e != 0 && !run.edits[e].shows_more && (e + i) % 8 != 0) continue;
      std::mt19937 random = RandomOf(options.seed, 100 + i, e);
      Upload upload;
      upload.source = static_cast<std::uint32_t>(i);
      upload.edit = e;
      upload.known = is_known;
      Scan(run.edits[e].apply(picture, random, others), looks, catalog, upload);
      by_picture[i].push_back(std::move(upload));
    }
    const std::uint32_t now = ++done;
    if (now % 50 == 0) Tell(fmt::format("{} of {} pictures scanned", now, pictures));
  });
  for (std::vector<Upload>& uploads : by_picture) {
    std::move(uploads.begin(), uploads.end(), std::back_inserter(run.uploads));
  }
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
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
      if (!upload.usable) continue;
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
