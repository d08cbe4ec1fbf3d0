// What a message would cost, before it is read.
#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/status.h>

#include <cstddef>
#include <cstdint>

#include "core/base/status.h"

namespace tamiz::server {

// Two bytes can stand for an empty message, which takes a hundred and more in memory: 16 MiB of them would
// become two gigabytes.
struct MessageLimits {
  // RESOURCE_EXHAUSTED (reason MESSAGE_TOO_LARGE) beyond it.
  std::size_t most_bytes = 4u << 20;
  // Fields of the message and of those in it; INVALID_ARGUMENT (reason MESSAGE_TOO_MANY_FIELDS) beyond it.
  std::uint64_t most_fields = 500'000;
};

// Of messages that carry a picture or a piece of an upload; their bytes are bounded by
// server.max_message_bytes.
inline constexpr MessageLimits kPictureLimits{.most_bytes = SIZE_MAX, .most_fields = 10'000};
// Of messages with a piece of a file of entries, or with entries: some forty thousand of them.
inline constexpr MessageLimits kImportLimits{.most_bytes = SIZE_MAX, .most_fields = 1'000'000};

// Whether a message of `type` keeps the limits. It is walked through, not kept; one that is broken is left to
// the parser.
[[nodiscard]] Status CheckMessage(const grpc::ByteBuffer& message, const google::protobuf::Descriptor& type,
                                  const MessageLimits& limits);

// Reads `bytes` into `message` if they keep the limits; INVALID_ARGUMENT if they are no such message.
template <typename Message>
[[nodiscard]] Status ReadMessage(const grpc::ByteBuffer& bytes, const MessageLimits& limits,
                                 Message& message) {
  TAMIZ_RETURN_IF_ERROR(CheckMessage(bytes, *Message::descriptor(), limits));
  grpc::ByteBuffer same = bytes;
  if (grpc::SerializationTraits<Message>::Deserialize(&same, &message).ok()) return OkStatus();
  return InvalidArgument("the message cannot be read; is it of the right type?");
}

// Into `bytes`, whatever was in there.
template <typename Message>
[[nodiscard]] grpc::Status WriteMessage(const Message& message, grpc::ByteBuffer& bytes) {
  bytes.Clear();
  bool own_buffer = false;
  return grpc::SerializationTraits<Message>::Serialize(message, &bytes, &own_buffer);
}

}  // namespace tamiz::server
