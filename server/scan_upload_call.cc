#include "server/scan_upload_call.h"

#include <span>

#include "server/intake.h"
#include "server/message_check.h"
#include "server/proto_convert.h"

namespace tamiz::server {

ScanUploadCall::ScanUploadCall(grpc::CallbackServerContext* context, grpc::ByteBuffer* answer,
                               const ServiceParts& parts)
    : context_(context),
      answer_(answer),
      parts_(parts),
      call_(*context, "ScanService/ScanUpload", parts),
      watched_(parts.watch, [this](const Status& status) { End(status); }) {
  if (call_.entry().ok()) {
    Read();
  } else {
    End(call_.entry());
  }
}

void ScanUploadCall::OnReadDone(bool ok) {
  if (!watched_.Resume()) return;  // it was ended in between
  if (context_->IsCancelled()) return End(MakeError(StatusCode::kCancelled, "the caller went away"));
  if (ok) {
    call_.Heard();
    const Status read = ReadMessage(bytes_, kPictureLimits, message_);
    bytes_.Clear();
    if (!read.ok()) return End(read);
  }
  if (!has_options_) {
    if (!ok || !message_.has_options()) {
      return End(WithField(InvalidArgument("the first message must carry options"), "options"));
    }
    if (const Status status = TakeOptions(); !status.ok()) return End(status);
    return Read();
  }
  if (ok && message_.has_options()) {
    return End(WithField(InvalidArgument("options came a second time"), "options"));
  }
  const Status refused = parts_.uploads.Submit([this, ok] {
    Status status = ok ? Append() : SealUpload();
    // Too large: the rest need not come, the answer is known.
    const bool too_large = TakeByteLimit(status, input_);
    if (!status.ok() && !too_large) return End(status);
    if (ok && !too_large) return Read();
    builder_.reset();
    SubmitScan();
  });
  if (!refused.ok()) End(refused);
}

Status ScanUploadCall::TakeOptions() {
  if (message_.options().source_case() != v1::ScanRequest::SOURCE_NOT_SET) {
    return WithField(
        InvalidArgument("the source of an upload comes in chunks: content and uri must be unset"),
        "options.source");
  }
  TAMIZ_ASSIGN_OR_RETURN(input_, ToScanInput(message_.options()));
  TAMIZ_RETURN_IF_ERROR(parts_.scanner.Validate(input_));
  lane_ = ToLane(message_.options().lane());
  // The slot is taken when all bytes are there; while there is none, they need not come.
  TAMIZ_RETURN_IF_ERROR(parts_.admission.WouldTake(lane_, 0, call_.context().deadline));
  has_options_ = true;
  return OkStatus();
}

Status ScanUploadCall::Append() {
  TAMIZ_RETURN_IF_ERROR(call_.context().StillWanted(std::chrono::steady_clock::now()));
  if (!builder_) {
    StatusOr<source::UploadBuilder> builder = source::UploadBuilder::Start(parts_.source, parts_.budget);
    if (!builder.ok()) return builder.status();
    builder_.emplace(*std::move(builder));
  }
  const std::string& chunk = message_.chunk();
  call_.pass().AddBytes(chunk.size());
  return builder_->Append(std::span(reinterpret_cast<const std::uint8_t*>(chunk.data()), chunk.size()));
}

Status ScanUploadCall::SealUpload() {
  if (!builder_) return BringIn({}, parts_.source, parts_.budget, input_);
  StatusOr<source::Upload> upload = builder_->Seal();
  if (!upload.ok()) return upload.status();
  input_.upload = *std::move(upload);
  return OkStatus();
}

void ScanUploadCall::SubmitScan() {
  const SteadyTime admitted_at = std::chrono::steady_clock::now();
  const Status refused = parts_.admission.Submit(
      lane_,
      [this, admitted_at] {
        StatusOr<scan::ScanOutput> output =
            parts_.scanner.Scan(std::move(input_), call_.context(), admitted_at);
        if (output.ok()) ToProto(*output, response_.mutable_result());
        End(output.status());
      },
      call_.context().deadline);
  if (!refused.ok()) End(refused);
}

void ScanUploadCall::End(const Status& status) {
  grpc::Status outcome = call_.End(status);
  if (outcome.ok()) outcome = WriteMessage(response_, *answer_);
  Finish(outcome);
}

}  // namespace tamiz::server
