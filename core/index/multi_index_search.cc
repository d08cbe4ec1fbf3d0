#include "core/index/multi_index_search.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "core/index/multi_index_search.cc"
#include "hwy/foreach_target.h"  // compiles this file once for each instruction set
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tamiz::index::HWY_NAMESPACE {

// Here and not std::popcount, so that it is compiled for this instruction set.
HWY_INLINE std::uint32_t Ones(std::uint64_t x) { return static_cast<std::uint32_t>(__builtin_popcountll(x)); }

// Searches all queries, part by part. A search is a chain of three memory accesses that miss the cache
// (block, numbers, hash), so they are done for many look-ups at once and each is prefetched one stage
// earlier:
//   Aim: prefetch blocks -> Locate: read blocks, prefetch numbers -> Collect: read numbers, prefetch hashes
//   -> Check.
// The stages of neighbouring parts are interleaved, so that there is work to do while memory answers.
class Search {
 public:
  Search(const MultiIndex::View& view, const MultiIndex::Plan& plan, std::span<const hash::Hash256> queries,
         std::uint32_t radius, std::size_t limit, std::span<std::uint8_t> crowded, std::vector<Hit>& hits)
      : view_(view),
        plan_(plan),
        queries_(queries),
        radius_(radius),
        limit_(limit),
        crowded_(crowded),
        hits_(hits) {}

  // Queries go in groups, all of a group through one part after the other: frames of a video are alike, and
  // what one read of a part's table is in the cache for the next.
  HWY_INLINE void Run() {
    for (first_ = 0; first_ < queries_.size(); first_ += kGroup) {
      group_ = queries_.size() - first_ < kGroup ? queries_.size() - first_ : kGroup;
      for (std::size_t& seen : seen_) seen = 0;
      RunGroup();
    }
  }

 private:
  HWY_INLINE void RunGroup() {
    const std::size_t steps = group_ * plan_.size();
    Task task[3];
    for (std::size_t i = 0; i < steps + 2; ++i) {
      // Tasks i, i - 1 and i - 2 are in three different stages.
      if (i >= 2) Collect(task[(i - 2) % 3]);
      Task& next = task[i % 3];
      Ahead ahead;
      if (i < steps) ahead = Aim(i, next);
      if (i >= 1 && i - 1 < steps) {
        Locate(task[(i - 1) % 3], ahead);
      } else {
        for (std::size_t l = 0; l < ahead.count; ++l) ahead.Prefetch(l);
      }
      if (i >= 2) Check(task[(i - 2) % 3]);
    }
  }

  struct Task {
    std::uint32_t query = 0;
    std::uint32_t step = 0;
    std::uint32_t bits = 0;  // of the query, in this part
    std::uint32_t found = 0;
    std::uint32_t begins[MultiIndex::kMaxProbes];  // of buckets that are not empty, in `numbers`
  };

  // Cache lines that the next task will read.
  struct Ahead {
    const std::uint32_t* lines = nullptr;
    std::size_t count = 0;
    std::uint32_t bits = 0;
    std::uint32_t bucket_bits = 0;
    const MultiIndex::Block* blocks = nullptr;
    HWY_INLINE void Prefetch(std::size_t l) const {
      __builtin_prefetch(&blocks[(bits ^ lines[l]) >> bucket_bits]);
    }
  };

  HWY_INLINE Ahead Aim(std::size_t i, Task& task) const {
    task.query = static_cast<std::uint32_t>(first_ + i % group_);
    task.step = static_cast<std::uint32_t>(i / group_);
    task.found = 0;
    const MultiIndex::Step& step = plan_[task.step];
    const MultiIndex::Part& part = view_.parts[step.part];
    task.bits = BitsAt(queries_[task.query].words.data(), part.first_bit, part.width);
    return {step.lines->data(), step.lines->size(), task.bits, part.bucket_bits, part.blocks.data()};
  }

  HWY_INLINE void Locate(Task& task, const Ahead& ahead) const {
    if (crowded_[task.query] != 0) return;
    const MultiIndex::Step& step = plan_[task.step];
    const MultiIndex::Part& part = view_.parts[step.part];
    if (part.count_bits == 2) {
      LocateIn<2, 4>(*step.masks, part, task, ahead);
    } else {
      LocateIn<4, 3>(*step.masks, part, task, ahead);
    }
    for (std::uint32_t i = 0; i < task.found; ++i) __builtin_prefetch(&part.numbers[task.begins[i]]);
  }

  template <unsigned kCountBits, unsigned kBucketBits>
  static HWY_INLINE void LocateIn(const std::vector<std::uint32_t>& masks, const MultiIndex::Part& part,
                                  Task& task, const Ahead& ahead) {
    constexpr std::uint32_t kMost = (1u << kCountBits) - 1;
    const MultiIndex::Block* HWY_RESTRICT blocks = part.blocks.data();
    std::uint32_t found = 0;
    std::size_t l = 0;
    for (const std::uint32_t mask : masks) {
      if (l < ahead.count) ahead.Prefetch(l++);
      const std::uint32_t key = task.bits ^ mask;
      const MultiIndex::Block block = blocks[key >> kBucketBits];
      const unsigned shift = (key & ((1u << kBucketBits) - 1)) * kCountBits;
      const std::uint32_t below = block.counts & ((std::uint32_t{1} << shift) - 1);
      std::uint32_t begin;
      bool overflow;
      if constexpr (kCountBits == 2) {
        begin = block.first + Ones(below & 0x5555'5555) + 2 * Ones(below & 0xaaaa'aaaa);
        overflow = (below & below >> 1 & 0x5555'5555) != 0;
      } else {
        // At most 7 counts of at most 14, so that their sum fits into a byte.
        const std::uint32_t pairs = (below & 0x0f0f'0f0f) + (below >> 4 & 0x0f0f'0f0f);
        begin = block.first + (pairs * 0x0101'0101u >> 24);
        overflow = (below & below >> 1 & below >> 2 & below >> 3 & 0x1111'1111) != 0;
      }
      const bool is_empty = (block.counts >> shift & kMost) == 0;
      if (HWY_UNLIKELY(overflow)) {
        if (is_empty) continue;
        begin = Walk<kCountBits>(block, below, part);
      }
      task.begins[found] = begin;
      found += is_empty ? 0 : 1;
    }
    task.found = found;
    for (; l < ahead.count; ++l) ahead.Prefetch(l);
  }

  // Where a bucket begins if one before it in its block is too full for its count: passes over their last
  // numbers.
  template <unsigned kCountBits>
  static HWY_NOINLINE std::uint32_t Walk(const MultiIndex::Block& block, std::uint32_t below,
                                         const MultiIndex::Part& part) {
    std::uint32_t position = block.first;
    for (std::uint32_t rest = below; rest != 0; rest >>= kCountBits) {
      if ((rest & ((1u << kCountBits) - 1)) == 0) continue;
      while ((part.numbers[position++] & MultiIndex::kLastOfBucket) == 0) {
      }
    }
    return position;
  }

  HWY_INLINE void Collect(const Task& task) {
    candidates_ = 0;
    if (crowded_[task.query] != 0) return;
    const std::uint32_t* HWY_RESTRICT numbers = view_.parts[plan_[task.step].part].numbers.data();
    for (std::uint32_t i = 0; i < task.found; ++i) {
      std::uint32_t position = task.begins[i];
      std::uint32_t number;
      do {
        number = numbers[position++];
        const std::uint32_t candidate = number & ~MultiIndex::kLastOfBucket;
        __builtin_prefetch(&view_.first[candidate]);
        candidate_[candidates_++] = candidate;
        if (HWY_UNLIKELY(candidates_ == kCandidates)) {
          Check(task);
          if (crowded_[task.query] != 0) return;
        }
      } while ((number & MultiIndex::kLastOfBucket) == 0);
    }
  }

  HWY_INLINE void Check(const Task& task) {
    std::size_t& seen = seen_[task.query - first_];
    seen += candidates_;
    if (HWY_UNLIKELY(seen > limit_)) crowded_[task.query] = 1;
    const std::uint64_t* HWY_RESTRICT query = queries_[task.query].words.data();
    for (std::uint32_t i = 0; i < candidates_; ++i) {
      const HalfHash& a = view_.first[candidate_[i]];
      std::uint32_t distance = Ones(a.words[0] ^ query[0]) + Ones(a.words[1] ^ query[1]);
      if (HWY_LIKELY(distance > radius_)) continue;
      const HalfHash& b = view_.second[candidate_[i]];
      distance += Ones(b.words[0] ^ query[2]) + Ones(b.words[1] ^ query[3]);
      if (distance > radius_) continue;
      const std::uint64_t difference[4] = {a.words[0] ^ query[0], a.words[1] ^ query[1],
                                           b.words[0] ^ query[2], b.words[1] ^ query[3]};
      if (!FoundEarlier(difference, task.step)) hits_.push_back({task.query, candidate_[i], distance});
    }
    candidates_ = 0;
  }

  // Whether a hash that differs so comes up in a step before this one: it was reported there.
  HWY_INLINE bool FoundEarlier(const std::uint64_t* difference, std::uint32_t step) const {
    for (std::uint32_t s = 0; s < step; ++s) {
      const MultiIndex::Part& part = view_.parts[plan_[s].part];
      if (Ones(BitsAt(difference, part.first_bit, part.width)) <= plan_[s].flips) return true;
    }
    return false;
  }

  static constexpr std::uint32_t kCandidates = 1024;
  static constexpr std::size_t kGroup = 16;

  const MultiIndex::View& view_;
  const MultiIndex::Plan& plan_;
  const std::span<const hash::Hash256> queries_;
  const std::uint32_t radius_;
  const std::size_t limit_;
  const std::span<std::uint8_t> crowded_;
  std::vector<Hit>& hits_;
  std::size_t first_ = 0;     // query of the group
  std::size_t group_ = 0;     // queries in it
  std::size_t seen_[kGroup];  // candidates of each
  std::uint32_t candidates_ = 0;
  std::uint32_t candidate_[kCandidates];
};

void SearchPartsHere(const MultiIndex::View& view, const MultiIndex::Plan& plan,
                     std::span<const hash::Hash256> queries, hash::HammingDistance radius, std::size_t limit,
                     std::span<std::uint8_t> crowded, std::vector<Hit>& hits) {
  Search(view, plan, queries, radius, limit, crowded, hits).Run();
}

}  // namespace tamiz::index::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tamiz::index {

HWY_EXPORT(SearchPartsHere);

void SearchParts(const MultiIndex::View& view, const MultiIndex::Plan& plan,
                 std::span<const hash::Hash256> queries, hash::HammingDistance radius, std::size_t limit,
                 std::span<std::uint8_t> crowded, std::vector<Hit>& hits) {
  HWY_DYNAMIC_DISPATCH(SearchPartsHere)(view, plan, queries, radius, limit, crowded, hits);
}

}  // namespace tamiz::index
#endif  // HWY_ONCE
