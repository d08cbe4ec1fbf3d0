#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/lists/entry_reader.h"

namespace tamiz::lists {
namespace {

constexpr std::size_t kRejectionsKept = 100;
constexpr std::size_t kKindsKept = 1000;

std::uint64_t ContentBytes(const Entry& entry) {
  std::uint64_t bytes = entry.id.size();
  for (const EntryHash& hash : entry.hashes)
    bytes += sizeof(EntryHash) + hash.value.size() + hash.opaque_type.size();
  for (const std::string& label : entry.labels) bytes += label.size();
  for (const auto& [key, value] : entry.metadata) bytes += key.size() + value.size();
  return bytes;
}

// The count of `kind`, or of "other" once there are too many kinds.
template <typename Count>
Count& CountOf(std::map<std::string, Count, std::less<>>& counts, std::string_view kind) {
  if (const auto at = counts.find(kind); at != counts.end()) return at->second;
  if (counts.size() >= kKindsKept) kind = "other";
  return counts[std::string(kind)];
}

// What keeps `part` from joining `whole`, empty if nothing.
std::string Conflict(const Entry& whole, const Entry& part) {
  for (const auto& [key, value] : part.metadata) {
    const auto at = whole.metadata.find(key);
    if (at != whole.metadata.end() && at->second != value) {
      return fmt::format("the metadata '{}' differs from that of an earlier row of the same entry", key);
    }
  }
  if (whole.expires_at && part.expires_at && whole.expires_at != part.expires_at) {
    return "the expiry differs from that of an earlier row of the same entry";
  }
  if (whole.disabled != part.disabled) return "only some rows of the same entry are disabled";
  return {};
}

void Join(Entry& whole, Entry&& part) {
  std::move(part.hashes.begin(), part.hashes.end(), std::back_inserter(whole.hashes));
  for (std::string& label : part.labels) {
    if (std::find(whole.labels.begin(), whole.labels.end(), label) == whole.labels.end()) {
      whole.labels.push_back(std::move(label));
    }
  }
  whole.metadata.merge(part.metadata);
  if (part.expires_at) whole.expires_at = part.expires_at;
}

}  // namespace

void EntryCollector::Add(std::uint64_t line, Entry&& part) {
  if (std::string fault = FaultOf(part); !fault.empty()) return Reject({line, std::move(fault)});
  ++collected_.rows_read;
  content_bytes_ += ContentBytes(part);
  const auto [at, is_new] = by_id_.try_emplace(part.id, collected_.entries.size());
  if (is_new) {
    collected_.entries.push_back(std::move(part));
    lines_.push_back(line);
    return;
  }
  Entry& whole = collected_.entries[at->second];
  if (std::string conflict = Conflict(whole, part); !conflict.empty()) {
    --collected_.rows_read;
    return Reject({line, std::move(conflict)});
  }
  Join(whole, std::move(part));
}

void EntryCollector::Reject(Rejection&& rejection) {
  ++collected_.rows_read;
  ++collected_.rows_rejected;
  if (collected_.rejections.size() < kRejectionsKept) collected_.rejections.push_back(std::move(rejection));
}

EntryReader::Notes EntryCollector::Notes() {
  EntryReader::Notes notes;
  notes.on_skip = [this](std::string_view reason, bool unmapped) {
    ++collected_.rows_read;
    ++collected_.rows_skipped;
    if (unmapped) ++collected_.rows_unmapped;
    ++CountOf(collected_.skipped, reason);
  };
  notes.on_category = [this](std::string_view category, bool kept_out) {
    CategoryCount& count = CountOf(collected_.categories, category);
    ++count.rows;
    if (kept_out) ++count.kept_out;
  };
  notes.on_dropped_hash = [this](std::string_view reason) { ++CountOf(collected_.dropped_hashes, reason); };
  notes.on_format = [this](std::string_view format) { collected_.format = format; };
  return notes;
}

EntryCollector::Collected EntryCollector::Finish() {
  by_id_.clear();
  content_bytes_ = 0;
  std::vector<Entry> sound;
  sound.reserve(collected_.entries.size());
  for (std::size_t i = 0; i < collected_.entries.size(); ++i) {
    Entry& entry = collected_.entries[i];
    Canonicalise(entry);
    // Each part was sound; together they may be too much.
    if (std::string fault = FaultOf(entry); !fault.empty()) {
      --collected_.rows_read;
      Reject({lines_[i], std::move(fault)});
    } else {
      sound.push_back(std::move(entry));
    }
  }
  collected_.entries = std::move(sound);
  lines_.clear();
  return std::exchange(collected_, {});
}

}  // namespace tamiz::lists
