// The arithmetic of PDQ, vectorised and chosen at run time for the processor. Part of PdqHasher; nothing else
// uses it but tests.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "core/media/luma.h"

namespace tamiz::hash {

// Grow-only, 64-byte aligned memory for plain numbers; contents are lost on growth.
class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  AlignedBuffer(const AlignedBuffer&) = delete;
  AlignedBuffer& operator=(const AlignedBuffer&) = delete;
  ~AlignedBuffer() { Release(); }

  template <typename T>
  T* Reserve(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    if (bytes > capacity_) {
      Release();
      data_ = ::operator new(bytes, kAlignment);
      capacity_ = bytes;
    }
    return static_cast<T*>(data_);
  }
  template <typename T>
  T* ReserveZeroed(std::size_t count) {
    T* data = Reserve<T>(count);
    std::memset(data, 0, count * sizeof(T));
    return data;
  }
  void Release() {
    if (data_ != nullptr) ::operator delete(data_, kAlignment);
    data_ = nullptr;
    capacity_ = 0;
  }
  [[nodiscard]] std::size_t capacity() const { return capacity_; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  void* data_ = nullptr;
  std::size_t capacity_ = 0;
};

// Working memory: about 1/32 byte a pixel plus some rows.
struct PdqScratch {
  AlignedBuffer pixels;        // a band of input rows between zeros
  AlignedBuffer row_means;     // the last rows of the first pass along rows
  AlignedBuffer column_sums;   // running sums of the first pass along columns
  AlignedBuffer column_table;  // element counts of the windows, and their reciprocals, by column
  AlignedBuffer row_history;   // the last columns of the first pass along columns
  AlignedBuffer decimated_history;

  [[nodiscard]] std::size_t bytes() const;
  void Release();
};

// Side of the decimated picture and of its spectrum.
inline constexpr int kPdqBlock = 64;
inline constexpr int kPdqSpectrum = 16;

using PdqBlock = std::array<float, kPdqBlock * kPdqBlock>;           // row-major
using PdqSpectrum = std::array<float, kPdqSpectrum * kPdqSpectrum>;  // row-major; row = vertical frequency

// The picture box-filtered twice and decimated. At least 5 pixels in each dimension.
void PdqDownsample(const media::LumaView& luma, PdqScratch& scratch, PdqBlock& block);
[[nodiscard]] int PdqQuality(const PdqBlock& block);
// Discrete cosine transform, frequencies 1 to 16.
void PdqTransform(const PdqBlock& block, PdqSpectrum& spectrum);
// words[i] bit j: spectrum[16 i + j] is greater than the lower median of all.
void PdqThreshold(const PdqSpectrum& spectrum, std::array<std::uint16_t, kPdqSpectrum>& words);

// The picture's decimated values from weighted sums, for pictures that need not be hashed bit by bit as the
// reference does (see pdq_sampler.h). All sums are of small integers, so they are exact in any order.
//
// sums[x] = the rows from `first` on, weighted by `weights`, rounded to whole numbers after division by 256;
// x < columns. Weights are whole and add up to at most 2^12.
void PdqWeighRows(const std::uint8_t* first, std::size_t stride, const float* weights, std::size_t rows,
                  std::size_t columns, float* sums);
// Both sums of the same rows at once, `sums[i]` by weights[i]: each pixel is read and converted once.
void PdqWeighRowsTwice(const std::uint8_t* first, std::size_t stride,
                       const std::array<const float*, 2>& weights, std::size_t rows, std::size_t columns,
                       const std::array<float*, 2>& sums);
// A multiple of this many taps a column, columns and taps beyond the line being zeros.
inline constexpr std::size_t kPdqTapGroup = 8;
// row[j] = sum of line[first[j] + k] * weights[begins[j] + k] over k < taps, times `scale`, for kPdqBlock j.
void PdqWeighColumns(const float* line, const std::uint32_t* first, const std::uint32_t* begins,
                     const float* weights, std::size_t taps, float scale, float* row);

}  // namespace tamiz::hash
