#include "core/store/snapshot_source.h"

#include <fmt/format.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "core/lists/content_digest.h"
#include "core/lists/entry_codec.h"

namespace tamiz::store {
namespace {

// Of hashes of changes held while they are put beside a base.
constexpr std::size_t kMostChangeBytes = 256 << 20;

// For versions stored before digests followed changes.
class FirstFormatDigest {
 public:
  void Add(const lists::Entry& entry) {
    body_.clear();
    lists::EncodeBody(entry, body_);
    digest_.Add(entry.id, {reinterpret_cast<const std::uint8_t*>(body_.data()), body_.size()});
  }
  [[nodiscard]] std::string Finish() { return digest_.Finish(); }

 private:
  lists::BodyDigest digest_;
  std::string body_;
};

std::size_t HashBytes(const lists::Entry& entry) {
  std::size_t bytes = 0;
  for (const lists::EntryHash& hash : entry.hashes) bytes += hash.value.size();
  return bytes;
}

}  // namespace

StatusOr<SnapshotPtr> ReadSnapshot(Store& store, const lists::ListInfo& info, WallTime now,
                                   const std::stop_token& stop) {
  const auto started = std::chrono::steady_clock::now();
  lists::ListSegmentBuilder builder(info);
  lists::ContentDigest contents;
  FirstFormatDigest first_format;
  TAMIZ_RETURN_IF_ERROR(store.ForEachEntry(info.list_id, info.version, [&](lists::Entry&& entry) {
    if (stop.stop_requested()) return MakeError(StatusCode::kCancelled, "the service is shutting down");
    contents.AddCanonical(entry);
    if (info.digest_format == 1) first_format.Add(entry);
    return builder.Add(entry);
  }));
  if (info.version != 0 &&
      info.digest != (info.digest_format == 1 ? first_format.Finish() : contents.Finish())) {
    return MakeError(
        StatusCode::kDataLoss,
        fmt::format("the stored contents of list '{}' version {} do not have the digest of that version; "
                    "import the list again, or restore the database from a backup",
                    info.name, info.version),
        "LIST_DIGEST_MISMATCH");
  }
  TAMIZ_ASSIGN_OR_RETURN(auto segment, builder.Finish());
  auto snapshot = std::make_shared<lists::ListSnapshot>(info, std::move(segment), std::move(contents));
  snapshot->loaded_at = now;
  snapshot->build_time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  return SnapshotPtr(std::move(snapshot));
}

StatusOr<SnapshotPtr> UpdateSnapshot(Store& store, const lists::ListSnapshot& before,
                                     const lists::ListInfo& info, std::size_t limit, WallTime now) {
  std::vector<lists::EntryChange> changes;
  std::size_t weight = before.delta_weight();
  std::size_t bytes = 0;
  const auto too_much = [&] {
    return MakeError(StatusCode::kOutOfRange,
                     fmt::format("more than {} entries and hashes, or {} bytes, beside the base", limit,
                                 kMostChangeBytes));
  };
  if (weight >= limit) return too_much();
  TAMIZ_RETURN_IF_ERROR(store.ForEachChange(info.list_id, before.info.version, info.version, limit - weight,
                                            [&](lists::EntryChange&& change) {
                                              weight += change.after ? 1 + change.after->hashes.size() : 0;
                                              for (const auto& side : {&change.before, &change.after}) {
                                                bytes += *side ? HashBytes(**side) : 0;
                                              }
                                              if (weight > limit || bytes > kMostChangeBytes)
                                                return too_much();
                                              changes.push_back(std::move(change));
                                              return OkStatus();
                                            }));
  return before.Updated(info, changes, now);
}

}  // namespace tamiz::store
