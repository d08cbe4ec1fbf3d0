#include "core/store/change_codec.h"

#include <cstdint>
#include <span>

#include "core/lists/entry_codec.h"

namespace tamiz::store {
namespace {

constexpr std::uint8_t kFormat = 1;
constexpr std::uint8_t kReplace = 1;
constexpr std::uint8_t kCheckpoint = 2;
constexpr std::uint8_t kPrevious = 4;  // only with kCheckpoint

void PutNumber(std::uint64_t value, std::string& out) {
  for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void PutText(std::string_view text, std::string& out) {
  PutNumber(text.size(), out);
  out.append(text);
}

// After the first fault everything read is zero or empty.
class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}
  std::uint8_t Byte() {
    const std::string_view part = Take(1);
    return part.empty() ? 0 : static_cast<std::uint8_t>(part[0]);
  }
  std::uint64_t Number() {
    const std::string_view part = Take(8);
    std::uint64_t value = 0;
    for (std::size_t i = part.size(); i-- > 0;) value = value << 8 | static_cast<unsigned char>(part[i]);
    return value;
  }
  std::string_view Text() { return Take(Number()); }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool AtEnd() const { return ok_ && bytes_.empty(); }

 private:
  std::string_view Take(std::uint64_t size) {
    if (!ok_ || size > bytes_.size()) {
      ok_ = false;
      return {};
    }
    const std::string_view part = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return part;
  }
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace

std::string EncodeChange(const Change& change) {
  std::string out;
  out.push_back(static_cast<char>(kFormat));
  const bool has_previous = change.checkpoint && change.checkpoint->previous;
  out.push_back(static_cast<char>((change.replace ? kReplace : 0) | (change.checkpoint ? kCheckpoint : 0) |
                                  (has_previous ? kPrevious : 0)));
  PutText(change.what, out);
  if (change.checkpoint) {
    PutText(change.checkpoint->exchange, out);
    PutText(change.checkpoint->state, out);
    if (has_previous) PutText(*change.checkpoint->previous, out);
  }
  PutNumber(change.removals.size(), out);
  for (const std::string& id : change.removals) PutText(id, out);
  PutNumber(change.upserts.size(), out);
  std::string body;
  for (const lists::Entry& entry : change.upserts) {
    lists::Entry canonical = entry;
    lists::Canonicalise(canonical);
    body.clear();
    lists::EncodeBody(canonical, body);
    PutText(entry.id, out);
    PutText(body, out);
  }
  return out;
}

StatusOr<Change> DecodeChange(std::string_view bytes) {
  const auto damaged = [] { return MakeError(StatusCode::kDataLoss, "a stored change is damaged"); };
  Cursor cursor(bytes);
  const std::uint8_t format = cursor.Byte();
  const std::uint8_t flags = cursor.Byte();
  if (format != kFormat || flags > (kReplace | kCheckpoint | kPrevious)) return damaged();
  if ((flags & kPrevious) != 0 && (flags & kCheckpoint) == 0) return damaged();
  Change change;
  change.replace = (flags & kReplace) != 0;
  change.what = cursor.Text();
  if ((flags & kCheckpoint) != 0) {
    Checkpoint& checkpoint = change.checkpoint.emplace();
    checkpoint.exchange = cursor.Text();
    checkpoint.state = cursor.Text();
    if ((flags & kPrevious) != 0) checkpoint.previous.emplace(cursor.Text());
  }
  for (std::uint64_t left = cursor.Number(); left > 0 && cursor.ok(); --left) {
    change.removals.emplace_back(cursor.Text());
  }
  for (std::uint64_t left = cursor.Number(); left > 0 && cursor.ok(); --left) {
    const std::string_view id = cursor.Text();
    const std::string_view body = cursor.Text();
    if (!cursor.ok()) break;
    TAMIZ_ASSIGN_OR_RETURN(
        lists::Entry entry,
        lists::DecodeBody(id, {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()}));
    change.upserts.push_back(std::move(entry));
  }
  if (!cursor.AtEnd()) return damaged();
  return change;
}

}  // namespace tamiz::store
