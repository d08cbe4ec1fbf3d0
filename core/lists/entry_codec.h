// The canonical bytes of an entry: what is stored and what a list's digest is computed from.
// The format is described in docs/adr/0008-list-versions.md and must not change: a new one gets a new number.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/lists/hash_list.h"

namespace tamiz::lists {

// Appends the entry without its id. `entry` is in canonical form.
void EncodeBody(const Entry& entry, std::string& out);

// DATA_LOSS if the bytes are not what EncodeBody writes.
[[nodiscard]] StatusOr<Entry> DecodeBody(std::string_view id, std::span<const std::uint8_t> body);

// Whether the entry in `body` is disabled, without decoding the rest.
[[nodiscard]] bool IsDisabledBody(std::span<const std::uint8_t> body);

// The digest of format 1, which old versions of lists have: over all entries in order (docs/adr/0008).
class BodyDigest {
 public:
  BodyDigest();
  ~BodyDigest();
  BodyDigest(const BodyDigest&) = delete;
  BodyDigest& operator=(const BodyDigest&) = delete;
  // In ascending order of id (bytewise).
  void Add(std::string_view id, std::span<const std::uint8_t> body);
  // Lower-case hex. Call once, last.
  [[nodiscard]] std::string Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamiz::lists
