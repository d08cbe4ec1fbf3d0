#include "core/lists/content_digest.h"

#include <openssl/evp.h>

#include <array>
#include <cstring>

#include "core/base/check.h"
#include "core/base/hex.h"
#include "core/lists/entry_codec.h"

namespace tamiz::lists {
namespace {

constexpr std::string_view kListHeader("tamiz list 2\n");
constexpr std::size_t kNumbers = 1024;
constexpr std::size_t kSpreadBytes = kNumbers * 2;

// Neither SHA-256 nor AES can fail with sound arguments, but for want of memory.
void Check(int done) { TAMIZ_CHECK(done == 1, "the digest of a list"); }

// OpenSSL's contexts, made once a thread: making them costs more than what they do here.
struct Ciphers {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> sha{EVP_MD_CTX_new(), &EVP_MD_CTX_free};
  std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> aes{EVP_CIPHER_CTX_new(),
                                                                      &EVP_CIPHER_CTX_free};
  Ciphers() {
    TAMIZ_CHECK(sha && aes, "memory for digests");
    Check(EVP_DigestInit_ex(sha.get(), EVP_sha256(), nullptr));
    Check(EVP_EncryptInit_ex(aes.get(), EVP_aes_256_ctr(), nullptr, nullptr, nullptr));
  }
};

void PutLength(std::size_t size, std::string& out) {
  for (std::size_t i = 0; i < 4; ++i) out.push_back(static_cast<char>(size >> (8 * i)));
}

using Numbers = std::array<std::uint8_t, kSpreadBytes>;  // little-endian, 16 bits each

// What an entry adds: the AES-256-CTR key stream, counter 0, under the SHA-256 of its id and body.
void Spread(std::string_view id, std::span<const std::uint8_t> body, Numbers& out) {
  thread_local Ciphers ciphers;
  thread_local std::string text;
  text.clear();
  PutLength(id.size(), text);
  text.append(id);
  PutLength(body.size(), text);
  text.append(reinterpret_cast<const char*>(body.data()), body.size());
  std::array<std::uint8_t, 32> key;
  Check(EVP_DigestInit_ex(ciphers.sha.get(), nullptr, nullptr));
  Check(EVP_DigestUpdate(ciphers.sha.get(), text.data(), text.size()));
  Check(EVP_DigestFinal_ex(ciphers.sha.get(), key.data(), nullptr));

  static constexpr std::array<std::uint8_t, 16> kCounter{};
  static constexpr Numbers kZeros{};
  int written = 0;
  Check(EVP_EncryptInit_ex(ciphers.aes.get(), nullptr, nullptr, key.data(), kCounter.data()));
  Check(EVP_EncryptUpdate(ciphers.aes.get(), out.data(), &written, kZeros.data(), kSpreadBytes));
}

std::uint16_t NumberAt(const std::uint8_t* bytes, std::size_t i) {
  return static_cast<std::uint16_t>(bytes[2 * i] | bytes[2 * i + 1] << 8);
}

}  // namespace

struct ContentDigest::Sum {
  std::uint64_t entries = 0;
  std::array<std::uint16_t, kNumbers> numbers{};
};

ContentDigest::ContentDigest() : sum_(std::make_unique<Sum>()) {}
ContentDigest::ContentDigest(const ContentDigest& other) : sum_(std::make_unique<Sum>(*other.sum_)) {}
ContentDigest& ContentDigest::operator=(const ContentDigest& other) {
  *sum_ = *other.sum_;
  return *this;
}
ContentDigest::ContentDigest(ContentDigest&&) noexcept = default;
ContentDigest& ContentDigest::operator=(ContentDigest&&) noexcept = default;
ContentDigest::~ContentDigest() = default;

void ContentDigest::AddBody(std::string_view id, std::span<const std::uint8_t> body) {
  Numbers spread;
  Spread(id, body, spread);
  ++sum_->entries;
  for (std::size_t i = 0; i < kNumbers; ++i) {
    sum_->numbers[i] = static_cast<std::uint16_t>(sum_->numbers[i] + NumberAt(spread.data(), i));
  }
}

void ContentDigest::RemoveBody(std::string_view id, std::span<const std::uint8_t> body) {
  Numbers spread;
  Spread(id, body, spread);
  --sum_->entries;
  for (std::size_t i = 0; i < kNumbers; ++i) {
    sum_->numbers[i] = static_cast<std::uint16_t>(sum_->numbers[i] - NumberAt(spread.data(), i));
  }
}

void ContentDigest::Add(const Entry& entry) {
  Entry copy = entry;
  Canonicalise(copy);
  AddCanonical(copy);
}

void ContentDigest::AddCanonical(const Entry& entry) {
  thread_local std::string body;
  body.clear();
  EncodeBody(entry, body);
  AddBody(entry.id, {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()});
}

void ContentDigest::RemoveCanonical(const Entry& entry) {
  thread_local std::string body;
  body.clear();
  EncodeBody(entry, body);
  RemoveBody(entry.id, {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()});
}

void ContentDigest::AddAll(const ContentDigest& other) {
  sum_->entries += other.sum_->entries;
  for (std::size_t i = 0; i < kNumbers; ++i) {
    sum_->numbers[i] = static_cast<std::uint16_t>(sum_->numbers[i] + other.sum_->numbers[i]);
  }
}

std::string ContentDigest::State() const {
  std::string state;
  state.reserve(kStateBytes);
  for (std::size_t i = 0; i < 8; ++i) state.push_back(static_cast<char>(sum_->entries >> (8 * i)));
  for (const std::uint16_t number : sum_->numbers) {
    state.push_back(static_cast<char>(number));
    state.push_back(static_cast<char>(number >> 8));
  }
  return state;
}

StatusOr<ContentDigest> ContentDigest::FromState(std::span<const std::uint8_t> state) {
  if (state.size() != kStateBytes) {
    return MakeError(StatusCode::kDataLoss, "the stored state of a list's digest is damaged");
  }
  ContentDigest digest;
  for (std::size_t i = 8; i-- > 0;) digest.sum_->entries = digest.sum_->entries << 8 | state[i];
  for (std::size_t i = 0; i < kNumbers; ++i) digest.sum_->numbers[i] = NumberAt(state.data() + 8, i);
  return digest;
}

std::string ContentDigest::Finish() const {
  const std::string text = std::string(kListHeader) + State();
  std::array<std::uint8_t, 32> digest{};
  Check(EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr));
  return ToHex(digest);
}

}  // namespace tamiz::lists
