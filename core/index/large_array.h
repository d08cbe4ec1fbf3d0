// Memory for tables that are read at random.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace tamiz::index {

// Asks for huge pages where an array is large, which saves most misses of the address cache (kernels in the
// mode `madvise` give them only on request), and leaves new elements of simple types unset instead of writing
// zeros.
template <typename T>
class LargeArrayAllocator {
 public:
  using value_type = T;

  LargeArrayAllocator() = default;
  template <typename U>
  // NOLINTNEXTLINE(google-explicit-constructor): allocators convert
  LargeArrayAllocator(const LargeArrayAllocator<U>&) {}

  [[nodiscard]] T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    void* memory = ::operator new(bytes, AlignmentOf(bytes));
    if (bytes >= kHugePage) ::madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: failing costs speed only
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) { ::operator delete(memory, AlignmentOf(count * sizeof(T))); }

  template <typename U, typename... Args>
  void construct(U* where, Args&&... args) {
    if constexpr (sizeof...(Args) == 0) {
      ::new (static_cast<void*>(where)) U;
    } else {
      ::new (static_cast<void*>(where)) U(std::forward<Args>(args)...);
    }
  }

  friend bool operator==(const LargeArrayAllocator&, const LargeArrayAllocator&) { return true; }

 private:
  static constexpr std::size_t kHugePage = std::size_t{2} << 20;
  static std::align_val_t AlignmentOf(std::size_t bytes) {
    return std::align_val_t{bytes >= kHugePage ? kHugePage : 64};  // 64: a cache line
  }
};

// LargeArray<T>(n) has n unset elements; LargeArray<T>(n, T{}) zeros.
template <typename T>
using LargeArray = std::vector<T, LargeArrayAllocator<T>>;

}  // namespace tamiz::index
