#include "core/lists/media_splitter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/lists/text.h"

namespace tamiz::lists {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxKeyBytes = 32;
constexpr std::string_view kPassedKeys[] = {"mediafiles", "exifs", "exif", "mediametadata"};

// Bytes that end a run within a string.
constexpr std::array<bool, 256> MakeStringStops() {
  std::array<bool, 256> stops{};
  for (std::size_t i = 0; i < 0x20; ++i) stops[i] = true;
  stops['"'] = stops['\\'] = true;
  return stops;
}
constexpr auto kStringStops = MakeStringStops();

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

}  // namespace

Status MediaSplitter::Damaged(std::string_view what) const {
  return InvalidArgument(fmt::format("the JSON document is damaged at line {} (after {} Media objects): {}",
                                     line_, number_, what));
}

bool MediaSplitter::is_kept() const { return keeps_ && !is_overlong_; }

void MediaSplitter::Keep(std::string_view bytes) {
  if (!is_kept()) return;
  if (media_.size() + bytes.size() > kMaxMediaBytes) {
    is_overlong_ = true;
    media_.clear();
    return;
  }
  media_.append(bytes);
}

Status MediaSplitter::Feed(std::span<const std::uint8_t> bytes) {
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  while (!text.empty()) {
    if (in_string_ && !is_escaped_) {
      // Most bytes are within strings: take a run at once.
      std::size_t run = 0;
      while (run < text.size() && !kStringStops[static_cast<std::uint8_t>(text[run])]) ++run;
      if (run > 0) {
        if (is_key_ && key_.size() <= kMaxKeyBytes)
          key_.append(text.substr(0, kMaxKeyBytes + 1 - key_.size()), 0, run);
        Keep(text.substr(0, run));
        text.remove_prefix(run);
        continue;
      }
    }
    TAMIZ_RETURN_IF_ERROR(Take(text.front()));
    text.remove_prefix(1);
  }
  return OkStatus();
}

Status MediaSplitter::Take(char c) {
  if (in_string_) {
    if (static_cast<std::uint8_t>(c) < 0x20) return Damaged("a text holds a line end or a control character");
    Keep({&c, 1});
    if (is_escaped_) {
      is_escaped_ = false;
    } else if (c == '\\') {
      is_escaped_ = true;
      if (is_key_) key_.append(kMaxKeyBytes + 1, '\\');  // none of the keys looked for
    } else {                                             // the closing quote
      in_string_ = false;
      if (is_key_) key_ = LowerAscii(key_);
      is_key_ = false;
    }
    return OkStatus();
  }
  if (c == '\n') ++line_;
  if (IsBlank(c)) return OkStatus();
  if (is_done_) return Damaged("it goes on after its end");
  if (levels_.empty() && c != '{' && c != '[') return Damaged("it is not a JSON object or array");
  switch (c) {
    case '{':
    case '[':
      return Open(c);
    case '}':
    case ']':
      return Close(c);
    case '"':
      in_string_ = true;
      is_key_ = levels_.back().wants_key;
      if (is_key_) key_.clear();
      break;
    case ',':
      levels_.back().wants_key = levels_.back().closing == '}';
      break;
    case ':':
      levels_.back().wants_key = false;
      break;
    default:
      break;
  }
  if (levels_.back().role == Role::kItems && c != ',')
    return Damaged("an array of Media holds something else");
  Keep({&c, 1});
  return OkStatus();
}

MediaSplitter::Role MediaSplitter::RoleOfNext(char c) const {
  if (levels_.empty()) return c == '[' ? Role::kItems : Role::kOther;
  const bool in_object = levels_.back().closing == '}';
  switch (levels_.back().role) {
    case Role::kOther:
      return levels_.size() == 1 && in_object && c == '[' && (key_ == "value" || key_ == "media")
                 ? Role::kItems
                 : Role::kOther;
    case Role::kItems:
      return Role::kItem;
    case Role::kItem:
      if (key_ == "media" && c == '[') return Role::kItems;
      if (levels_.back().is_case) return Role::kOther;
      return std::find(std::begin(kPassedKeys), std::end(kPassedKeys), key_) != std::end(kPassedKeys)
                 ? Role::kPassed
                 : Role::kInside;
    case Role::kInside:
      return Role::kInside;
    case Role::kPassed:
      return Role::kPassed;
  }
  return Role::kOther;
}

Status MediaSplitter::Open(char c) {
  if (levels_.size() >= kMaxDepth)
    return Damaged(fmt::format("it is nested deeper than {} levels", kMaxDepth));
  const Role role = RoleOfNext(c);
  if (role == Role::kItem && c != '{') return Damaged("an array of Media holds something else");
  if (!levels_.empty() && levels_.back().role == Role::kItem && role == Role::kItems) {
    // Not a Media object after all.
    levels_.back().is_case = true;
    media_.clear();
    keeps_ = false;
    is_overlong_ = false;
    --number_;
  }
  if (role == Role::kItems) has_items_ = true;
  if (role == Role::kItem) {
    ++number_;
    media_line_ = line_;
    media_.clear();
    is_overlong_ = false;
    keeps_ = true;
  }
  if (role == Role::kPassed && keeps_) {
    Keep("null");
    keeps_ = false;
  }
  Keep({&c, 1});
  levels_.push_back({c == '{' ? '}' : ']', role, c == '{', false});
  return OkStatus();
}

Status MediaSplitter::Close(char c) {
  if (levels_.empty() || levels_.back().closing != c) return Damaged("its brackets do not fit");
  const Level closed = levels_.back();
  levels_.pop_back();
  if (closed.role == Role::kPassed && !levels_.empty() && levels_.back().role == Role::kItem) {
    keeps_ = true;
    return OkStatus();
  }
  Keep({&c, 1});
  if (closed.role == Role::kItem && !closed.is_case) {
    keeps_ = false;
    on_media_({number_, media_line_, is_overlong_ ? std::string_view() : std::string_view(media_)});
  }
  is_done_ = levels_.empty();
  return OkStatus();
}

Status MediaSplitter::Finish() const {
  if (levels_.empty() && !is_done_) return InvalidArgument("the file is empty");
  if (!is_done_) return Damaged("it ends before its end; was the file cut off?");
  if (!has_items_) {
    return InvalidArgument(
        "the document has no array \"value\" or \"Media\" of media: it is no VICS or CAID hash set or case");
  }
  return OkStatus();
}

}  // namespace tamiz::lists
