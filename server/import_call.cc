#include "server/import_call.h"

#include <fmt/format.h>

#include <span>

#include "server/list_service.h"
#include "server/message_check.h"
#include "server/proto_convert.h"

namespace tamiz::server {
namespace {

// Stands in the comment of ImportOptions.max_rejected_share.
constexpr std::uint64_t kToleratedRejections = 10;

}  // namespace

ImportCall::ImportCall(grpc::CallbackServerContext* context, grpc::ByteBuffer* answer,
                       const ServiceParts& parts)
    : context_(context),
      answer_(answer),
      parts_(parts),
      call_(*context, "ListService/ImportEntries", parts),
      watched_(parts.watch, [this](const Status& status) { End(status); }) {
  if (call_.entry().ok()) {
    Read();
  } else {
    End(call_.entry());
  }
}

void ImportCall::OnReadDone(bool ok) {
  if (!watched_.Resume()) return;  // it was ended in between
  if (context_->IsCancelled()) return End(MakeError(StatusCode::kCancelled, "the caller went away"));
  if (!ok && !options_) {
    return End(WithField(InvalidArgument("the first message must carry options"), "options"));
  }
  if (ok) call_.Heard();
  const Status refused = parts_.changes.Submit([this, ok] {
    if (!ok) return End(Apply());
    if (const Status status = TakeMessage(); !status.ok()) return End(status);
    Read();
  });
  if (!refused.ok()) End(refused);
}

Status ImportCall::TakeMessage() {
  const Status read = ReadMessage(bytes_, kImportLimits, message_);
  bytes_.Clear();
  TAMIZ_RETURN_IF_ERROR(read);
  switch (message_.payload_case()) {
    case v1::ImportEntriesRequest::kOptions:
      return TakeOptions();
    case v1::ImportEntriesRequest::kChunk:
      return TakeChunk();
    case v1::ImportEntriesRequest::kEntries:
      return TakeEntries();
    case v1::ImportEntriesRequest::PAYLOAD_NOT_SET:
      break;
  }
  return InvalidArgument("a message is empty");
}

Status ImportCall::TakeOptions() {
  if (options_) return WithField(InvalidArgument("options came a second time"), "options");
  const v1::ImportOptions& options = message_.options();
  if (options.list().empty()) {
    return WithField(InvalidArgument("options.list is empty; give the list's name or identifier"),
                     "options.list");
  }
  TAMIZ_ASSIGN_OR_RETURN(lists::ReadOptions read, ToReadOptions(options));
  // Before the file comes: a list that does not exist need not be sent one.
  TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo list, parts_.lists.GetList(options.list()));
  TAMIZ_RETURN_IF_ERROR(MayChange(list));
  read.for_allow_list = list.kind == lists::ListKind::kAllow;
  format_ = read.format;
  StatusOr<std::unique_ptr<lists::EntryReader>> reader = lists::MakeEntryReader(
      read, [this](std::uint64_t line, lists::Entry&& entry) { collector_.Add(line, std::move(entry)); },
      [this](lists::Rejection&& rejection) { collector_.Reject(std::move(rejection)); }, collector_.Notes());
  if (!reader.ok()) {
    return Field(reader.status()).empty() ? WithField(reader.status(), "options.format") : reader.status();
  }
  reader_ = *std::move(reader);
  options_ = options;
  return OkStatus();
}

Status ImportCall::TakeChunk() {
  TAMIZ_RETURN_IF_ERROR(call_.context().StillWanted(std::chrono::steady_clock::now()));
  if (!options_) return WithField(InvalidArgument("the first message must carry options"), "options");
  if (entries_seen_ > 0) return InvalidArgument("a file's bytes came after entries: send one or the other");
  const std::string& chunk = message_.chunk();
  call_.pass().AddBytes(chunk.size());
  has_chunks_ = true;
  parts_.metrics.ImportBytes(chunk.size());
  TAMIZ_RETURN_IF_ERROR(
      reader_->Feed(std::span(reinterpret_cast<const std::uint8_t*>(chunk.data()), chunk.size())));
  // What is kept counts, and not the file: much of a VICS file is of no use here.
  const std::uint64_t kept = collector_.content_bytes();
  return kept <= share_.bytes() ? OkStatus() : parts_.budget.Take(share_, kept - share_.bytes());
}

Status ImportCall::TakeEntries() {
  TAMIZ_RETURN_IF_ERROR(call_.context().StillWanted(std::chrono::steady_clock::now()));
  if (!options_) return WithField(InvalidArgument("the first message must carry options"), "options");
  if (has_chunks_) return InvalidArgument("entries came after a file's bytes: send one or the other");
  TAMIZ_RETURN_IF_ERROR(parts_.budget.Take(share_, message_.ByteSizeLong()));
  call_.pass().AddBytes(message_.ByteSizeLong());
  for (const v1::Entry& given : message_.entries().entries()) {
    const std::uint64_t number = ++entries_seen_;
    StatusOr<lists::Entry> entry = ToEntry(given, "entry");
    if (entry.ok()) {
      collector_.Add(number, *std::move(entry));
    } else {
      collector_.Reject({number, Message(entry.status())});
    }
  }
  return OkStatus();
}

Status ImportCall::Apply() {
  TAMIZ_RETURN_IF_ERROR(call_.context().StillWanted(std::chrono::steady_clock::now()));
  if (has_chunks_) TAMIZ_RETURN_IF_ERROR(reader_->Finish());
  lists::EntryCollector::Collected collected = collector_.Finish();
  parts_.metrics.ImportRows(collected.rows_read - collected.rows_rejected - collected.rows_skipped,
                            collected.rows_rejected, collected.rows_skipped);
  const double largest_share = options_->has_max_rejected_share() ? options_->max_rejected_share()
                                                                  : parts_.settings.max_rejected_share.load();
  const double share = collected.rows_read == 0 ? 0
                                                : static_cast<double>(collected.rows_rejected) /
                                                      static_cast<double>(collected.rows_read);
  // In a small file a few bad rows are a large share: unless the caller set one, a handful does not stop a
  // load.
  const bool is_handful = !options_->has_max_rejected_share() && !collected.entries.empty() &&
                          collected.rows_rejected <= kToleratedRejections;
  if (options_->refuse_unmapped() && collected.rows_unmapped > 0 && !options_->dry_run()) {
    std::string message = fmt::format("{} rows have a category that no rule names; nothing was changed:",
                                      collected.rows_unmapped);
    for (const auto& [category, count] : collected.categories) {
      if (!category.empty() && count.kept_out > 0) {
        message += fmt::format(" {} of category {};", count.kept_out, category);
      }
    }
    return MakeError(StatusCode::kFailedPrecondition, message + " add rules, with labels or to skip them",
                     "UNMAPPED_CATEGORY");
  }
  // A dry run answers with the rows instead: that is what it is for.
  if (share > largest_share && !is_handful && !options_->dry_run()) {
    std::string message = fmt::format(
        "{} of {} rows were rejected, more than the share of {} that is accepted; "
        "nothing was changed.",
        collected.rows_rejected, collected.rows_read, largest_share);
    for (std::size_t i = 0; i < collected.rejections.size() && i < 5; ++i) {
      message += fmt::format(" Line {}: {}.", collected.rejections[i].line, collected.rejections[i].reason);
    }
    return MakeError(StatusCode::kFailedPrecondition, message, "TOO_MANY_REJECTED");
  }
  // An empty file with `replace` would silently empty the list: most likely the file is at fault.
  if (options_->replace() && collected.entries.empty()) {
    return MakeError(
        StatusCode::kFailedPrecondition,
        "the import holds no entry and would empty the list; remove the entries or the list instead",
        "EMPTY_REPLACEMENT");
  }
  store::Change change;
  change.what = "import";
  change.upserts = std::move(collected.entries);
  change.replace = options_->replace();
  store::ChangeCounts counts;
  TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo info,
                         parts_.lists.Apply(options_->list(), change, options_->dry_run(), counts));
  ToProto(info, response_.mutable_list());
  ToProto(collected, &response_);
  if (has_chunks_ && response_.format().empty()) response_.set_format(format_);
  response_.set_entries_added(counts.added);
  response_.set_entries_updated(counts.updated);
  response_.set_entries_removed(counts.removed);
  response_.set_entries_unchanged(counts.unchanged);
  response_.set_dry_run(options_->dry_run());
  return OkStatus();
}

void ImportCall::End(const Status& status) {
  grpc::Status outcome = call_.End(status);
  if (outcome.ok()) outcome = WriteMessage(response_, *answer_);
  Finish(outcome);
}

}  // namespace tamiz::server
