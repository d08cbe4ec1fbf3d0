// StopNCII: hashes of intimate images of adults, shared without their consent. Not child abuse material:
// matches must never lead to a CyberTipline report, and everything here says so.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/exchange/settings.h"

namespace tamiz::exchange {

// What a list fed by StopNCII carries, so that nobody takes a match for child abuse material.
inline constexpr std::string_view kNotCsamLabel = "not-csam";
inline constexpr std::string_view kNciiLabel = "ncii-adult";
inline constexpr std::string_view kNciiActionHint = "ncii-adult-not-csam";

// Read by a time and a page token. A record replaces any earlier one of the same type and value; withdrawn
// and deleted ones remove it. After more than 30 days without a complete reading everything is read anew, for
// removals are not kept longer. ImagePDQ and VideoMD5 are matched, VideoTMK is kept; texts and addresses are
// not.
[[nodiscard]] std::unique_ptr<Exchange> MakeStopNcii(const Settings& settings, const Parts& parts);

struct StopNciiAnswer {
  std::vector<Item> items;
  std::uint64_t skipped = 0;
  std::string next_token;
  std::int64_t next_start = 0;
  bool has_more = false;
};
// DATA_LOSS if it is none. Unknown fields and values are passed over.
[[nodiscard]] StatusOr<StopNciiAnswer> ReadStopNciiAnswer(std::string_view text);

}  // namespace tamiz::exchange
