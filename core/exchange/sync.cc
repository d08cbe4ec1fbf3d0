#include "core/exchange/sync.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/store/change_codec.h"

namespace tamiz::exchange {
namespace {

// Items in memory: of a version while the list is filled, and of a reading afterwards.
constexpr std::size_t kFillItems = 20'000;
constexpr std::size_t kMostItems = 1'000'000;
constexpr std::size_t kMostItemsOfAWhole = 10'000'000;
// The same in bytes of hashes: entries with large fingerprints are few and heavy.
constexpr std::size_t kFillBytes = 64 << 20;
constexpr std::size_t kMostBytes = 256 << 20;
constexpr std::size_t kMostBytesOfAWhole = std::size_t{1} << 30;

// What a reading brought so far, the latest state of each entry.
class Collected {
 public:
  void Add(std::vector<Item> items) {
    for (Item& item : items) {
      bytes_ += BytesOf(item);
      const auto [at, is_new] = by_id_.try_emplace(item.id, items_.size());
      if (is_new) {
        items_.push_back(std::move(item));
      } else if (item.at >= items_[at->second].at) {
        items_[at->second] = std::move(item);
      }
    }
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  // Of all hashes that came, also of those that were replaced since.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void Clear() {
    bytes_ = 0;
    items_.clear();
    by_id_.clear();
  }
  [[nodiscard]] store::Change Take() {
    store::Change change{.what = "sync"};
    for (Item& item : items_) {
      if (item.entry) {
        change.upserts.push_back(*std::move(item.entry));
      } else {
        change.removals.push_back(std::move(item.id));
      }
    }
    Clear();
    return change;
  }

 private:
  static std::size_t BytesOf(const Item& item) {
    std::size_t bytes = 0;
    if (!item.entry) return bytes;
    for (const lists::EntryHash& hash : item.entry->hashes) bytes += hash.value.size();
    return bytes;
  }

  std::size_t bytes_ = 0;
  std::vector<Item> items_;
  std::unordered_map<std::string, std::size_t> by_id_;
};

class Reading {
 public:
  Reading(Exchange& exchange, const SyncTarget& target, store::ListRegistry& lists, store::Store& store,
          const CallContext& context)
      : exchange_(exchange), target_(target), lists_(lists), store_(store), context_(context) {}

  StatusOr<SyncResult> Run() {
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo list, store_.GetList(target_.list_id));
    before_ = list.entry_count;
    is_guarded_ = target_.is_guarded && before_ >= target_.min_guarded_entries;
    std::string checkpoint = target_.checkpoint;
    while (true) {
      TAMIZ_RETURN_IF_ERROR(context_.StillWanted(std::chrono::steady_clock::now()));
      TAMIZ_ASSIGN_OR_RETURN(Page page, exchange_.Fetch(checkpoint, context_));
      if (page.starts_over) {
        is_whole_ = true;
        collected_.Clear();
      }
      result_.skipped += page.skipped;
      collected_.Add(std::move(page.items));
      checkpoint = std::move(page.checkpoint);
      result_.is_caught_up = page.is_last;
      if (page.is_last || IsFull()) break;
      if (is_whole_ || is_guarded_) continue;
      if (collected_.size() < kFillItems && collected_.bytes() < kFillBytes) continue;
      TAMIZ_RETURN_IF_ERROR(Apply(checkpoint));
    }
    if (is_whole_ && !result_.is_caught_up) {
      return MakeError(StatusCode::kResourceExhausted,
                       fmt::format("the exchange holds more than {} entries or {} bytes of hashes",
                                   kMostItemsOfAWhole, kMostBytesOfAWhole),
                       "EXCHANGE_TOO_LARGE");
    }
    TAMIZ_RETURN_IF_ERROR(Apply(checkpoint));
    return result_;
  }

 private:
  [[nodiscard]] bool IsFull() const {
    return collected_.size() >= (is_whole_ ? kMostItemsOfAWhole : kMostItems) ||
           collected_.bytes() >= (is_whole_ ? kMostBytesOfAWhole : kMostBytes);
  }

  Status Apply(const std::string& checkpoint) {
    store::Change change = collected_.Take();
    change.replace = is_whole_;
    if (is_whole_) change.removals.clear();
    change.checkpoint = store::Checkpoint{target_.exchange, checkpoint, previous_};
    TAMIZ_RETURN_IF_ERROR(KeepDisabled(change));
    store::ChangeCounts counts;
    if (is_guarded_) {
      TAMIZ_RETURN_IF_ERROR(lists_.Apply(target_.list_id, change, /*dry_run=*/true, counts).status());
      if (const std::string why = TooMuch(counts); !why.empty()) return LetWait(change, counts, why);
    }
    TAMIZ_RETURN_IF_ERROR(lists_.Apply(target_.list_id, change, /*dry_run=*/false, counts).status());
    previous_ = checkpoint;
    result_.counts.added += counts.added;
    result_.counts.updated += counts.updated;
    result_.counts.removed += counts.removed;
    result_.counts.unchanged += counts.unchanged;
    if (counts.added + counts.updated + counts.removed > 0) result_.how = SyncResult::How::kChanged;
    return OkStatus();
  }

  // Why a person must look; empty if none must.
  [[nodiscard]] std::string TooMuch(const store::ChangeCounts& counts) const {
    const auto limit = target_.max_change_share * static_cast<double>(before_);
    if (static_cast<double>(std::max(counts.added, counts.removed)) <= limit) return {};
    return fmt::format(
        "exchange '{}' would add {} and remove {} of {} entries; at most {:.0f} of either pass by "
        "themselves (max_change_share {})",
        target_.exchange, counts.added, counts.removed, before_, limit, target_.max_change_share);
  }

  Status LetWait(const store::Change& change, const store::ChangeCounts& counts, const std::string& why) {
    result_.how = SyncResult::How::kWaiting;
    result_.counts = counts;
    return store_.PutPending(
        {.list_id = target_.list_id, .why = why, .body = store::EncodeChange(change), .counts = counts});
  }

  // Whoever disabled an entry knows better than the exchange that goes on sending it.
  Status KeepDisabled(store::Change& change) {
    if (change.upserts.empty()) return OkStatus();
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo list, store_.GetList(target_.list_id));
    TAMIZ_ASSIGN_OR_RETURN(const std::vector<lists::VersionInfo> versions, store_.Versions(target_.list_id));
    if (versions.empty() || versions.front().entry_count == list.entry_count) return OkStatus();  // none is
    for (lists::Entry& entry : change.upserts) {
      const StatusOr<lists::Entry> stored = store_.GetEntry(target_.list_id, entry.id);
      if (!stored.ok() && stored.status().code() != StatusCode::kNotFound) return stored.status();
      if (stored.ok() && stored->disabled) entry.disabled = true;
    }
    return OkStatus();
  }

  Exchange& exchange_;
  const SyncTarget& target_;
  store::ListRegistry& lists_;
  store::Store& store_;
  const CallContext& context_;
  std::string previous_ = target_.checkpoint;  // as stored
  std::uint64_t before_ = 0;
  bool is_guarded_ = false;
  bool is_whole_ = false;
  Collected collected_;
  SyncResult result_;
};

}  // namespace

StatusOr<SyncResult> Sync(Exchange& exchange, const SyncTarget& target, store::ListRegistry& lists,
                          store::Store& store, const CallContext& context) {
  return Reading(exchange, target, lists, store, context).Run();
}

}  // namespace tamiz::exchange
