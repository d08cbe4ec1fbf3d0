#include "server/message_check.h"

#include <grpcpp/support/slice.h>
#include <gtest/gtest.h>

#include "tamiz/v1/hash_service.pb.h"
#include "tamiz/v1/list_service.pb.h"

namespace tamiz::server {
namespace {

// In slices, as they come.
grpc::ByteBuffer BufferOf(const std::string& bytes) {
  std::vector<grpc::Slice> slices;
  for (std::size_t at = 0; at < bytes.size(); at += 1000) slices.emplace_back(bytes.substr(at, 1000));
  return {slices.data(), slices.size()};
}

std::string Times(std::size_t count, const std::string& bytes) {
  std::string all;
  for (std::size_t i = 0; i < count; ++i) all += bytes;
  return all;
}

std::string ReasonOf(const std::string& bytes, const google::protobuf::Descriptor& type,
                     std::uint64_t most_fields = 100) {
  const Status status =
      CheckMessage(BufferOf(bytes), type, {.most_bytes = 1u << 20, .most_fields = most_fields});
  return status.ok() ? "" : Reason(status);
}

TEST(MessageCheck, CountsFieldsAtEveryLevel) {
  const auto& lookup = *v1::LookupRequest::descriptor();
  const std::string empty_hash("\x0a\x00", 2);
  EXPECT_EQ(ReasonOf(Times(100, empty_hash), lookup), "");
  EXPECT_EQ(ReasonOf(Times(101, empty_hash), lookup), "MESSAGE_TOO_MANY_FIELDS");
  EXPECT_EQ(ReasonOf(Times(101, std::string("\x12\x00", 2)), lookup), "MESSAGE_TOO_MANY_FIELDS") << "texts";
  // An entry with many empty hashes.
  v1::AddEntriesRequest add;
  for (int i = 0; i < 99; ++i) add.mutable_entries()->Add();
  EXPECT_EQ(ReasonOf(add.SerializeAsString(), *v1::AddEntriesRequest::descriptor()), "");
  for (int i = 0; i < 50; ++i) add.mutable_entries(0)->add_hashes();
  EXPECT_EQ(ReasonOf(add.SerializeAsString(), *v1::AddEntriesRequest::descriptor()),
            "MESSAGE_TOO_MANY_FIELDS");
}

TEST(MessageCheck, FieldsThatNobodyKnowsCountToo) {
  const auto& get = *v1::GetListRequest::descriptor();
  EXPECT_EQ(ReasonOf(Times(101, "\xf8\x06\x01"), get), "MESSAGE_TOO_MANY_FIELDS");
  EXPECT_EQ(ReasonOf(Times(60, "\xf3\x06\xf4\x06"), get), "MESSAGE_TOO_MANY_FIELDS") << "groups";
}

TEST(MessageCheck, BytesAreLimited) {
  const auto& lookup = *v1::LookupRequest::descriptor();
  EXPECT_EQ(ReasonOf(std::string((1u << 20) + 1, 'x'), lookup), "MESSAGE_TOO_LARGE");
}

TEST(MessageCheck, WhatIsHonestOrBrokenPasses) {
  v1::LookupRequest lookup;
  for (int i = 0; i < 10'000; ++i) {
    v1::QueryHash* hash = lookup.add_hashes();
    hash->set_type(v1::HASH_TYPE_PDQ);
    hash->set_value(std::string(32, 'x'));
    hash->set_quality(90);
    hash->set_time_ms(static_cast<std::uint64_t>(i) * 1000);
  }
  EXPECT_TRUE(CheckMessage(BufferOf(lookup.SerializeAsString()), *v1::LookupRequest::descriptor(), {}).ok());
  // The parser says what is wrong with these.
  EXPECT_EQ(ReasonOf(std::string(500, '\xff'), *v1::LookupRequest::descriptor()), "");
  EXPECT_EQ(ReasonOf(std::string("\x0a\x7f", 2) + std::string(300, '\x08'), *v1::LookupRequest::descriptor()),
            "");
  EXPECT_EQ(ReasonOf("", *v1::LookupRequest::descriptor()), "");
}

}  // namespace
}  // namespace tamiz::server
