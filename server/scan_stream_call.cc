#include "server/scan_stream_call.h"

#include <utility>

#include "server/message_check.h"
#include "server/proto_convert.h"
#include "server/scan_job.h"

namespace tamiz::server {

ScanStreamCall::ScanStreamCall(grpc::GenericCallbackServerContext* context, const ServiceParts& parts)
    : parts_(parts),
      call_(*context, "ScanService/ScanStream", parts),
      watched_(parts.watch, [this](const Status& status) { EndWith(status); }) {
  if (!call_.entry().ok()) {
    EndWith(call_.entry());
    return;
  }
  watched_.Wait();
  StartRead(&message_);
}

void ScanStreamCall::OnReadDone(bool ok) {
  if (!watched_.Resume()) return;  // it was ended in between
  if (ok) call_.Heard();
  const Status refused = ok ? Begin() : InvalidArgument("no message came");
  if (!refused.ok()) EndWith(refused);
}

Status ScanStreamCall::Begin() {
  const Status read = ReadMessage(message_, kPictureLimits, request_);
  message_.Clear();
  TAMIZ_RETURN_IF_ERROR(read);
  TAMIZ_ASSIGN_OR_RETURN(std::shared_ptr<ScanJob> job, ScanJob::Make(request_, parts_));
  call_.pass().AddBytes(request_.request().content().size());
  return parts_.admission.Submit(
      job->lane(),
      [this, job] {
        Status status = call_.context().StillWanted(std::chrono::steady_clock::now());
        if (status.ok()) {
          auto last = std::make_unique<v1::ScanStreamResponse>();
          status = job->Run(call_.context(), call_.started(), last->mutable_result(), this);
          if (status.ok()) Tell(std::move(last), false);
        }
        EndWith(status);
      },
      call_.context().deadline);
}

void ScanStreamCall::OnProgress(const scan::ScanProgress& progress) {
  auto event = std::make_unique<v1::ScanStreamResponse>();
  ToProto(progress, event->mutable_progress());
  Tell(std::move(event), true);
}

void ScanStreamCall::OnMatch(const match::Match& match) {
  auto event = std::make_unique<v1::ScanStreamResponse>();
  ToProto(match, event->mutable_match());
  Tell(std::move(event), false);
}

void ScanStreamCall::Tell(std::unique_ptr<v1::ScanStreamResponse> event, bool is_progress) {
  Step step;
  {
    MutexLock lock(mutex_);
    if (is_progress) {
      progress_ = std::move(event);
    } else {
      events_.push_back(std::move(event));
    }
    step = NextStep();
  }
  Start(step);
}

void ScanStreamCall::EndWith(const Status& status) {
  Step step;
  {
    MutexLock lock(mutex_);
    ended_ = true;
    end_ = status;
    // An error ends the call at once: what was found so far is no answer.
    if (!status.ok()) events_.clear();
    progress_.reset();
    step = NextStep();
  }
  Start(step);
}

void ScanStreamCall::OnWriteDone(bool ok) {
  if (!ok) call_.Cancel();
  Step step;
  {
    MutexLock lock(mutex_);
    writing_.reset();
    if (!ok) {
      events_.clear();
      progress_.reset();
    }
    step = NextStep();
  }
  Start(step);
}

ScanStreamCall::Step ScanStreamCall::NextStep() {
  Step step;
  if (finished_ || writing_ != nullptr) return step;
  if (progress_ != nullptr) {
    writing_ = std::move(progress_);
  } else if (!events_.empty()) {
    writing_ = std::move(events_.front());
    events_.pop_front();
  }
  step.write = writing_.get();
  step.finish = ended_ && step.write == nullptr;
  finished_ = step.finish;
  return step;
}

void ScanStreamCall::Start(const Step& step) {
  if (step.write != nullptr) {
    if (!WriteMessage(*step.write, bytes_).ok()) bytes_.Clear();
    StartWrite(&bytes_);
  }
  if (!step.finish) return;
  Status end;
  {
    MutexLock lock(mutex_);
    end = end_;
  }
  Finish(call_.End(end));
}

}  // namespace tamiz::server
