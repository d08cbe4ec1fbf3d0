#include "core/lists/entry_reader.h"

#include "core/lists/csv_reader.h"
#include "core/lists/ndjson_reader.h"

namespace tamiz::lists {

StatusOr<std::unique_ptr<EntryReader>> MakeEntryReader(const ReadOptions& options,
                                                       EntryReader::OnEntry on_entry,
                                                       EntryReader::OnRejection on_rejection) {
  if (options.default_hash_type == HashType::kOpaque) {
    return WithField(InvalidArgument("the default hash type must be md5, sha1, sha256 or pdq"),
                     "options.default_hash_type");
  }
  if (options.format == "csv" || options.format == "tsv") {
    return CsvReader::Make(options, std::move(on_entry), std::move(on_rejection));
  }
  if (options.format == "ndjson") {
    return std::unique_ptr<EntryReader>(
        std::make_unique<NdjsonReader>(options, std::move(on_entry), std::move(on_rejection)));
  }
  return WithField(InvalidArgument("unknown format; accepted are csv, tsv and ndjson"), "options.format");
}

}  // namespace tamiz::lists
