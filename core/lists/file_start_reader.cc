#include "core/lists/file_start_reader.h"

#include <algorithm>

#include "core/lists/hash_text.h"
#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

bool IsHexOf(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
         });
}

std::string_view Before(std::string_view text, std::string_view marks) {
  return text.substr(0, std::min(text.find_first_of(marks), text.size()));
}

// A JSON document as against JSON lines: VICS names its model at once, lines hold whole objects.
std::string_view DetectJson(std::string_view start) {
  if (start.starts_with('[')) {
    const auto inner = Trim(start.substr(1));
    if (!inner.starts_with('"')) return "vics";
    const auto hash = Before(inner.substr(1), ",\"");
    return IsHexOf(hash, 64) ? "vpdq" : "ndjson";
  }
  const std::string head = LowerAscii(start.substr(0, 1024));
  for (const std::string_view sign : {"odata.metadata", "odata.context", "\"value\"", "\"media\""}) {
    const auto at = head.find(sign);
    if (at == std::string::npos) continue;
    // NDJSON has "value" too, as text and not as an array.
    if (sign.starts_with('o')) return "vics";
    if (Trim(std::string_view(head).substr(at + sign.size())).starts_with(':') &&
        Trim(Trim(std::string_view(head).substr(at + sign.size())).substr(1)).starts_with('[')) {
      return "vics";
    }
  }
  return "ndjson";
}

}  // namespace

std::string_view DetectFormat(std::string_view start) {
  start = Trim(start);
  if (start.starts_with('{') || start.starts_with('[')) return DetectJson(start);
  const std::string_view line = Before(start, "\r\n");
  const std::string head = LowerAscii(line);
  if (head.starts_with("\"sha-1\",\"md5\",")) return "nsrl";
  if (head.starts_with("md5;sha1;photodna;") || head.starts_with("\"md5\";\"sha1\";\"photodna\";"))
    return "icse";
  const std::string_view first = Trim(Before(line, ","));
  if (const std::string_view rest = line.substr(std::min(first.size() + 1, line.size()));
      first.size() < line.size()) {
    // A name and one long value, or 144 numbers.
    if (rest.size() == 192 && rest.find(',') == std::string_view::npos) return "photodna";
    if (rest.size() == 288 && IsHexOf(rest, 288)) return "photodna";
    if (std::count(line.begin(), line.end(), ',') == static_cast<std::ptrdiff_t>(kPhotoDnaBytes) - 1 &&
        line.find_first_not_of("0123456789, ") == std::string_view::npos) {
      return "photodna";
    }
  }
  // "pdq HASH", or the state of python-threatexchange: HASH,number,time,labels.
  const std::string_view word = Before(line, " \t");
  if (word.size() < line.size() && ParseHashKind(word) && line.find(',') == std::string_view::npos) {
    const std::string_view value = Trim(line.substr(word.size()));
    if (IsHexOf(value, 32) || IsHexOf(value, 40) || IsHexOf(value, 64)) return "threatexchange";
  }
  const bool has_tabs = line.find('\t') != std::string_view::npos;
  return has_tabs && line.find(',') == std::string_view::npos ? "tsv" : "csv";
}

Status FileStartReader::Begin() {
  has_begun_ = true;
  std::string_view text = start_;
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) {
    return InvalidArgument("the file is UTF-16; convert it to UTF-8");
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (!reader_) {
    const std::string_view format = DetectFormat(text);
    if (output_.notes.on_format) output_.notes.on_format(format);
    TAMIZ_ASSIGN_OR_RETURN(reader_, MakeReaderOf(format, options_, output_));
  }
  const Status status = reader_->Feed({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  std::string().swap(start_);
  return status;
}

Status FileStartReader::Feed(std::span<const std::uint8_t> bytes) {
  if (!has_begun_) {
    const auto wanted = std::min(bytes.size(), start_bytes_ - start_.size());
    start_.append(reinterpret_cast<const char*>(bytes.data()), wanted);
    bytes = bytes.subspan(wanted);
    if (start_.size() < start_bytes_) return OkStatus();
    TAMIZ_RETURN_IF_ERROR(Begin());
  }
  return bytes.empty() ? OkStatus() : reader_->Feed(bytes);
}

Status FileStartReader::Finish() {
  if (!has_begun_) TAMIZ_RETURN_IF_ERROR(Begin());
  return reader_->Finish();
}

}  // namespace tamiz::lists
