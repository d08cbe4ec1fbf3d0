// Read-only arrays that lie in memory of their own or in a mapped file.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

#include "core/index/large_array.h"

namespace tamiz::index {

// Cheap to copy: copies share the elements.
template <typename T>
class FlatArray {
 public:
  FlatArray() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): a filled array becomes one that is only read
  FlatArray(LargeArray<T> elements) {
    auto owned = std::make_shared<const LargeArray<T>>(std::move(elements));
    data_ = owned->data();
    size_ = owned->size();
    heap_bytes_ = owned->capacity() * sizeof(T);
    owner_ = std::move(owned);
  }
  // `elements` live as long as `owner`, which has `heap_bytes` of memory for them (0: they lie in a file).
  FlatArray(std::shared_ptr<const void> owner, std::span<const T> elements, std::size_t heap_bytes = 0)
      : owner_(std::move(owner)), data_(elements.data()), size_(elements.size()), heap_bytes_(heap_bytes) {}

  [[nodiscard]] const T* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] const T* begin() const { return data_; }
  [[nodiscard]] const T* end() const { return data_ + size_; }
  const T& operator[](std::size_t i) const { return data_[i]; }
  // Of its own memory; 0 for elements in a mapped file.
  [[nodiscard]] std::size_t heap_bytes() const { return heap_bytes_; }

 private:
  std::shared_ptr<const void> owner_;
  const T* data_ = nullptr;
  std::size_t size_ = 0;
  std::size_t heap_bytes_ = 0;
};

}  // namespace tamiz::index
