// Entries from a stream of bytes, one file format a pair of files (csv_reader, ndjson_reader).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/base/status.h"
#include "core/lists/hash_list.h"

namespace tamiz::lists {

// Names of columns (CSV header) or fields (NDJSON); numbers from 1 where a CSV file has no header.
struct ColumnMapping {
  std::string entry_id = "entry_id";
  std::string hash_type = "hash_type";
  std::string value = "value";
  std::string labels = "labels";      // separated by ';'
  std::string metadata = "metadata";  // a JSON object or empty
  std::string quality = "quality";    // optional, 0…100
  std::string time_ms = "time_ms";    // optional, of a video frame
};

struct ReadOptions {
  std::string format = "csv";  // "csv", "tsv", "ndjson"
  ColumnMapping columns;
  char delimiter = 0;  // 0: ',' for csv, tab for tsv
  bool has_header = true;
  std::optional<HashType> default_hash_type;
};

struct Rejection {
  std::uint64_t line = 0;  // from 1
  std::string reason;      // what is wrong and what would be accepted; quotes no hash value
};

// Reads rows as bytes come in. Not thread-safe. Memory: one row (at most 1 MiB, longer rows are rejected)
// beside what the callbacks keep.
class EntryReader {
 public:
  virtual ~EntryReader() = default;
  // Each call gives one row as an entry with one hash (NDJSON: one or more). Rows with the same entry id are
  // parts of one entry: EntryCollector puts them together.
  using OnEntry = std::function<void(std::uint64_t line, Entry&&)>;
  using OnRejection = std::function<void(Rejection&&)>;

  // Error (INVALID_ARGUMENT) only where nothing can be read at all, for example a header without the value
  // column; it names the columns found and those wanted.
  [[nodiscard]] virtual Status Feed(std::span<const std::uint8_t> bytes) = 0;
  [[nodiscard]] virtual Status Finish() = 0;
};

// INVALID_ARGUMENT for an unknown format or impossible options.
[[nodiscard]] StatusOr<std::unique_ptr<EntryReader>> MakeEntryReader(const ReadOptions& options,
                                                                     EntryReader::OnEntry on_entry,
                                                                     EntryReader::OnRejection on_rejection);

// Puts rows of the same entry together and checks the whole: hashes and labels add up, each once. A row whose
// metadata, expiry or disabling contradicts an earlier row of its entry is rejected. Not thread-safe.
class EntryCollector {
 public:
  void Add(std::uint64_t line, Entry&& part);
  void Reject(Rejection&& rejection);

  struct Collected {
    std::vector<Entry> entries;   // in order of first appearance
    std::uint64_t rows_read = 0;  // taken and rejected
    std::uint64_t rows_rejected = 0;
    std::vector<Rejection> rejections;  // the first 100
  };
  [[nodiscard]] Collected Finish();

 private:
  Collected collected_;
  std::unordered_map<std::string, std::size_t> by_id_;
  std::vector<std::uint64_t> lines_;  // of the first row of each entry
};

}  // namespace tamiz::lists
