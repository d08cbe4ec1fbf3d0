#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/lists/entry_reader.h"

namespace tamiz::lists {
namespace {

constexpr std::size_t kRejectionsKept = 100;

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

EntryCollector::Collected EntryCollector::Finish() {
  by_id_.clear();
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
