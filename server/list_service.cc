#include "server/list_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <set>

#include "core/base/log.h"
#include "core/lists/crop_id.h"
#include "core/match/matcher.h"
#include "server/import_call.h"
#include "server/intake.h"
#include "server/proto_convert.h"
#include "server/rpc_call.h"

namespace tamiz::server {
namespace {

constexpr std::uint32_t kDefaultPage = 100;
constexpr std::uint32_t kLargestPage = 1000;
constexpr int kMaxEntries = 10'000;  // of one AddEntries or RemoveEntries; more is an import
constexpr int kMaxMedia = 64;

Status NeedsList(const std::string& list) {
  if (!list.empty()) return OkStatus();
  return WithField(InvalidArgument("list is empty; give its name or identifier"), "list");
}

Status TwiceIn(const std::string& id, std::string_view field) {
  return WithField(InvalidArgument(fmt::format("entry \"{}\" is given twice", id)), field);
}

// What the list's policy is expected to cost, as docs/CONFIDENCE.md explains.
void FillCosts(const lists::ListInfo& info, const ServiceParts& parts, v1::HashList* list) {
  const std::shared_ptr<const lists::Catalog> catalog = parts.lists.Current();
  const lists::ListSnapshot* snapshot = catalog->Find(info.list_id);
  const std::uint64_t hashes = snapshot == nullptr ? info.entry_count : snapshot->pdq_count();
  const lists::ListPolicy& policy = info.policy;
  const calibration::Calibration::Looks looks{.orientations = policy.orientations,
                                              .border_removed = policy.border_removal,
                                              .regions = policy.find_regions,
                                              .straightened = policy.straighten};
  const std::shared_ptr<const calibration::Calibration> calibration = parts.scanner.calibration();
  list->set_pdq_hashes(hashes);
  list->set_expected_false_positives_per_million(
      calibration->FalsePositivesPerMillion(policy.radius, hashes, looks));
  list->set_expected_reviews_per_million(
      calibration->FalsePositivesPerMillion(policy.review_radius.value_or(policy.radius), hashes, looks));
  list->set_confidence_at_radius(
      calibration->Probability({.distance = policy.radius, .list_hashes = hashes, .queries = 8}));
}

using CropRects = std::vector<match::RelativeRect>;

CropRects StoredCrops() {
  CropRects rects;
  for (const lists::CropRect& crop : lists::kStoredCrops) {
    rects.push_back({crop.left / 1000.0, crop.top / 1000.0, crop.width / 1000.0, crop.height / 1000.0});
  }
  return rects;
}

// Adds the identifiers that crops of an entry have, whether there are any or not.
void AddCropsOf(const std::string& entry_id, std::vector<std::string>& ids) {
  if (lists::ParseCropId(entry_id)) return;
  for (const lists::CropRect& crop : lists::kStoredCrops) ids.push_back(lists::CropId(entry_id, crop));
}

}  // namespace

Status MayChange(const lists::ListInfo& info) {
  if (!info.built_in) return OkStatus();
  return MakeError(
      StatusCode::kFailedPrecondition,
      fmt::format("list \"{}\" belongs to Tamiz itself and cannot be changed: the self-test needs it",
                  info.name),
      "LIST_BUILT_IN");
}

// Whatever reads or changes the store: never on a gRPC thread.
template <typename Work>
grpc::ServerUnaryReactor* ListService::OnChanges(grpc::CallbackServerContext* context, Work work) {
  return RunUnary(
      context, [&](work::Task task) { return parts_.changes.Submit(std::move(task)); }, std::move(work));
}

grpc::ServerUnaryReactor* ListService::CreateList(grpc::CallbackServerContext* context,
                                                  const v1::CreateListRequest* request,
                                                  v1::CreateListResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    TAMIZ_ASSIGN_OR_RETURN(lists::ListInfo info, ToListInfo(*request));
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo made, parts_.lists.CreateList(std::move(info)));
    ToProto(made, response->mutable_list());
    FillCosts(made, parts_, response->mutable_list());
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::GetList(grpc::CallbackServerContext* context,
                                               const v1::GetListRequest* request,
                                               v1::GetListResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo info, parts_.lists.GetList(request->list()));
    ToProto(info, response->mutable_list());
    const std::shared_ptr<const lists::Catalog> catalog = parts_.lists.Current();
    if (const lists::ListSnapshot* loaded = catalog->Find(info.list_id); loaded != nullptr) {
      ToProto(*loaded, *catalog, response->mutable_loaded());
    }
    FillCosts(info, parts_, response->mutable_list());
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::ListLists(grpc::CallbackServerContext* context,
                                                 const v1::ListListsRequest* request,
                                                 v1::ListListsResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    if (request->page_size() > kLargestPage) {
      return WithField(InvalidArgument(fmt::format("page_size is {}; at most {} is accepted",
                                                   request->page_size(), kLargestPage)),
                       "page_size");
    }
    const std::size_t page = request->page_size() == 0 ? kDefaultPage : request->page_size();
    TAMIZ_ASSIGN_OR_RETURN(const std::vector<lists::ListInfo> all, parts_.lists.Lists());
    // The token is the last name of the page before: lists that come and go in between shift nothing.
    for (const lists::ListInfo& info : all) {
      if (!request->page_token().empty() && info.name <= request->page_token()) continue;
      if (static_cast<std::size_t>(response->lists_size()) == page) {
        response->set_next_page_token(response->lists(response->lists_size() - 1).name());
        break;
      }
      v1::HashList* list = response->add_lists();
      ToProto(info, list);
      FillCosts(info, parts_, list);
    }
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::UpdateList(grpc::CallbackServerContext* context,
                                                  const v1::UpdateListRequest* request,
                                                  v1::UpdateListResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    const auto change = [&](lists::ListInfo& info) -> Status {
      TAMIZ_RETURN_IF_ERROR(MayChange(info));
      return ApplyUpdate(*request, info);
    };
    StatusOr<lists::ListInfo> updated = request->dry_run() ? parts_.lists.GetList(request->list())
                                                           : parts_.lists.ChangeList(request->list(), change);
    if (updated.ok() && request->dry_run()) TAMIZ_RETURN_IF_ERROR(change(*updated));
    TAMIZ_RETURN_IF_ERROR(updated.status());
    ToProto(*updated, response->mutable_list());
    FillCosts(*updated, parts_, response->mutable_list());
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::DeleteList(grpc::CallbackServerContext* context,
                                                  const v1::DeleteListRequest* request,
                                                  v1::DeleteListResponse*) {
  return OnChanges(context, [this, request](RpcCall&) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    return parts_.lists.DeleteList(request->list());
  });
}

grpc::ServerReadReactor<grpc::ByteBuffer>* ListService::ImportEntries(grpc::CallbackServerContext* context,
                                                                      grpc::ByteBuffer* response) {
  return new ImportCall(context, response, parts_);
}

Status ListService::HashMedia(const v1::EntryMedia& media, const std::string& field,
                              const CallContext& context, lists::Entry& entry,
                              std::vector<lists::Entry>* crops) {
  const auto refuse = [&](const std::string& why) {
    return WithField(InvalidArgument(fmt::format("{} (entry \"{}\"): {}", field, entry.id, why)), field);
  };
  if (media.source_case() == v1::EntryMedia::SOURCE_NOT_SET) return refuse("no source: set content or uri");
  scan::ScanInput input;
  input.uri = media.uri();
  TAMIZ_RETURN_IF_ERROR(parts_.scanner.Validate(input));
  if (media.has_content()) {
    TAMIZ_RETURN_IF_ERROR(BringIn(media.content(), parts_.source, parts_.budget, input));
  }
  TAMIZ_ASSIGN_OR_RETURN(const scan::ScanOutput output,
                         parts_.scanner.Hash(std::move(input), context, std::chrono::steady_clock::now(),
                                             crops != nullptr ? StoredCrops() : CropRects()));
  // Half a picture makes a bad reference: whatever could not be looked at refuses the entry.
  if (!output.conclusion.reasons.empty()) {
    const media::IncompleteReason& reason = output.conclusion.reasons.front();
    return refuse(fmt::format("{}: {}", media::ToString(reason.code), reason.detail));
  }
  if (output.conclusion.frames_hashed == 0) {
    return refuse("LOW_QUALITY: no frame carries enough structure for a perceptual hash");
  }
  const auto add = [&](lists::HashType type, const auto& bytes) {
    lists::EntryHash hash;
    hash.type = type;
    hash.value.assign(bytes.begin(), bytes.end());
    entry.hashes.push_back(std::move(hash));
  };
  add(lists::HashType::kMd5, output.digests.md5);
  add(lists::HashType::kSha1, output.digests.sha1);
  add(lists::HashType::kSha256, output.digests.sha256);
  const bool moving = output.media.animated || output.media.duration.count() > 0;
  // What hangs on it, such as cover art, is not what the entry stands for, unless it is all there is.
  const bool has_own = std::ranges::any_of(output.hashes, [](const auto& frame) { return frame.part == 0; });
  for (const scan::FrameHash& frame : output.hashes) {
    if (has_own && frame.part > 0) continue;
    add(lists::HashType::kPdq, frame.pdq.hashes[0].ToBytes());
    entry.hashes.back().quality = static_cast<std::uint32_t>(std::clamp(frame.pdq.quality, 0, 100));
    if (moving) {
      entry.hashes.back().time_ms = static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(frame.time).count());
    }
  }
  if (const std::string fault = lists::FaultOf(entry); !fault.empty()) return refuse(fault);
  if (crops == nullptr || moving) return OkStatus();
  for (const scan::CropHash& crop : output.crops) {
    if (crop.quality < match::kDefaultQualityFloor) continue;
    lists::Entry kept = entry;
    const auto thousandths = [](double share) {
      return static_cast<std::uint32_t>(std::lround(1000 * share));
    };
    kept.id = lists::CropId(entry.id, {thousandths(crop.rect.left), thousandths(crop.rect.top),
                                       thousandths(crop.rect.width), thousandths(crop.rect.height)});
    lists::EntryHash hash;
    const auto bytes = crop.hash.ToBytes();
    hash.value.assign(bytes.begin(), bytes.end());
    hash.quality = static_cast<std::uint32_t>(std::clamp(crop.quality, 0, 100));
    kept.hashes = {std::move(hash)};
    if (const std::string fault = lists::FaultOf(kept); !fault.empty()) return refuse(fault);
    crops->push_back(std::move(kept));
  }
  return OkStatus();
}

grpc::ServerUnaryReactor* ListService::AddEntries(grpc::CallbackServerContext* context,
                                                  const v1::AddEntriesRequest* request,
                                                  v1::AddEntriesResponse* response) {
  return StartUnary(context, [&](UnaryCall& call) { BeginAddEntries(request, response, &call); });
}

void ListService::BeginAddEntries(const v1::AddEntriesRequest* request, v1::AddEntriesResponse* response,
                                  UnaryCall* call) {
  // Checked here, so that nothing is hashed for a request that fails anyway.
  store::Change change;
  change.what = "add";
  const Status checked = [&]() -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    if (request->entries().empty() && request->media().empty()) {
      return WithField(InvalidArgument("entries and media are empty; at least one entry is needed"),
                       "entries");
    }
    if (request->entries_size() > kMaxEntries) {
      return WithField(InvalidArgument(fmt::format("{} entries; at most {} are accepted, more is an import",
                                                   request->entries_size(), kMaxEntries)),
                       "entries");
    }
    if (request->media_size() > kMaxMedia) {
      return WithField(
          InvalidArgument(fmt::format("{} media; at most {} are accepted", request->media_size(), kMaxMedia)),
          "media");
    }
    std::set<std::string> ids;
    for (int i = 0; i < request->entries_size(); ++i) {
      TAMIZ_ASSIGN_OR_RETURN(lists::Entry entry, ToEntry(request->entries(i), fmt::format("entries[{}]", i)));
      if (!ids.insert(entry.id).second) return TwiceIn(entry.id, "entries");
      change.upserts.push_back(std::move(entry));
    }
    for (int i = 0; i < request->media_size(); ++i) {
      TAMIZ_ASSIGN_OR_RETURN(lists::Entry entry,
                             ToEntry(request->media(i).entry(), fmt::format("media[{}].entry", i), false));
      if (!ids.insert(entry.id).second) return TwiceIn(entry.id, "media");
      change.upserts.push_back(std::move(entry));
    }
    // Crops of what is replaced go with it.
    for (const std::string& id : ids) AddCropsOf(id, change.removals);
    return OkStatus();
  }();
  if (!checked.ok()) return call->End(checked);
  call->call().pass().AddBytes(request->ByteSizeLong());
  const auto apply = [this, request, response, call](const store::Change& wanted) {
    store::ChangeCounts counts;
    StatusOr<lists::ListInfo> info = parts_.lists.GetList(request->list());
    if (info.ok()) {
      const Status may = MayChange(*info);
      info = may.ok() ? parts_.lists.Apply(request->list(), wanted, false, counts) : may;
    }
    if (info.ok()) {
      ToProto(*info, response->mutable_list());
      response->set_entries_added(counts.added);
      response->set_entries_updated(counts.updated);
    }
    call->End(info.status());
  };
  // Media are hashed on a scanning slot; the change itself is list work.
  const auto submit_change = [this, call, apply](store::Change wanted) {
    const Status refused = parts_.changes.Submit([apply, wanted = std::move(wanted)] { apply(wanted); });
    if (!refused.ok()) call->End(refused);
  };
  if (request->media().empty()) return submit_change(std::move(change));
  source::ByteBudget::Share share;
  for (const v1::EntryMedia& media : request->media()) {
    if (const Status status = parts_.budget.Take(share, media.content().size()); !status.ok()) {
      return call->End(status);
    }
  }
  const Status refused = parts_.admission.Submit(
      work::Lane::kLive,
      [this, request, call, submit_change, wanted = std::move(change), share = std::move(share)]() mutable {
        const auto first = wanted.upserts.size() - static_cast<std::size_t>(request->media_size());
        std::vector<lists::Entry> crops;
        for (int i = 0; i < request->media_size(); ++i) {
          const Status status = HashMedia(
              request->media(i), fmt::format("media[{}]", i), call->call().context(),
              wanted.upserts[first + static_cast<std::size_t>(i)], request->store_crops() ? &crops : nullptr);
          if (!status.ok()) return call->End(status);
        }
        std::ranges::move(crops, std::back_inserter(wanted.upserts));
        submit_change(std::move(wanted));
      });
  if (!refused.ok()) call->End(refused);
}

grpc::ServerUnaryReactor* ListService::RemoveEntries(grpc::CallbackServerContext* context,
                                                     const v1::RemoveEntriesRequest* request,
                                                     v1::RemoveEntriesResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    if (request->entry_ids().empty() || request->entry_ids_size() > kMaxEntries) {
      return WithField(InvalidArgument(fmt::format("{} entry_ids; 1 to {} are accepted",
                                                   request->entry_ids_size(), kMaxEntries)),
                       "entry_ids");
    }
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo before, parts_.lists.GetList(request->list()));
    TAMIZ_RETURN_IF_ERROR(MayChange(before));
    store::Change change;
    change.what = "remove";
    // The entries are looked for first; if the list changes in between, nothing is removed (ABORTED).
    change.expected_version = before.version;
    for (const std::string& id : request->entry_ids()) {
      if (const auto entry = parts_.store.GetEntry(before.list_id, id); !entry.ok()) return entry.status();
      change.removals.push_back(id);
      AddCropsOf(id, change.removals);
    }
    store::ChangeCounts counts;
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo after,
                           parts_.lists.Apply(before.list_id, change, false, counts));
    ToProto(after, response->mutable_list());
    response->set_entries_removed(counts.removed);
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::DisableEntry(grpc::CallbackServerContext* context,
                                                    const v1::DisableEntryRequest* request,
                                                    v1::DisableEntryResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall& call) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo before, parts_.lists.GetList(request->list()));
    TAMIZ_RETURN_IF_ERROR(MayChange(before));
    TAMIZ_ASSIGN_OR_RETURN(lists::Entry entry, parts_.store.GetEntry(before.list_id, request->entry_id()));
    const WallTime now = Clock::System().WallNow();
    TAMIZ_ASSIGN_OR_RETURN(lists::Hold hold, ToHold(*request, now));
    hold.actor = call.pass().principal();
    TAMIZ_ASSIGN_OR_RETURN(
        lists::ListInfo after,
        parts_.lists.ChangeExceptions(before.list_id, [&](lists::Exceptions& exceptions) -> Status {
          if (!request->enable()) return exceptions.Put(hold);
          exceptions.Remove(lists::HoldKind::kDisabled, entry.id, now, hold.reason, hold.actor);
          return OkStatus();
        }));
    LogInfo(request->enable() ? "entry enabled" : "entry disabled",
            {{"list", after.name}, {"entry", entry.id}, {"reason", hold.reason}, {"actor", hold.actor}});
    if (request->enable() && entry.disabled) {
      // Its file said so: that is the list's contents, and changes with a version.
      entry.disabled = false;
      store::Change change;
      change.what = "enable";
      change.expected_version = before.version;  // at which the entry was read
      change.upserts.push_back(std::move(entry));
      store::ChangeCounts counts;
      TAMIZ_ASSIGN_OR_RETURN(after, parts_.lists.Apply(before.list_id, change, false, counts));
    }
    ToProto(after, response->mutable_list());
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::ListHolds(grpc::CallbackServerContext* context,
                                                 const v1::ListHoldsRequest* request,
                                                 v1::ListHoldsResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo info, parts_.lists.GetList(request->list()));
    const WallTime now = Clock::System().WallNow();
    for (const lists::Hold& hold : info.policy.exceptions.holds()) {
      if (!hold.until || *hold.until > now) ToProto(hold, response->add_holds());
    }
    for (const lists::HoldEvent& event : info.policy.exceptions.events())
      ToProto(event, response->add_events());
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::ResetBreaker(grpc::CallbackServerContext* context,
                                                    const v1::ResetBreakerRequest* request,
                                                    v1::ResetBreakerResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall& call) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    TAMIZ_RETURN_IF_ERROR(lists::Exceptions::CheckReason(request->reason()));
    const WallTime now = Clock::System().WallNow();
    std::uint32_t reset = 0;
    TAMIZ_ASSIGN_OR_RETURN(
        const lists::ListInfo after,
        parts_.lists.ChangeExceptions(request->list(), [&](lists::Exceptions& exceptions) {
          std::vector<std::string> ids;
          for (const lists::Hold& hold : exceptions.holds()) {
            const bool is_meant = request->entry_id().empty() || hold.entry_id == request->entry_id();
            if (hold.kind == lists::HoldKind::kBreaker && is_meant) ids.push_back(hold.entry_id);
          }
          for (const std::string& id : ids) {
            exceptions.Remove(lists::HoldKind::kBreaker, id, now, request->reason(), call.pass().principal());
          }
          reset = static_cast<std::uint32_t>(ids.size());
          return OkStatus();
        }));
    if (reset == 0) {
      return MakeError(StatusCode::kNotFound,
                       fmt::format("no breaker of list \"{}\" has tripped{}", after.name,
                                   request->entry_id().empty() ? "" : " for this entry"),
                       "NOT_TRIPPED");
    }
    parts_.scanner.ForgetHits(after.list_id, request->entry_id());
    LogInfo("breaker reset",
            {{"list", after.name}, {"entry", request->entry_id()}, {"reason", request->reason()}});
    ToProto(after, response->mutable_list());
    response->set_reset(reset);
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::GetEntry(grpc::CallbackServerContext* context,
                                                const v1::GetEntryRequest* request,
                                                v1::GetEntryResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo info, parts_.lists.GetList(request->list()));
    TAMIZ_ASSIGN_OR_RETURN(const lists::Entry entry,
                           parts_.store.GetEntry(info.list_id, request->entry_id()));
    ToProto(entry, false, response->mutable_entry());
    const WallTime now = Clock::System().WallNow();
    for (const lists::Hold& hold : info.policy.exceptions.holds()) {
      const bool is_in_force = !hold.until || *hold.until > now;
      if ((hold.entry_id == entry.id || hold.entry_id.empty()) && is_in_force) {
        ToProto(hold, response->mutable_entry()->add_holds());
      }
    }
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::ListVersions(grpc::CallbackServerContext* context,
                                                    const v1::ListVersionsRequest* request,
                                                    v1::ListVersionsResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo info, parts_.lists.GetList(request->list()));
    TAMIZ_ASSIGN_OR_RETURN(const std::vector<lists::VersionInfo> versions,
                           parts_.store.Versions(info.list_id));
    for (const lists::VersionInfo& version : versions) {
      v1::ListVersion* added = response->add_versions();
      added->set_version(version.version);
      added->set_digest(version.digest);
      added->set_entry_count(version.entry_count);
      ToProto(version.created_at, added->mutable_created_at());
      added->set_change(version.change);
      added->set_current(version.version == info.version);
    }
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::RollbackList(grpc::CallbackServerContext* context,
                                                    const v1::RollbackListRequest* request,
                                                    v1::RollbackListResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    if (request->version() == 0) {
      return WithField(InvalidArgument("version is 0; versions begin at 1"), "version");
    }
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo before, parts_.lists.GetList(request->list()));
    TAMIZ_RETURN_IF_ERROR(MayChange(before));
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo info,
                           parts_.lists.Rollback(request->list(), request->version()));
    ToProto(info, response->mutable_list());
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::ApproveChange(grpc::CallbackServerContext* context,
                                                     const v1::ApproveChangeRequest* request,
                                                     v1::ApproveChangeResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    store::ChangeCounts counts;
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo info,
                           parts_.exchanges.Approve(request->list(), request->reject(), counts));
    ToProto(info, response->mutable_list());
    response->set_added(counts.added);
    response->set_updated(counts.updated);
    response->set_removed(counts.removed);
    LogInfo(request->reject() ? "waiting change rejected" : "waiting change approved",
            {{"list", info.name},
             {"added", static_cast<std::int64_t>(counts.added)},
             {"removed", static_cast<std::int64_t>(counts.removed)}});
    return OkStatus();
  });
}

grpc::ServerUnaryReactor* ListService::DiffVersions(grpc::CallbackServerContext* context,
                                                    const v1::DiffVersionsRequest* request,
                                                    v1::DiffVersionsResponse* response) {
  return OnChanges(context, [this, request, response](RpcCall&) -> Status {
    TAMIZ_RETURN_IF_ERROR(NeedsList(request->list()));
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo info, parts_.lists.GetList(request->list()));
    const std::uint64_t to = request->to_version() == 0 ? info.version : request->to_version();
    TAMIZ_ASSIGN_OR_RETURN(const store::VersionDiff diff,
                           parts_.store.Diff(info.list_id, request->from_version(), to));
    ToProto(diff, response);
    return OkStatus();
  });
}

}  // namespace tamiz::server
