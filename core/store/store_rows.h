// What both stores make of their rows, and how both say that something is not there.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "core/lists/content_digest.h"
#include "core/store/store.h"

namespace tamiz::store {

// Nanoseconds since 1970, as times are stored.
[[nodiscard]] std::int64_t ToNanos(WallTime time);
[[nodiscard]] WallTime FromNanos(std::int64_t nanos);

[[nodiscard]] Status NoSuchList(std::string_view name_or_id);
[[nodiscard]] Status NoSuchVersion(const lists::ListInfo& info, std::uint64_t version);
[[nodiscard]] Status NoSuchExchange(std::string_view name);
[[nodiscard]] Status NothingPending(std::string_view list);
// ABORTED unless the list is where the change expects it.
[[nodiscard]] Status CheckExpected(const lists::ListInfo& info, const Change& change);
// ABORTED unless the exchange, read as far as `stored`, is where the checkpoint's reading began.
[[nodiscard]] Status CheckPrevious(const Checkpoint& checkpoint, std::string_view stored);

struct ListRow {
  std::int64_t key = 0;
  lists::ListInfo info;
};

// Store::ChangeList between reading and writing: takes over what `edit` may change; whether it changed any.
[[nodiscard]] StatusOr<bool> Edit(lists::ListInfo& info, const std::function<Status(lists::ListInfo&)>& edit);

// What the row of a version says of its entries.
struct Contents {
  lists::ContentDigest digest;
  std::int64_t entries = 0;
  std::int64_t enabled = 0;

  void Add(std::string_view id, std::span<const std::uint8_t> body);
  void Remove(std::string_view id, std::span<const std::uint8_t> body);
};

}  // namespace tamiz::store
