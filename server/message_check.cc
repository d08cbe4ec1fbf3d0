#include "server/message_check.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>
#include <grpcpp/support/proto_buffer_reader.h>

namespace tamiz::server {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::internal::WireFormatLite;

constexpr int kMostDepth = 32;  // our own messages have five levels

class Walk {
 public:
  Walk(google::protobuf::io::CodedInputStream& input, std::uint64_t most) : input_(input), left_(most) {}

  // False as soon as there are too many fields. `type` is null where it is not known.
  bool Through(const Descriptor* type, int depth = 0) {
    if (depth > kMostDepth) return false;
    while (const std::uint32_t tag = input_.ReadTag()) {
      if (left_ == 0) return false;
      --left_;
      const auto kind = WireFormatLite::GetTagWireType(tag);
      // Nothing of ours has groups; empty ones are a way to make much of little.
      if (kind == WireFormatLite::WIRETYPE_START_GROUP) return false;
      if (kind != WireFormatLite::WIRETYPE_LENGTH_DELIMITED) {
        if (!WireFormatLite::SkipField(&input_, tag)) return true;
        continue;
      }
      std::uint32_t length = 0;
      if (!input_.ReadVarint32(&length) || length > static_cast<std::uint32_t>(INT32_MAX)) return true;
      const FieldDescriptor* const field =
          type == nullptr ? nullptr : type->FindFieldByNumber(WireFormatLite::GetTagFieldNumber(tag));
      if (field == nullptr || field->type() != FieldDescriptor::TYPE_MESSAGE) {
        if (!input_.Skip(static_cast<int>(length))) return true;
        continue;
      }
      const auto end = input_.PushLimit(static_cast<int>(length));
      const bool goes_on = Through(field->message_type(), depth + 1);
      const bool is_whole = input_.ConsumedEntireMessage() && input_.BytesUntilLimit() == 0;
      input_.PopLimit(end);
      if (!goes_on) return false;
      if (!is_whole) return true;
    }
    return true;
  }

 private:
  google::protobuf::io::CodedInputStream& input_;
  std::uint64_t left_;
};

}  // namespace

Status CheckMessage(const grpc::ByteBuffer& message, const Descriptor& type, const MessageLimits& limits) {
  if (message.Length() > limits.most_bytes) {
    return MakeError(
        StatusCode::kResourceExhausted,
        fmt::format("the message has {} bytes; at most {} are accepted", message.Length(), limits.most_bytes),
        "MESSAGE_TOO_LARGE");
  }
  // A field has two bytes at least.
  if (message.Length() / 2 <= limits.most_fields) return OkStatus();
  grpc::ByteBuffer same = message;  // the reader wants to change it, and does not
  grpc::ProtoBufferReader reader(&same);
  if (!reader.status().ok()) return OkStatus();
  google::protobuf::io::CodedInputStream input(&reader);
  if (Walk(input, limits.most_fields).Through(&type)) return OkStatus();
  return MakeError(
      StatusCode::kInvalidArgument,
      fmt::format("the message has groups, or more than {} fields; send it in parts", limits.most_fields),
      "MESSAGE_TOO_MANY_FIELDS");
}

}  // namespace tamiz::server
