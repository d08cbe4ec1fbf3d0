// Entries from a stream of bytes, one file format a pair of files (…_reader; kinds of CSV: …_rows).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/base/status.h"
#include "core/lists/categories.h"
#include "core/lists/hash_list.h"
#include "core/lists/hash_text.h"

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
  std::string category;               // empty: the file has no categories
};

// A column of its own for one kind of hash, for files that give several hashes in one row.
struct HashColumn {
  std::string column;
  HashKind kind = HashType::kMd5;
  HashEncoding encoding = HashEncoding::kAuto;
};

struct ReadOptions {
  // One of kFileFormats, or "auto".
  std::string format = "csv";
  ColumnMapping columns;
  std::vector<HashColumn> hash_columns;  // csv, tsv: instead of columns.hash_type and columns.value
  HashEncoding value_encoding = HashEncoding::kAuto;  // of columns.value
  char delimiter = 0;                                 // 0: the format's own
  bool has_header = true;
  std::optional<HashKind> default_hash_type;
  bool derive_ids = false;      // rows without an id get DerivedId of their first hash
  bool for_allow_list = false;  // known-good material: see Categories
  std::vector<CategoryRule> categories;
  JunkHashes junk;
  std::string entry_id;  // vpdq: of the one entry; empty: derived
};

// "auto" tells these apart by their beginning and takes what it does not know for CSV.
inline constexpr std::string_view kFileFormats[] = {"csv",  "tsv",      "ndjson",         "vics", "caid",
                                                    "icse", "photodna", "threatexchange", "vpdq", "nsrl"};

struct Rejection {
  std::uint64_t line = 0;  // from 1
  std::string reason;      // what is wrong and what would be accepted; quotes no hash value
};

// One row or object of a file, read.
struct ParsedRow {
  Entry entry;
  std::string fault;                    // not empty: rejected
  std::string skip;                     // not empty: sound, and stays out
  bool skip_unmapped = false;           // it stays out for want of a rule
  std::optional<std::string> category;  // if the file has categories
  std::vector<std::string> dropped;     // why a hash that is not needed for matching was left out
};

// Judges a row by its category: its labels, or that it stays out.
void ApplyCategory(const Categories& categories, std::string_view category, ParsedRow& row);

// Reads rows as bytes come in. Not thread-safe. Memory: one row (at most 1 MiB, longer rows are rejected;
// vpdq: the file, at most 16 MiB) beside what the callbacks keep.
class EntryReader {
 public:
  virtual ~EntryReader() = default;
  // Each call gives one row as an entry with one hash or more. Rows with the same entry id are parts of one
  // entry: EntryCollector puts them together.
  using OnEntry = std::function<void(std::uint64_t line, Entry&&)>;
  using OnRejection = std::function<void(Rejection&&)>;
  // What else is worth telling; each may be empty.
  struct Notes {
    std::function<void(std::string_view reason, bool unmapped)> on_skip;        // a sound row stays out
    std::function<void(std::string_view category, bool kept_out)> on_category;  // of each row that has one
    std::function<void(std::string_view reason)> on_dropped_hash;
    std::function<void(std::string_view format)> on_format;  // what "auto" found
  };
  // Where a reader's rows go.
  struct Output {
    OnEntry on_entry;
    OnRejection on_rejection;
    Notes notes;
    void Deliver(std::uint64_t line, ParsedRow&& row) const;
  };

  // Error (INVALID_ARGUMENT) only where nothing can be read at all, for example a header without the value
  // column; it names the columns found and those wanted.
  [[nodiscard]] virtual Status Feed(std::span<const std::uint8_t> bytes) = 0;
  [[nodiscard]] virtual Status Finish() = 0;
};

// INVALID_ARGUMENT for an unknown format or impossible options. A byte order mark is skipped, UTF-16 refused.
[[nodiscard]] StatusOr<std::unique_ptr<EntryReader>> MakeEntryReader(const ReadOptions& options,
                                                                     EntryReader::OnEntry on_entry,
                                                                     EntryReader::OnRejection on_rejection,
                                                                     EntryReader::Notes notes = {});

// Puts rows of the same entry together and checks the whole: hashes and labels add up, each once. A row whose
// metadata, expiry or disabling contradicts an earlier row of its entry is rejected. Not thread-safe.
class EntryCollector {
 public:
  void Add(std::uint64_t line, Entry&& part);
  void Reject(Rejection&& rejection);
  // What readers tell beside entries and rejections; refers to this collector.
  [[nodiscard]] EntryReader::Notes Notes();

  struct CategoryCount {
    std::uint64_t rows = 0;
    std::uint64_t kept_out = 0;  // for their category
  };
  struct Collected {
    std::vector<Entry> entries;   // in order of first appearance
    std::uint64_t rows_read = 0;  // taken, rejected and skipped
    std::uint64_t rows_rejected = 0;
    std::vector<Rejection> rejections;  // the first 100
    std::uint64_t rows_skipped = 0;
    std::uint64_t rows_unmapped = 0;  // of these, for want of a category rule
    // At most 1000 different reasons and categories are told apart; the rest is counted as "other".
    std::map<std::string, std::uint64_t, std::less<>> skipped;         // by reason
    std::map<std::string, CategoryCount, std::less<>> categories;      // by category; "" is none
    std::map<std::string, std::uint64_t, std::less<>> dropped_hashes;  // by reason
    std::string format;                                                // as found, for "auto"
  };
  // Bytes of the contents kept so far, without what containers need beside them.
  [[nodiscard]] std::uint64_t content_bytes() const { return content_bytes_; }
  [[nodiscard]] Collected Finish();

 private:
  Collected collected_;
  std::unordered_map<std::string, std::size_t> by_id_;
  std::vector<std::uint64_t> lines_;  // of the first row of each entry
  std::uint64_t content_bytes_ = 0;
};

}  // namespace tamiz::lists
