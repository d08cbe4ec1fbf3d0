// The digest of a list's contents, which follows changes at the cost of what changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/status.h"
#include "core/lists/hash_list.h"

namespace tamiz::lists {

// The format of digests made now; versions that were stored with another keep theirs (ADR 19).
inline constexpr std::uint32_t kDigestFormat = 2;

// A sum over the entries, each spread over 1024 numbers of 16 bits (LtHash): in any order, entries may be
// added and taken away, equal contents give equal digests whatever their history, and finding two contents
// with one digest is as hard as a lattice problem. Described in docs/adr/0019-incremental-list-digest.md; the
// format must not change.
class ContentDigest {
 public:
  // Of the empty list.
  ContentDigest();
  ContentDigest(const ContentDigest& other);
  ContentDigest& operator=(const ContentDigest& other);
  ContentDigest(ContentDigest&&) noexcept;
  ContentDigest& operator=(ContentDigest&&) noexcept;
  ~ContentDigest();

  // The entry's id and canonical bytes (EncodeBody). One that is taken away must have been added.
  void AddBody(std::string_view id, std::span<const std::uint8_t> body);
  void RemoveBody(std::string_view id, std::span<const std::uint8_t> body);
  // For entries in any form; the second pair is for those in canonical form and saves a copy.
  void Add(const Entry& entry);
  void AddCanonical(const Entry& entry);
  void RemoveCanonical(const Entry& entry);
  // Everything that was added to `other`.
  void AddAll(const ContentDigest& other);

  // Lower-case hex SHA-256 of what was added so far.
  [[nodiscard]] std::string Finish() const;

  // What a store keeps in order to go on later: kStateBytes.
  static constexpr std::size_t kStateBytes = 8 + 2048;
  [[nodiscard]] std::string State() const;
  // DATA_LOSS if it has another length.
  [[nodiscard]] static StatusOr<ContentDigest> FromState(std::span<const std::uint8_t> state);

 private:
  struct Sum;
  std::unique_ptr<Sum> sum_;
};

}  // namespace tamiz::lists
