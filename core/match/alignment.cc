#include "core/match/alignment.h"

#include <algorithm>
#include <cmath>
#include <tuple>

namespace tamiz::match {
namespace {

constexpr std::size_t kLookBack = 96;     // hits before a hit that may precede it in a chain
constexpr double kLongestGap = 8;         // between two hits of a chain, in intervals …
constexpr double kLongestGapSeconds = 2;  // … or seconds, whichever is more
// A frame of the upload is what it is at its moment, however far the next one is: beyond this, the upload's
// interval makes nothing less certain.
constexpr double kLongestStep = 1;
constexpr double kSlack = 0.75;        // in steps: sampled frames lie beside the moment that they stand for
constexpr double kBridgeSlack = 0.25;  // as kSlack, for what is vouched for
constexpr double kBridgeIntervals = 4.5;  // longest gap that its ends vouch for, in steps
constexpr double kUnseenIntervals = 1.5;  // … where nothing between was looked at, in the upload's intervals
constexpr double kBridgeFrames = 3;       // in the upload's intervals: what was looked at in it and not found
constexpr std::size_t kStepsANode = 16;   // chains are walked back for this long: bounds what a trap can cost
constexpr double kSameShot = 2e-3;  // keeps the frames of a shot in the chain, and counts for next to nothing
constexpr std::int32_t kNoNode = -1;

double Seconds(std::chrono::microseconds time) { return static_cast<double>(time.count()) * 1e-6; }

// One picture in one frame.
struct Node {
  std::uint32_t frame = 0, picture = 0;
  hash::Transform transform = hash::Transform::kIdentity;
  double time = 0;            // of the frame, seconds
  double start = 0, end = 0;  // of the picture, seconds
  double score[2] = {1, 1};   // of the best chain that ends here: forward, backward
  std::int32_t before[2] = {kNoNode, kNoNode};
};

std::vector<Node> NodesOf(std::span<const FrameHit> hits, const KnownVideo& known,
                          std::span<const std::chrono::microseconds> times) {
  std::vector<Node> nodes;
  nodes.reserve(hits.size());
  for (const FrameHit& hit : hits) {
    const std::uint32_t picture = known.PictureAt(hit.position);
    if (picture == KnownVideo::kNone) continue;
    Node node;
    node.frame = hit.frame;
    node.picture = picture;
    node.transform = hit.transform;
    node.time = Seconds(times[hit.frame]);
    node.start = Seconds(known.pictures()[picture].start);
    node.end = Seconds(known.pictures()[picture].end);
    nodes.push_back(node);
  }
  const auto key = [](const Node& node) { return std::tuple(node.frame, node.picture, node.transform); };
  std::ranges::sort(nodes, {}, key);
  // Not std::ranges::unique: clang 14 cannot read what libstdc++ 12 returns from it.
  const auto same = [&](const Node& a, const Node& b) { return key(a) == key(b); };
  nodes.erase(std::unique(nodes.begin(), nodes.end(), same), nodes.end());
  return nodes;
}

// Frames that lie close show the same pictures; those that a segment passes over say again what it says.
bool IsWithin(const AlignedSegment& part, const AlignedSegment& whole) {
  return part.transform == whole.transform && part.first_frame >= whole.first_frame &&
         part.last_frame <= whole.last_frame && part.first_picture >= whole.first_picture &&
         part.last_picture <= whole.last_picture;
}

// Chains nodes; see Align.
class Chains {
 public:
  Chains(std::vector<Node> nodes, const KnownVideo& known, const SampledTimes& times)
      : nodes_(std::move(nodes)),
        known_(known),
        times_(times),
        interval_(Seconds(times.interval)),
        step_(std::max(std::min(interval_, kLongestStep), Seconds(known.interval()))),
        slack_(kSlack * step_),
        longest_gap_(std::max(kLongestGap * std::max(interval_, step_), kLongestGapSeconds)) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (std::size_t back = 1; back <= std::min(i, kLookBack); ++back) {
        if (nodes_[i].time - nodes_[i - back].time > longest_gap_) break;
        Try(i - back, i, 0);
        Try(i - back, i, 1);
      }
    }
  }

  std::vector<AlignedSegment> Segments() {
    // Ends of chains, best first; forward where both directions explain as much.
    std::vector<std::pair<std::size_t, int>> ends;
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const int way : {0, 1}) {
        if (nodes_[i].score[way] > kFewestPictures - 0.9) ends.emplace_back(i, way);
      }
    }
    std::ranges::stable_sort(ends, [&](const auto& a, const auto& b) {
      return nodes_[a.first].score[a.second] > nodes_[b.first].score[b.second];
    });
    std::vector<AlignedSegment> segments;
    std::vector<bool> taken(nodes_.empty() ? 0 : nodes_.back().frame + 1);
    std::size_t steps_left = kStepsANode * nodes_.size();
    for (const auto& [end, way] : ends) {
      std::vector<const Node*> chain;
      for (auto at = static_cast<std::int32_t>(end); at != kNoNode; at = NodeAt(at).before[way]) {
        if (taken[NodeAt(at).frame] || steps_left == 0) break;
        --steps_left;
        chain.push_back(&NodeAt(at));
      }
      std::ranges::reverse(chain);
      AlignedSegment segment = Describe(chain, way == 1);
      if (segment.pictures < kFewestPictures) continue;
      if (std::ranges::any_of(segments,
                              [&](const AlignedSegment& whole) { return IsWithin(segment, whole); }))
        continue;
      for (const Node* node : chain) taken[node->frame] = true;
      segments.push_back(std::move(segment));
    }
    std::ranges::stable_sort(segments, std::ranges::greater(), &AlignedSegment::pictures);
    return segments;
  }

 private:
  // Lets a chain go on from `from` to `to`, if time allows it and that is the best way to get there.
  void Try(std::size_t from, std::size_t to, int way) {
    const Node& a = nodes_[from];
    Node& b = nodes_[to];
    if (a.frame == b.frame || a.transform != b.transform) return;
    const double passed = b.time - a.time;
    double gain = 0;
    if (a.picture == b.picture) {
      if (passed > (a.end - a.start) / kSlowest + slack_) return;
      gain = kSameShot;
    } else {
      if ((b.picture > a.picture) != (way == 0)) return;
      // How far the known video may have gone on meanwhile.
      const double least = way == 0 ? b.start - a.end : a.start - b.end;
      const double most = way == 0 ? b.end - a.start : a.end - b.start;
      if (most < kSlowest * passed - slack_ || least > kFastest * passed + slack_) return;
      const double off = std::max({0.0, least - passed, passed - most});
      gain = 1 - 0.1 * std::min(1.0, off / (passed + slack_));
    }
    // The nearest predecessor wins among equals.
    const double score = a.score[way] + gain - 1e-3 * std::min(1.0, passed / longest_gap_);
    if (score <= b.score[way]) return;
    b.score[way] = score;
    b.before[way] = static_cast<std::int32_t>(from);
  }

  [[nodiscard]] const Node& NodeAt(std::int32_t at) const { return nodes_[static_cast<std::size_t>(at)]; }

  AlignedSegment Describe(const std::vector<const Node*>& chain, bool reversed) const {
    AlignedSegment segment;
    if (chain.empty()) return segment;
    segment.reversed = reversed;
    segment.transform = chain.front()->transform;
    segment.first_frame = chain.front()->frame;
    segment.last_frame = chain.back()->frame;
    segment.first_picture = std::min(chain.front()->picture, chain.back()->picture);
    segment.last_picture = std::max(chain.front()->picture, chain.back()->picture);
    segment.frames = static_cast<std::uint32_t>(chain.size());
    SetSpeed(chain, segment);
    std::uint32_t bridged = 0;
    std::vector<AlignedSegment::Bridge> vouched;
    for (std::size_t i = 0; i < chain.size(); ++i) {
      if (i == 0 || chain[i]->picture != chain[i - 1]->picture) ++segment.pictures;
      if (i == 0) continue;
      const Node& a = *chain[i - 1];
      const Node& b = *chain[i];
      const std::uint32_t pictures = a.picture < b.picture ? b.picture - a.picture : a.picture - b.picture;
      if (pictures <= 1 && b.frame - a.frame <= 1) continue;
      const bool unseen = b.frame - a.frame == 1 && IsSteady(a, b, segment.speed, reversed);
      if (!unseen && !Vouches(a, b, pictures, reversed)) continue;
      // Where every frame that was looked at was found, what lies between is not in doubt.
      if (!unseen && pictures > 1) bridged += pictures - 1;
      auto& bridges = unseen ? segment.bridges : vouched;
      bridges.push_back({a.frame, b.frame, std::min(a.picture, b.picture), std::max(a.picture, b.picture)});
    }
    // What is found must carry what is vouched for.
    if (bridged <= segment.pictures)
      segment.bridges.insert(segment.bridges.end(), vouched.begin(), vouched.end());
    if (segment.pictures >= kFewestPictures) GoOnToTheEnd(*chain.back(), segment);
    return segment;
  }

  // Whether two frames found in step vouch for what lies between, though it was looked at and not found.
  [[nodiscard]] bool Vouches(const Node& a, const Node& b, std::uint32_t pictures, bool reversed) const {
    const double passed = b.time - a.time;
    if (passed > kBridgeIntervals * step_) return false;
    // Time in which the known video stood still belongs to something else.
    const double most = reversed ? a.end - b.start : b.end - a.start;
    if (most < kSlowest * passed - kBridgeSlack * step_) return false;
    // By time, not by number: a closer look that found nothing between takes nothing back.
    return pictures <= 1 || passed <= (kBridgeFrames + 1.5) * interval_;
  }

  // What comes after the upload's last frame was not looked at: it goes on as before.
  void GoOnToTheEnd(const Node& last, AlignedSegment& segment) const {
    if (last.frame + 1 < times_.frames.size()) return;
    const double reach = segment.speed * std::min(Seconds(times_.end) - last.time, interval_);
    const auto& pictures = known_.pictures();
    std::uint32_t end = last.picture;
    if (segment.reversed) {
      while (end > 0 && last.start - Seconds(pictures[end - 1].end) < reach) --end;
    } else {
      while (end + 1 < pictures.size() && Seconds(pictures[end + 1].start) - last.end < reach) ++end;
    }
    if (end != last.picture)
      segment.bridges.push_back(
          {last.frame, last.frame, std::min(last.picture, end), std::max(last.picture, end)});
  }

  // Whether the known video went on from `a` to `b`, between which nothing was looked at, as fast as on the
  // whole: then nothing was cut out or put in there.
  [[nodiscard]] bool IsSteady(const Node& a, const Node& b, double speed, bool reversed) const {
    const double passed = b.time - a.time;
    const double least = reversed ? a.start - b.end : b.start - a.end;
    const double most = reversed ? a.end - b.start : b.end - a.start;
    return passed <= kUnseenIntervals * interval_ + slack_ && least <= speed * passed + slack_ &&
           most >= speed * passed - slack_;
  }

  // The slope of the line that fits best, by least squares over the moments at which pictures change.
  static void SetSpeed(const std::vector<const Node*>& chain, AlignedSegment& segment) {
    double mean_x = 0;
    double mean_y = 0;
    for (const Node* node : chain) {
      mean_x += node->time;
      mean_y += (node->start + node->end) / 2;
    }
    mean_x /= static_cast<double>(chain.size());
    mean_y /= static_cast<double>(chain.size());
    double xx = 0;
    double xy = 0;
    for (const Node* node : chain) {
      const double x = node->time - mean_x;
      xx += x * x;
      xy += x * ((node->start + node->end) / 2 - mean_y);
    }
    const double slope = xx > 0 ? xy / xx : 0;
    segment.speed = std::abs(slope);
    segment.origin = mean_y - slope * mean_x;
  }

  std::vector<Node> nodes_;
  const KnownVideo& known_;
  const SampledTimes& times_;
  const double interval_;
  const double step_;
  const double slack_;
  const double longest_gap_;
};

}  // namespace

std::vector<AlignedSegment> Align(std::span<const FrameHit> hits, const KnownVideo& known,
                                  const SampledTimes& times) {
  return Chains(NodesOf(hits, known, times.frames), known, times).Segments();
}

}  // namespace tamiz::match
