#include "core/hash/digests.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstddef>

#include "core/base/check.h"

namespace tamiz::hash {
namespace {

// Small enough that the three passes over a piece find it in the first-level cache.
constexpr std::size_t kPiece = std::size_t{16} << 10;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

// One running digest. OpenSSL fails here only when out of memory or when its providers do not offer the
// algorithm: the first ends the process as elsewhere, the second is a broken installation.
class RunningDigest {
 public:
  explicit RunningDigest(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new()) {
    TAMIZ_CHECK(context_ != nullptr, "no digest context");
    TAMIZ_CHECK(EVP_DigestInit_ex(context_.get(), algorithm, nullptr) == 1, "digest not offered by OpenSSL");
  }

  void Update(std::span<const std::uint8_t> bytes) {
    TAMIZ_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1, "digest update");
  }

  template <std::size_t size>
  void Finish(std::array<std::uint8_t, size>& digest) {
    unsigned length = 0;
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> buffer;
    TAMIZ_CHECK(EVP_DigestFinal_ex(context_.get(), buffer.data(), &length) == 1, "digest finish");
    TAMIZ_CHECK(length == size, "digest length");
    std::copy_n(buffer.begin(), size, digest.begin());
  }

 private:
  std::unique_ptr<EVP_MD_CTX, FreeContext> context_;
};

}  // namespace

struct DigestAccumulator::State {
  RunningDigest md5{EVP_md5()};
  RunningDigest sha1{EVP_sha1()};
  RunningDigest sha256{EVP_sha256()};
};

DigestAccumulator::DigestAccumulator() : state_(std::make_unique<State>()) {}
DigestAccumulator::~DigestAccumulator() = default;
DigestAccumulator::DigestAccumulator(DigestAccumulator&&) noexcept = default;
DigestAccumulator& DigestAccumulator::operator=(DigestAccumulator&&) noexcept = default;

void DigestAccumulator::Update(std::span<const std::uint8_t> bytes) {
  TAMIZ_CHECK(state_ != nullptr, "digest used after its end");
  while (!bytes.empty()) {
    const auto piece = bytes.first(std::min(kPiece, bytes.size()));
    state_->md5.Update(piece);
    state_->sha1.Update(piece);
    state_->sha256.Update(piece);
    bytes = bytes.subspan(piece.size());
  }
}

Digests DigestAccumulator::Finish() {
  TAMIZ_CHECK(state_ != nullptr, "digest used after its end");
  Digests digests;
  state_->md5.Finish(digests.md5);
  state_->sha1.Finish(digests.sha1);
  state_->sha256.Finish(digests.sha256);
  state_.reset();
  return digests;
}

Digests DigestsOf(std::span<const std::uint8_t> bytes) {
  DigestAccumulator accumulator;
  accumulator.Update(bytes);
  return accumulator.Finish();
}

std::array<std::uint8_t, 32> Sha256(std::span<const std::uint8_t> bytes) {
  RunningDigest running(EVP_sha256());
  running.Update(bytes);
  std::array<std::uint8_t, 32> digest;
  running.Finish(digest);
  return digest;
}

}  // namespace tamiz::hash
