// The Media objects of a VICS document, one by one, from bytes as they come.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace tamiz::lists {

// Finds the objects of the arrays "value" (hash sets) and "Media" (cases, whose objects hold such arrays),
// any case, and gives each as JSON text. What an entry has no use for and what makes files huge (MediaFiles,
// Exifs, MediaMetadata) is passed over and never kept. The structure around the objects is followed, not
// validated in full; unbalanced brackets, line ends within strings and an early end are found.
// Not thread-safe. Memory: one object without the above, at most 1 MiB.
class MediaSplitter {
 public:
  struct Media {
    std::uint64_t number = 0;  // from 1
    std::uint64_t line = 0;    // on which it begins, from 1
    std::string_view json;     // empty if it is longer than kMaxMediaBytes
  };
  static constexpr std::size_t kMaxMediaBytes = 1 << 20;
  using OnMedia = std::function<void(const Media&)>;

  explicit MediaSplitter(OnMedia on_media) : on_media_(std::move(on_media)) {}

  // INVALID_ARGUMENT for a document that is damaged or is none.
  [[nodiscard]] Status Feed(std::span<const std::uint8_t> bytes);
  [[nodiscard]] Status Finish() const;

 private:
  enum class Role : std::uint8_t {
    kOther,   // of no interest
    kItems,   // an array of Media objects or cases
    kItem,    // a Media object, or a case, which shows when its array "Media" comes
    kInside,  // something within a Media object that is kept
    kPassed,  // something within a Media object that is not kept
  };
  struct Level {
    char closing;
    Role role;
    bool wants_key;  // an object, before a key
    bool is_case;    // kItem only
  };

  [[nodiscard]] Status Take(char c);
  [[nodiscard]] Status Open(char c);
  [[nodiscard]] Status Close(char c);
  [[nodiscard]] Status Damaged(std::string_view what) const;
  Role RoleOfNext(char c) const;
  // Keeps a byte of the Media object, if there is one and it has room.
  void Keep(std::string_view bytes);
  [[nodiscard]] bool is_kept() const;

  const OnMedia on_media_;

  std::vector<Level> levels_;
  bool in_string_ = false;
  bool is_escaped_ = false;
  bool is_key_ = false;   // the string is a key
  bool keeps_ = false;    // bytes belong to the Media object
  bool is_done_ = false;  // the document's end was seen
  bool has_items_ = false;
  std::string key_;  // the last key, at most 32 bytes, lower case
  std::string media_;
  bool is_overlong_ = false;
  std::uint64_t number_ = 0;
  std::uint64_t line_ = 1;
  std::uint64_t media_line_ = 1;
};

}  // namespace tamiz::lists
