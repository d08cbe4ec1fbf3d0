#include "core/store/list_registry.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/log.h"
#include "core/base/random_id.h"

namespace tamiz::store {
namespace {

std::shared_ptr<const lists::ListSnapshot> FindShared(const lists::Catalog& catalog,
                                                      std::string_view list_id) {
  const auto at = std::find_if(catalog.lists.begin(), catalog.lists.end(),
                               [&](const auto& list) { return list->info.list_id == list_id; });
  return at == catalog.lists.end() ? nullptr : *at;
}

void Sort(lists::Catalog& catalog) {
  std::sort(catalog.lists.begin(), catalog.lists.end(),
            [](const auto& a, const auto& b) { return a->info.name < b->info.name; });
}

// Names the calling thread and puts it behind all others.
void BecomeBackground() {
  ::pthread_setname_np(::pthread_self(), "tamiz-merge");
  constexpr int kLowest = 19;
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowest);  // a wish: failing costs speed only
}

}  // namespace

ListRegistry::ListRegistry(Store& store, const Clock& clock, RegistryOptions options)
    : store_(store),
      clock_(clock),
      options_(std::move(options)),
      current_(std::make_shared<lists::Catalog>()),
      merger_([this](const std::stop_token& stop) { MergeLoop(stop); }) {}

ListRegistry::~ListRegistry() {
  merger_.request_stop();
  MutexLock lock(merge_mutex_);
  merge_wake_.NotifyAll();
}

std::shared_ptr<const lists::Catalog> ListRegistry::Current() const {
  MutexLock lock(mutex_);
  return current_;
}

void ListRegistry::OnSwap(std::function<void(const lists::ListInfo&)> listener) {
  on_swap_ = std::move(listener);
}

void ListRegistry::Tell(const lists::ListInfo& info) const {
  if (on_swap_) on_swap_(info);
}

StatusOr<SnapshotPtr> ListRegistry::MakeSnapshot(const lists::ListInfo& info, const SnapshotPtr& before) {
  if (before && before->info.version == info.version && before->info.digest == info.digest &&
      before->info.policy.quality_floor == info.policy.quality_floor) {
    if (before->info.policy == info.policy && before->info.labels == info.labels &&
        before->info.source_org == info.source_org && before->info.description == info.description) {
      return before;
    }
    // What is indexed is shared.
    auto next = std::make_shared<lists::ListSnapshot>(*before);
    next->info = info;
    return SnapshotPtr(std::move(next));
  }
  // Where few entries changed, they are put beside what is there.
  if (before && before->info.version != 0 && before->info.version < info.version &&
      before->info.policy.quality_floor == info.policy.quality_floor) {
    auto updated = UpdateSnapshot(store_, *before, info, options_.max_delta, clock_.WallNow());
    if (updated.ok()) {
      if ((*updated)->delta_weight() > MergeAt(**updated)) WantMerge(info.list_id);
      return updated;
    }
    if (updated.status().code() != StatusCode::kOutOfRange) {
      LogWarn("a list's changes cannot be followed; it is read whole",
              {{"list", info.name}, {"why", Message(updated.status())}});
    }
  }
  return ReadSnapshot(store_, info, clock_.WallNow());
}

std::size_t ListRegistry::MergeAt(const lists::ListSnapshot& snapshot) const {
  return std::max(options_.merge_from, std::min(snapshot.entry_count() / 8, options_.max_delta / 4));
}

void ListRegistry::WantMerge(std::string_view list_id) {
  MutexLock lock(merge_mutex_);
  if (std::find(merge_wanted_.begin(), merge_wanted_.end(), list_id) != merge_wanted_.end()) return;
  merge_wanted_.emplace_back(list_id);
  merge_wake_.NotifyAll();
}

void ListRegistry::WaitForMerges() {
  MutexLock lock(merge_mutex_);
  while (!merge_wanted_.empty()) merge_idle_.Wait(merge_mutex_);
}

void ListRegistry::MergeLoop(const std::stop_token& stop) {
  BecomeBackground();
  while (!stop.stop_requested()) {
    std::string list_id;
    {
      MutexLock lock(merge_mutex_);
      while (merge_wanted_.empty() && !stop.stop_requested()) merge_wake_.Wait(merge_mutex_);
      if (stop.stop_requested()) return;
      list_id = merge_wanted_.front();
    }
    const Status status = Merge(list_id, stop);
    if (!status.ok() && !stop.stop_requested()) {
      LogWarn("a list's changes could not be merged into its base; they stay beside it",
              {{"list_id", list_id}, {"why", Message(status)}});
    }
    MutexLock lock(merge_mutex_);
    merge_wanted_.erase(merge_wanted_.begin());
    merge_idle_.NotifyAll();
  }
}

Status ListRegistry::Merge(const std::string& list_id, const std::stop_token& stop) {
  const SnapshotPtr start = FindShared(*Current(), list_id);
  if (!start || start->delta_weight() == 0) return OkStatus();
  const auto started = std::chrono::steady_clock::now();
  // Without the lock: changes go on meanwhile, and what they changed is put beside the new base at the end.
  TAMIZ_ASSIGN_OR_RETURN(SnapshotPtr merged, ReadSnapshot(store_, start->info, clock_.WallNow(), stop));
  MutexLock change(change_mutex_);
  const SnapshotPtr now = FindShared(*Current(), list_id);
  if (!now || now->info.policy.quality_floor != start->info.policy.quality_floor ||
      now->base() != start->base()) {
    return OkStatus();  // deleted, or built anew meanwhile
  }
  if (now->info.version != start->info.version) {
    TAMIZ_ASSIGN_OR_RETURN(merged,
                           UpdateSnapshot(store_, *merged, now->info, options_.max_delta, clock_.WallNow()));
  } else if (now != start) {
    auto same = std::make_shared<lists::ListSnapshot>(*merged);
    same->info = now->info;  // the policy
    merged = std::move(same);
  }
  const std::size_t entries = merged->entry_count();
  Swap(list_id, std::move(merged));
  LogInfo("a list's changes were merged into its base",
          {{"list", now->info.name},
           {"version", static_cast<std::int64_t>(now->info.version)},
           {"entries", static_cast<std::int64_t>(entries)},
           {"took_ms",
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started)
                .count()}});
  return OkStatus();
}

void ListRegistry::Swap(std::string_view list_id, SnapshotPtr snapshot) {
  const auto before = Current();
  auto next = std::make_shared<lists::Catalog>(*before);
  ++next->generation;
  std::erase_if(next->lists, [&](const auto& list) { return list->info.list_id == list_id; });
  std::erase_if(next->unavailable, [&](const auto& list) { return list.list_id == list_id; });
  if (snapshot) next->lists.push_back(std::move(snapshot));
  Sort(*next);
  MutexLock lock(mutex_);
  current_ = std::move(next);
}

Status ListRegistry::Publish(const lists::ListInfo& info) {
  auto snapshot = MakeSnapshot(info, FindShared(*Current(), info.list_id));
  if (!snapshot.ok()) {
    LogError("a list's new version is stored and cannot be used; scans keep the one before",
             {{"list", info.name},
              {"version", static_cast<std::int64_t>(info.version)},
              {"why", Message(snapshot.status())}});
    return snapshot.status();
  }
  Swap(info.list_id, *std::move(snapshot));
  return OkStatus();
}

Status ListRegistry::LoadAll() {
  std::vector<lists::ListInfo> loaded;
  {
    MutexLock change(change_mutex_);
    TAMIZ_ASSIGN_OR_RETURN(const std::vector<lists::ListInfo> all, store_.Lists());
    const auto before = Current();
    auto next = std::make_shared<lists::Catalog>();
    next->generation = before->generation + 1;
    for (const lists::ListInfo& info : all) {
      const SnapshotPtr old = FindShared(*before, info.list_id);
      auto snapshot = MakeSnapshot(info, old);
      if (snapshot.ok()) {
        if (*snapshot != old) loaded.push_back(info);
        next->lists.push_back(*std::move(snapshot));
        continue;
      }
      LogError("a list cannot be loaded; scans that need it are incomplete",
               {{"list", info.name},
                {"version", static_cast<std::int64_t>(info.version)},
                {"why", Message(snapshot.status())}});
      next->unavailable.push_back({info.name, info.list_id, Message(snapshot.status())});
    }
    Sort(*next);
    MutexLock lock(mutex_);
    current_ = std::move(next);
  }
  for (const lists::ListInfo& info : loaded) Tell(info);
  return OkStatus();
}

StatusOr<lists::ListInfo> ListRegistry::CreateList(lists::ListInfo info) {
  TAMIZ_RETURN_IF_ERROR(lists::ValidateListName(info.name));
  TAMIZ_RETURN_IF_ERROR(info.policy.Validate());
  if (info.name.starts_with(kReservedPrefix) && !info.built_in) {
    return WithField(
        MakeError(StatusCode::kPermissionDenied,
                  fmt::format("names that begin with '{}' belong to Tamiz itself", kReservedPrefix),
                  "NAME_RESERVED"),
        "name");
  }
  info.list_id = NewUuid();
  lists::ListInfo made;
  {
    MutexLock change(change_mutex_);
    TAMIZ_ASSIGN_OR_RETURN(made, store_.CreateList(info));
    TAMIZ_RETURN_IF_ERROR(Publish(made));
  }
  Tell(made);
  return made;
}

StatusOr<lists::ListInfo> ListRegistry::GetList(std::string_view name_or_id) {
  return store_.GetList(name_or_id);
}

StatusOr<std::vector<lists::ListInfo>> ListRegistry::Lists() { return store_.Lists(); }

StatusOr<lists::ListInfo> ListRegistry::UpdateList(const lists::ListInfo& info) {
  TAMIZ_RETURN_IF_ERROR(info.policy.Validate());
  lists::ListInfo changed;
  {
    MutexLock change(change_mutex_);
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo before,
                           store_.GetList(info.list_id.empty() ? info.name : info.list_id));
    if (!info.name.empty() && info.name != before.name) {
      return WithField(
          InvalidArgument(fmt::format("list '{}' cannot be renamed; make a new one", before.name)), "name");
    }
    lists::ListInfo wanted = info;
    wanted.list_id = before.list_id;
    TAMIZ_ASSIGN_OR_RETURN(changed, store_.UpdateList(wanted));
    TAMIZ_RETURN_IF_ERROR(Publish(changed));
  }
  Tell(changed);
  return changed;
}

Status ListRegistry::DeleteList(std::string_view name_or_id) {
  lists::ListInfo info;
  {
    MutexLock change(change_mutex_);
    TAMIZ_ASSIGN_OR_RETURN(info, store_.GetList(name_or_id));
    if (info.built_in) {
      return MakeError(StatusCode::kFailedPrecondition,
                       fmt::format("list '{}' belongs to Tamiz itself: the self-test needs it", info.name),
                       "LIST_BUILT_IN");
    }
    TAMIZ_RETURN_IF_ERROR(store_.DeleteList(info.list_id));
    Swap(info.list_id, nullptr);
  }
  Tell(info);
  return OkStatus();
}

StatusOr<lists::ListInfo> ListRegistry::Apply(std::string_view name_or_id, const Change& change, bool dry_run,
                                              ChangeCounts& counts) {
  counts = {};
  for (const lists::Entry& entry : change.upserts) {
    if (const std::string fault = lists::FaultOf(entry); !fault.empty()) {
      return InvalidArgument(
          fmt::format("entry {} of the change: {}", &entry - change.upserts.data() + 1, fault));
    }
  }
  lists::ListInfo changed;
  {
    MutexLock lock(change_mutex_);
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo before, store_.GetList(name_or_id));
    // A change of damaged contents would get a digest of its own and so pass for sound.
    const auto catalog = Current();
    const bool is_unavailable = std::any_of(catalog->unavailable.begin(), catalog->unavailable.end(),
                                            [&](const auto& list) { return list.list_id == before.list_id; });
    if (is_unavailable && !change.replace) {
      return MakeError(
          StatusCode::kFailedPrecondition,
          fmt::format("list '{}' could not be loaded; import it whole (replace), roll it back to a sound "
                      "version, or restore the database",
                      before.name),
          "LIST_UNAVAILABLE");
    }
    TAMIZ_ASSIGN_OR_RETURN(changed, store_.Apply(before.list_id, change, dry_run, counts));
    if (dry_run || changed.version == before.version) return changed;
    TAMIZ_RETURN_IF_ERROR(Publish(changed));
  }
  Tell(changed);
  return changed;
}

StatusOr<lists::ListInfo> ListRegistry::Rollback(std::string_view name_or_id, std::uint64_t version) {
  lists::ListInfo changed;
  {
    MutexLock change(change_mutex_);
    TAMIZ_ASSIGN_OR_RETURN(const lists::ListInfo before, store_.GetList(name_or_id));
    TAMIZ_ASSIGN_OR_RETURN(changed, store_.Rollback(before.list_id, version));
    if (changed.version == before.version) return changed;
    TAMIZ_RETURN_IF_ERROR(Publish(changed));
  }
  Tell(changed);
  return changed;
}

}  // namespace tamiz::store
