#include "core/store/store_rows.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "core/lists/entry_codec.h"

namespace tamiz::store {

std::int64_t ToNanos(WallTime time) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
}

WallTime FromNanos(std::int64_t nanos) {
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanos)));
}

Status NoSuchList(std::string_view name_or_id) {
  return MakeError(StatusCode::kNotFound, fmt::format("there is no list '{}'", name_or_id), "LIST_NOT_FOUND");
}

Status NoSuchVersion(const lists::ListInfo& info, std::uint64_t version) {
  return MakeError(
      StatusCode::kNotFound,
      fmt::format("list '{}' has no version {}; the current one is {}", info.name, version, info.version),
      "VERSION_NOT_FOUND");
}

Status NoSuchExchange(std::string_view name) {
  return MakeError(StatusCode::kNotFound, fmt::format("there is no exchange '{}'", name),
                   "EXCHANGE_NOT_FOUND");
}

Status NothingPending(std::string_view list) {
  return MakeError(StatusCode::kNotFound, fmt::format("no change of list '{}' waits", list),
                   "NOTHING_PENDING");
}

Status CheckExpected(const lists::ListInfo& info, const Change& change) {
  if (!change.expected_version || *change.expected_version == info.version) return OkStatus();
  return MakeError(
      StatusCode::kAborted,
      fmt::format("list '{}' is at version {} and not at {}; read it again and repeat the change", info.name,
                  info.version, *change.expected_version),
      "VERSION_CHANGED");
}

Status CheckPrevious(const Checkpoint& checkpoint, std::string_view stored) {
  if (!checkpoint.previous || *checkpoint.previous == stored) return OkStatus();
  return MakeError(StatusCode::kAborted,
                   fmt::format("exchange '{}' was read on by another replica meanwhile; go on from where it "
                               "is now",
                               checkpoint.exchange),
                   "CHECKPOINT_MOVED");
}

StatusOr<bool> Edit(lists::ListInfo& info, const std::function<Status(lists::ListInfo&)>& edit) {
  lists::ListInfo wanted = info;
  TAMIZ_RETURN_IF_ERROR(edit(wanted));
  if (wanted.source_org == info.source_org && wanted.labels == info.labels &&
      wanted.description == info.description && wanted.policy == info.policy) {
    return false;
  }
  info.source_org = std::move(wanted.source_org);
  info.labels = std::move(wanted.labels);
  info.description = std::move(wanted.description);
  info.policy = std::move(wanted.policy);
  return true;
}

void Contents::Add(std::string_view id, std::span<const std::uint8_t> body) {
  digest.AddBody(id, body);
  ++entries;
  enabled += lists::IsDisabledBody(body) ? 0 : 1;
}

void Contents::Remove(std::string_view id, std::span<const std::uint8_t> body) {
  digest.RemoveBody(id, body);
  --entries;
  enabled -= lists::IsDisabledBody(body) ? 0 : 1;
}

}  // namespace tamiz::store
