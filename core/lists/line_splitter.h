// Lines from bytes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tamiz::lists {

// Not thread-safe. Memory: one line of at most 4 MiB, in which every entry fits that is exported.
class LineSplitter {
 public:
  static constexpr std::size_t kMaxLineBytes = 4 << 20;

  // Calls `each(number, line, is_overlong)` for every line that is complete; `line` is without its end, and
  // empty if it was too long to keep. Numbers begin with 1.
  template <typename Each>
  void Feed(std::span<const std::uint8_t> bytes, const Each& each) {
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    while (!text.empty()) {
      const auto end = text.find('\n');
      const auto part = text.substr(0, end);
      if (line_.size() + part.size() > kMaxLineBytes) {
        is_overlong_ = true;
        line_.clear();
      } else if (!is_overlong_) {
        line_.append(part);
      }
      if (end == std::string_view::npos) break;
      Give(each);
      text.remove_prefix(end + 1);
    }
  }
  // The last line, if it lacks its end.
  template <typename Each>
  void Finish(const Each& each) {
    if (!line_.empty() || is_overlong_) Give(each);
  }

 private:
  template <typename Each>
  void Give(const Each& each) {
    each(number_++, std::string_view(line_), is_overlong_);
    is_overlong_ = false;
    line_.clear();
  }

  std::string line_;
  bool is_overlong_ = false;
  std::uint64_t number_ = 1;  // of `line_`
};

}  // namespace tamiz::lists
