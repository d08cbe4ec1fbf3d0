#include "core/lists/entry_table.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "core/base/check.h"
#include "core/lists/entry_codec.h"

namespace tamiz::lists {
namespace {

// A record is this, the id, and the canonical body of the entry without its hashes.
struct Head {
  std::int64_t expires_at;  // nanoseconds since 1970; kNever
  std::uint32_t id_bytes;
};
constexpr std::size_t kHeadBytes = 12;
constexpr std::size_t kTrimBelow = std::size_t{1} << 20;  // bytes
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

Head HeadAt(const std::uint8_t* record) {
  Head head;
  std::memcpy(&head.expires_at, record, sizeof head.expires_at);
  std::memcpy(&head.id_bytes, record + 8, sizeof head.id_bytes);
  return head;
}

}  // namespace

std::string_view EntryTable::IdOf(std::size_t entry) const {
  const std::uint8_t* record = records_.data() + offsets_[entry];
  return {reinterpret_cast<const char*>(record + kHeadBytes), HeadAt(record).id_bytes};
}

std::optional<WallTime> EntryTable::ExpiresAt(std::size_t entry) const {
  const Head head = HeadAt(records_.data() + offsets_[entry]);
  if (head.expires_at == kNever) return std::nullopt;
  return WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(head.expires_at)));
}

Entry EntryTable::EntryAt(std::size_t entry) const {
  const std::string_view id = IdOf(entry);
  const std::uint64_t body = offsets_[entry] + kHeadBytes + id.size();
  auto decoded = DecodeBody(id, {records_.data() + body, records_.data() + offsets_[entry + 1]});
  TAMIZ_CHECK(decoded.ok(), "a table holds what its builder encoded");
  return *std::move(decoded);
}

std::optional<std::uint32_t> EntryTable::Find(std::string_view id) const {
  std::size_t low = 0;
  std::size_t high = size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (IdOf(middle) < id) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == size() || IdOf(low) != id) return std::nullopt;
  return static_cast<std::uint32_t>(low);
}

void EntryTableBuilder::Add(const Entry& entry) {
  Entry rest;
  rest.labels = entry.labels;
  rest.metadata = entry.metadata;
  rest.expires_at = entry.expires_at;
  rest.disabled = entry.disabled;
  body_.clear();
  EncodeBody(rest, body_);
  Head head{.expires_at = kNever, .id_bytes = static_cast<std::uint32_t>(entry.id.size())};
  if (entry.expires_at) {
    head.expires_at =
        std::chrono::duration_cast<std::chrono::nanoseconds>(entry.expires_at->time_since_epoch()).count();
  }
  const std::size_t begin = records_.size();
  records_.resize(begin + kHeadBytes + entry.id.size() + body_.size());
  std::uint8_t* record = records_.data() + begin;
  std::memcpy(record, &head.expires_at, sizeof head.expires_at);
  std::memcpy(record + 8, &head.id_bytes, sizeof head.id_bytes);
  std::copy(entry.id.begin(), entry.id.end(), record + kHeadBytes);
  std::memcpy(record + kHeadBytes + entry.id.size(), body_.data(), body_.size());
  offsets_.push_back(records_.size());
}

EntryTable EntryTableBuilder::Finish() {
  // What a large array has too much was never touched and takes no memory; trimming it would copy it.
  if (records_.capacity() < kTrimBelow) {
    offsets_.shrink_to_fit();
    records_.shrink_to_fit();
  }
  return {std::move(offsets_), std::move(records_)};
}

}  // namespace tamiz::lists
