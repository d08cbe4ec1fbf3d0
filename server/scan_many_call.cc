#include "server/scan_many_call.h"

#include <fmt/format.h>

#include <utility>

#include "server/message_check.h"
#include "server/scan_job.h"

namespace tamiz::server {
namespace {

std::unique_ptr<v1::ScanManyResponse> ErrorAnswer(const std::string& request_id, const Status& status) {
  auto response = std::make_unique<v1::ScanManyResponse>();
  response->set_request_id(request_id);
  *response->mutable_error() = ToRpcStatus(status);
  return response;
}

}  // namespace

ScanManyCall::ScanManyCall(grpc::CallbackServerContext* context, const ServiceParts& parts)
    : parts_(parts),
      call_(*context, "ScanService/ScanMany", parts),
      watched_(parts.watch, [this](const Status& status) { Finish(call_.End(status)); }) {
  Step step;
  {
    MutexLock lock(mutex_);
    reads_ended_ = !call_.entry().ok();  // then it ends here, with that
    step = NextStep();
  }
  Start(step);
}

void ScanManyCall::OnReadDone(bool ok) {
  std::shared_ptr<v1::ScanManyRequest> item;
  Step step;
  {
    MutexLock lock(mutex_);
    if (!watched_.Resume()) return;  // it was ended in between
    if (ok) ++running_;              // until it is answered, whatever the answer
  }
  Status read;
  if (ok) {
    call_.Heard();
    item = std::make_shared<v1::ScanManyRequest>();
    read = ReadMessage(incoming_, kPictureLimits, *item);
    incoming_.Clear();
    if (!read.ok()) item = nullptr;
  }
  {
    MutexLock lock(mutex_);
    reading_ = false;
    if (item == nullptr) reads_ended_ = true;
    if (!read.ok()) {
      --running_;
      end_ = read;
    }
    step = NextStep();
  }
  // The next read may start before this item is taken in: its own turn comes when this reaction has returned.
  if (item != nullptr) {
    if (const Status status = Accept(item); !status.ok()) {
      CountRefusal(status, parts_.metrics);
      Answer(ErrorAnswer(item->request().request_id().substr(0, 128), status));
    }
  }
  Start(step);
}

Status ScanManyCall::Accept(const std::shared_ptr<v1::ScanManyRequest>& item) {
  const v1::ScanRequest& request = item->request();
  if (request.request_id().empty()) {
    return WithField(InvalidArgument("request_id must be set: it names the answer"), "request.request_id");
  }
  // The stream's first item was paid for with the call itself.
  if (has_items_.exchange(true)) TAMIZ_RETURN_IF_ERROR(call_.pass().TakeOne());
  TAMIZ_ASSIGN_OR_RETURN(std::shared_ptr<ScanJob> job, ScanJob::Make(request, parts_));
  call_.pass().AddBytes(request.content().size());
  {
    MutexLock lock(mutex_);
    if (!unanswered_.insert(request.request_id()).second) {
      return WithField(
          InvalidArgument("request_id is that of a request of this stream which is not answered yet"),
          "request.request_id");
    }
  }
  const SteadyTime admitted_at = std::chrono::steady_clock::now();
  const Status refused = parts_.admission.Submit(job->lane(), [this, item, job, admitted_at] {
    const std::string& request_id = item->request().request_id();
    auto response = std::make_unique<v1::ScanManyResponse>();
    response->set_request_id(request_id);
    if (const Status status = job->Run(call_.context(), admitted_at, response->mutable_result());
        !status.ok()) {
      response = ErrorAnswer(request_id, status);
    }
    {
      MutexLock lock(mutex_);
      unanswered_.erase(request_id);
    }
    Answer(std::move(response));
  });
  if (!refused.ok()) {
    MutexLock lock(mutex_);
    unanswered_.erase(request.request_id());
  }
  return refused;
}

void ScanManyCall::Answer(std::unique_ptr<v1::ScanManyResponse> response) {
  Step step;
  {
    MutexLock lock(mutex_);
    --running_;
    if (!broken_) answers_.push_back(std::move(response));
    step = NextStep();
  }
  Start(step);
}

void ScanManyCall::OnWriteDone(bool ok) {
  Step step;
  {
    MutexLock lock(mutex_);
    writing_.reset();
    if (!ok) {
      broken_ = true;
      reads_ended_ = true;
      answers_.clear();
    }
    step = NextStep();
  }
  Start(step);
}

ScanManyCall::Step ScanManyCall::NextStep() {
  Step step;
  if (finished_) return step;
  if (writing_ == nullptr && !answers_.empty()) {
    writing_ = std::move(answers_.front());
    answers_.pop_front();
    step.write = writing_.get();
  }
  const std::size_t in_flight = running_ + answers_.size() + (writing_ != nullptr ? 1 : 0);
  if (!reading_ && !reads_ended_ && in_flight < kMaxInFlight) {
    reading_ = true;
    step.read = true;
  }
  // The client is waited for only while it has nothing to wait for itself.
  if (reading_ && in_flight == 0) watched_.Wait();
  step.finish = reads_ended_ && !reading_ && in_flight == 0;
  finished_ = step.finish;
  return step;
}

void ScanManyCall::Start(const Step& step) {
  // With both, the call lives on until the write is done, which is started last.
  if (step.read) StartRead(&incoming_);
  if (step.write != nullptr) {
    if (!WriteMessage(*step.write, outgoing_).ok()) outgoing_.Clear();
    StartWrite(&outgoing_);
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
