#include "decoder/group_planner.h"

#include <algorithm>

namespace tamiz::decoder {

using std::chrono::microseconds;

std::vector<PacketOrder> GroupPlanner::Plan(std::span<const PacketFacts> group, const GroupEnd& end) {
  std::vector<PacketOrder> orders(group.size());
  if (group.empty()) return orders;
  std::vector<std::size_t> shown;  // in order of presentation
  for (std::size_t i = 0; i < group.size(); ++i) {
    // Pictures shown before their key frame refer to the group before: without its end they are rubble.
    if (tail_dropped_ && group[0].key && group[i].stated < group[0].stated) {
      orders[i].decode = false;
    } else if (!group[i].hidden) {
      shown.push_back(i);
    }
  }
  std::stable_sort(shown.begin(), shown.end(),
                   [&](std::size_t a, std::size_t b) { return group[a].stated < group[b].stated; });
  pictures_ += group.size();
  ++groups_;
  const std::size_t affordable = 1 + Affordable();
  ChooseFrames(group, shown, affordable, end, orders);

  tail_dropped_ = false;
  if (traits_.intra_only) {
    for (PacketOrder& order : orders) order.decode = order.wanted;
    return orders;
  }
  // What comes after the last wanted picture, no picture of this group needs. Of the next one the first
  // pictures may, where it is open: an exact plan does without this saving.
  if (traits_.exact || (!end.next_key && !end.at_end)) return orders;
  const auto last =
      std::find_if(orders.rbegin(), orders.rend(), [](const PacketOrder& o) { return o.wanted; });
  const auto kept = static_cast<std::size_t>(orders.rend() - last);
  for (std::size_t i = kept; i < orders.size(); ++i) orders[i].decode = false;
  tail_dropped_ = kept < orders.size();
  spent_ += kept > 0 ? kept - 1 : 0;
  return orders;
}

// Pictures beside key frames.
std::size_t GroupPlanner::Affordable() const {
  if (traits_.exact || !(rules_.allowance || rules_.regular)) return 0;
  const bool is_short = traits_.pixels_in_all > 0 && traits_.pixels_in_all <= kShortPixels;
  const std::uint64_t whatever =
      traits_.pixels > 0 ? (is_short ? kShortPixels : kAllowedPixels) / traits_.pixels : 0;
  const std::uint64_t allowed =
      std::max(whatever - std::min(whatever, groups_), rules_.allowance ? pictures_ / kAllowedShare : 0);
  return allowed - std::min(allowed, spent_);
}

void GroupPlanner::ChooseFrames(std::span<const PacketFacts> group, const std::vector<std::size_t>& shown,
                                std::size_t affordable, const GroupEnd& end,
                                std::vector<PacketOrder>& orders) {
  // What is shown before this comes out of the packets that are affordable.
  std::int64_t closely_until = INT64_MIN;
  if (affordable > 1) {
    closely_until = INT64_MAX;
    for (std::size_t i = affordable; i < group.size(); ++i)
      closely_until = std::min(closely_until, group[i].stated);
  }
  std::optional<std::size_t> before;
  microseconds last_duration{0};
  for (const std::size_t i : shown) {
    const microseconds time = clock_.Next(group[i].stated, group[i].duration);
    orders[i].time = time;
    last_duration = group[i].duration;
    const bool closely = group[i].stated < closely_until;
    sampler_.BeRegularUntil(closely ? time + microseconds(1) : microseconds(0));
    FrameSampler after = sampler_;
    const FrameSampler::Choice choice = after.Next(time, {.key = group[i].key});
    const bool can_wait = !traits_.exact && !closely && !traits_.intra_only && !group[i].key &&
                          !choice.take_held && !sampler_.IsInSpan(time) && end.next_key.has_value() &&
                          MayWait(time, time + microseconds(*end.next_key - group[i].stated));
    if (choice.take && can_wait) continue;  // not told to the sampler: the key frame is taken in its place
    sampler_ = after;
    if (choice.take_held && before) orders[*before].wanted = true;
    if (choice.take) orders[i].wanted = true;
    before = i;
  }
  if (!before) return;
  // Held over the end of the group: for how long the picture stays is known here.
  const microseconds stays =
      end.next_key ? microseconds(std::max<std::int64_t>(*end.next_key - group[*before].stated, 0))
                   : last_duration;
  if (sampler_.TakeHeldAtEnd(stays)) orders[*before].wanted = true;
  sampler_.Release();
}

// Whether a frame that is wanted at `time` may be replaced by the key frame at `next_key`.
bool GroupPlanner::MayWait(microseconds time, microseconds next_key) const {
  const microseconds wait = sampler_.IsRegularAt(time) ? rules_.interval * 3 / 4 : rules_.max_gap / 2;
  return next_key >= time && next_key - time <= wait;
}

}  // namespace tamiz::decoder
