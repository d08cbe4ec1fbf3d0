// How an index is saved as arrays and made of saved arrays again, whatever they are kept in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/index/flat_array.h"

namespace tamiz::index {

// What an array is read for.
enum class ArrayUse : std::uint8_t {
  kSearched,  // at random, in every search: worth memory of its own in large pages
  kAnswered,  // where something matched: may stay on disk until then
};

class ArrayWriter {
 public:
  virtual ~ArrayWriter() = default;
  // Names are given once each. The bytes live until the writer is done.
  virtual void Put(std::string_view name, std::span<const std::uint8_t> bytes, ArrayUse use) = 0;

  template <typename T>
  void Put(std::string_view name, const FlatArray<T>& array, ArrayUse use) {
    static_assert(std::is_trivially_copyable_v<T>);
    Put(name, std::span(reinterpret_cast<const std::uint8_t*>(array.data()), array.size() * sizeof(T)), use);
  }
};

class ArrayReader {
 public:
  virtual ~ArrayReader() = default;
  struct Bytes {
    std::shared_ptr<const void> owner;
    std::span<const std::uint8_t> bytes;  // aligned to 64 bytes
    std::size_t heap_bytes = 0;           // of them in memory of their own
  };
  // Nothing if there is no such array.
  [[nodiscard]] virtual std::optional<Bytes> Get(std::string_view name) = 0;

  // Nothing also if the length is no multiple of an element's.
  template <typename T>
  [[nodiscard]] std::optional<FlatArray<T>> Array(std::string_view name) {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 64);
    auto found = Get(name);
    if (!found || found->bytes.size() % sizeof(T) != 0) return std::nullopt;
    return FlatArray<T>(std::move(found->owner),
                        {reinterpret_cast<const T*>(found->bytes.data()), found->bytes.size() / sizeof(T)},
                        found->heap_bytes);
  }
};

}  // namespace tamiz::index
