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
#include "core/lists/snapshot_file.h"

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

// Says so where a list came to hold hashes that are probably of no picture.
void WarnOfSuspects(const lists::ListSnapshot* before, const lists::ListSnapshot& now) {
  const lists::SuspectHashes suspects = now.suspects();
  if (suspects.flat == 0 && suspects.shared == 0) return;
  if (before != nullptr && before->suspects() == suspects) return;
  LogWarn("a list holds hashes that are probably of no picture; they match many uploads: ask its source",
          {{"list", now.info.name},
           {"version", static_cast<std::int64_t>(now.info.version)},
           {"flat", static_cast<std::int64_t>(suspects.flat)},
           {"shared", static_cast<std::int64_t>(suspects.shared)},
           {"shared_values", static_cast<std::int64_t>(suspects.shared_values)}});
}

std::int64_t MillisecondsSince(std::chrono::steady_clock::time_point started) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - started)
      .count();
}

constexpr std::string_view kSnapshotSuffix = ".snapshot";
constexpr unsigned kMaxLoadThreads = 4;

std::shared_ptr<const lists::Catalog> EmptyCatalog(std::shared_ptr<const lists::Freshness> freshness) {
  auto catalog = std::make_shared<lists::Catalog>();
  catalog->freshness = std::move(freshness);
  return catalog;
}

}  // namespace

ListRegistry::ListRegistry(Store& store, const Clock& clock, RegistryOptions options)
    : store_(store),
      clock_(clock),
      options_(std::move(options)),
      freshness_(std::make_shared<lists::Freshness>()),
      saves_snapshots_(!options_.snapshot_dir.empty()),
      current_(EmptyCatalog(freshness_)),
      merger_([this](const std::stop_token& stop) { MergeLoop(stop); }) {}

ListRegistry::~ListRegistry() { StopTidying(); }

void ListRegistry::StopTidying() {
  if (!merger_.joinable()) return;
  merger_.request_stop();
  {
    MutexLock lock(merge_mutex_);
    merge_wake_.NotifyAll();
  }
  merger_.join();
}

void ListRegistry::Confirm(std::string_view list_id, WallTime at) {
  freshness_->Confirm(list_id, at, clock_.WallNow());
}

std::shared_ptr<const lists::Catalog> ListRegistry::Current() const {
  MutexLock lock(mutex_);
  return current_;
}

void ListRegistry::OnSwap(std::function<void(const lists::ListInfo&)> listener) {
  on_swap_ = std::move(listener);
}

void ListRegistry::Configure(bool save_snapshots, std::uint64_t keep_versions) {
  saves_snapshots_ = save_snapshots && !options_.snapshot_dir.empty();
  keep_versions_ = keep_versions;
}

void ListRegistry::ForgetOldVersions(const lists::ListInfo& info) {
  const std::uint64_t keep = keep_versions_;
  const SnapshotPtr snapshot = FindShared(*Current(), info.list_id);
  if (keep == 0 || info.version <= keep || !snapshot) return;
  // The base's version stays: a start goes on from it.
  const std::uint64_t oldest = std::min(info.version - keep + 1, snapshot->base_info().version);
  const auto deleted = store_.DeleteVersionsBefore(info.list_id, oldest);
  if (!deleted.ok()) {
    LogWarn("old versions of a list could not be deleted",
            {{"list", info.name}, {"why", Message(deleted.status())}});
  }
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
    if (updated.ok()) return updated;
    if (updated.status().code() != StatusCode::kOutOfRange) {
      LogWarn("a list's changes cannot be followed; it is read whole",
              {{"list", info.name}, {"why", Message(updated.status())}});
    }
  }
  if (!before) {
    if (SnapshotPtr saved = LoadSaved(info)) return saved;
  }
  return ReadSnapshot(store_, info, clock_.WallNow());
}

std::filesystem::path ListRegistry::FileOf(std::string_view list_id) const {
  return options_.snapshot_dir / fmt::format("{}{}", list_id, kSnapshotSuffix);
}

SnapshotPtr ListRegistry::LoadSaved(const lists::ListInfo& info) {
  if (!saves_snapshots_ || info.version == 0) return nullptr;
  const auto started = std::chrono::steady_clock::now();
  const std::filesystem::path path = FileOf(info.list_id);
  const unsigned threads = std::clamp(std::thread::hardware_concurrency(), 1u, kMaxLoadThreads);
  auto saved = lists::LoadSnapshot(path, info, clock_.WallNow(), threads);
  std::uint64_t saved_version = 0;
  if (saved.ok()) {
    saved_version = (*saved)->info.version;
    if (saved_version > info.version) {
      saved =
          MakeError(StatusCode::kFailedPrecondition,
                    fmt::format("it is of version {}, and the store is at {}", saved_version, info.version));
    } else if (saved_version < info.version) {
      // Checked by the digest that the changes must lead to.
      saved = UpdateSnapshot(store_, **saved, info, options_.max_delta, clock_.WallNow());
    } else if ((*saved)->info.digest != info.digest) {
      saved = MakeError(StatusCode::kFailedPrecondition, "the store's contents of this version are others");
    }
  }
  if (!saved.ok()) {
    if (saved.status().code() != StatusCode::kNotFound || saved_version != 0) {
      LogWarn("a saved snapshot cannot be used; the list is read from the store",
              {{"list", info.name}, {"file", path.string()}, {"why", Message(saved.status())}});
    }
    return nullptr;
  }
  {
    MutexLock lock(merge_mutex_);
    saved_[info.list_id] = saved_version;
  }
  LogInfo("a list was loaded from its saved snapshot",
          {{"list", info.name},
           {"version", static_cast<std::int64_t>(info.version)},
           {"saved_version", static_cast<std::int64_t>(saved_version)},
           {"took_ms", MillisecondsSince(started)}});
  return *std::move(saved);
}

Status ListRegistry::Save(const std::string& list_id) {
  const SnapshotPtr snapshot = FindShared(*Current(), list_id);
  if (!saves_snapshots_ || !snapshot || !snapshot->base() ||
      snapshot->base()->entries.size() < options_.snapshot_from) {
    return OkStatus();
  }
  const std::uint64_t version = snapshot->base_info().version;
  {
    MutexLock lock(merge_mutex_);
    const auto saved = saved_.find(list_id);
    if (saved != saved_.end() && saved->second == version) return OkStatus();
  }
  const auto started = std::chrono::steady_clock::now();
  std::error_code error;
  if (std::filesystem::create_directories(options_.snapshot_dir, error)) {
    std::filesystem::permissions(options_.snapshot_dir, std::filesystem::perms::owner_all, error);
  }
  const std::filesystem::path path = FileOf(list_id);
  TAMIZ_RETURN_IF_ERROR(lists::SaveSnapshot(*snapshot, path));
  {
    MutexLock lock(merge_mutex_);
    saved_[list_id] = version;
  }
  LogInfo("a list's snapshot was saved", {{"list", snapshot->info.name},
                                          {"version", static_cast<std::int64_t>(version)},
                                          {"took_ms", MillisecondsSince(started)}});
  // What is only read for answers need not stay in memory: the file has it.
  MutexLock change(change_mutex_);
  const SnapshotPtr now = FindShared(*Current(), list_id);
  if (!now) {  // deleted meanwhile
    std::filesystem::remove(path, error);
    return OkStatus();
  }
  if (now->base() != snapshot->base()) return OkStatus();
  TAMIZ_ASSIGN_OR_RETURN(SnapshotPtr mapped, lists::MapAnswers(*now, path));
  Swap(list_id, std::move(mapped));
  return OkStatus();
}

void ListRegistry::RemoveStrayFiles() {
  if (options_.snapshot_dir.empty()) return;
  const auto catalog = Current();
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(options_.snapshot_dir, error)) {
    const std::string name = file.path().filename().string();
    const std::string_view list_id = std::string_view(name).substr(0, name.find('.'));
    const bool is_ours =
        name.ends_with(kSnapshotSuffix) || name.ends_with(fmt::format("{}.new", kSnapshotSuffix));
    const bool is_wanted =
        saves_snapshots_ && name.ends_with(kSnapshotSuffix) && FindShared(*catalog, list_id) != nullptr;
    if (is_ours && !is_wanted) std::filesystem::remove(file.path(), error);
  }
}

std::size_t ListRegistry::MergeAt(const lists::ListSnapshot& snapshot) const {
  return std::max(options_.merge_from, std::min(snapshot.entry_count() / 8, options_.max_delta / 4));
}

void ListRegistry::TidyWhereDue(const lists::ListSnapshot& snapshot) {
  const std::string& list_id = snapshot.info.list_id;
  const bool is_merge_due = snapshot.delta_weight() > MergeAt(snapshot);
  MutexLock lock(merge_mutex_);
  const auto saved = saved_.find(list_id);
  const bool is_save_due = saves_snapshots_ && snapshot.base() &&
                           snapshot.base()->entries.size() >= options_.snapshot_from &&
                           (saved == saved_.end() || saved->second != snapshot.base_info().version);
  if (!is_merge_due && !is_save_due) return;
  // The first is at work, and what it works on may be older.
  const auto waiting = merge_wanted_.begin() + (merge_wanted_.empty() ? 0 : 1);
  if (std::find(waiting, merge_wanted_.end(), list_id) != merge_wanted_.end()) return;
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
    const SnapshotPtr before = FindShared(*Current(), list_id);
    if (const Status status = Merge(list_id, stop); !status.ok() && !stop.stop_requested()) {
      LogWarn("a list's changes could not be merged into its base; they stay beside it",
              {{"list_id", list_id}, {"why", Message(status)}});
    }
    if (stop.stop_requested()) return;
    if (const Status status = Save(list_id); !status.ok()) {
      LogWarn("a list's snapshot could not be saved; the next start reads the list from the store",
              {{"list_id", list_id}, {"why", Message(status)}});
    }
    const SnapshotPtr after = FindShared(*Current(), list_id);
    if (before && after && before->base() != after->base() && !stop.stop_requested()) Tell(after->info);
    MutexLock lock(merge_mutex_);
    merge_wanted_.erase(merge_wanted_.begin());
    merge_idle_.NotifyAll();
  }
}

Status ListRegistry::Merge(const std::string& list_id, const std::stop_token& stop) {
  const SnapshotPtr start = FindShared(*Current(), list_id);
  if (!start || start->delta_weight() <= MergeAt(*start)) return OkStatus();
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
           {"took_ms", MillisecondsSince(started)}});
  return OkStatus();
}

void ListRegistry::Swap(std::string_view list_id, SnapshotPtr snapshot) {
  if (snapshot) WarnOfSuspects(FindShared(*Current(), list_id).get(), *snapshot);
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
  const SnapshotPtr before = FindShared(*Current(), info.list_id);
  auto snapshot = MakeSnapshot(info, before);
  if (!snapshot.ok()) {
    LogError("a list's new version is stored and cannot be used; scans keep the one before",
             {{"list", info.name},
              {"version", static_cast<std::int64_t>(info.version)},
              {"why", Message(snapshot.status())}});
    return snapshot.status();
  }
  if (*snapshot == before) return OkStatus();  // nothing that scans see
  Swap(info.list_id, *snapshot);
  TidyWhereDue(**snapshot);  // what the background works on is what scans see
  return OkStatus();
}

Status ListRegistry::LoadAll() {
  std::vector<lists::ListInfo> news;
  Status failed;
  {
    MutexLock change(change_mutex_);
    TAMIZ_ASSIGN_OR_RETURN(const std::vector<lists::ListInfo> all, store_.Lists());
    const auto before = Current();
    auto next = std::make_shared<lists::Catalog>();
    next->freshness = freshness_;
    next->generation = before->generation + 1;
    for (const lists::ListInfo& info : all) {
      const SnapshotPtr old = FindShared(*before, info.list_id);
      auto snapshot = MakeSnapshot(info, old);
      if (snapshot.ok()) {
        if (*snapshot != old) {
          news.push_back(info);
          WarnOfSuspects(old.get(), **snapshot);
        }
        next->lists.push_back(*std::move(snapshot));
        continue;
      }
      if (old != nullptr) {
        LogError("a list's new version cannot be loaded; scans keep the one before",
                 {{"list", info.name},
                  {"version", static_cast<std::int64_t>(info.version)},
                  {"why", Message(snapshot.status())}});
        failed.Update(snapshot.status());
        next->lists.push_back(old);
        continue;
      }
      LogError("a list cannot be loaded; scans that need it are incomplete",
               {{"list", info.name},
                {"version", static_cast<std::int64_t>(info.version)},
                {"why", Message(snapshot.status())}});
      next->unavailable.push_back({info.name, info.list_id, Message(snapshot.status())});
    }
    for (const auto& list : before->lists) {
      if (std::none_of(all.begin(), all.end(),
                       [&](const auto& info) { return info.list_id == list->info.list_id; })) {
        news.push_back(list->info);  // deleted by another process
      }
    }
    // Nothing new: the catalogue stays, and with it its generation.
    if (news.empty() && before->generation != 0 && before->unavailable.empty() && next->unavailable.empty()) {
      return failed;
    }
    Sort(*next);
    MutexLock lock(mutex_);
    current_ = std::move(next);
  }
  RemoveStrayFiles();
  for (const auto& list : Current()->lists) TidyWhereDue(*list);
  for (const lists::ListInfo& info : news) Tell(info);
  return failed;
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

StatusOr<lists::ListInfo> ListRegistry::EditAndPublish(std::string_view name_or_id,
                                                       const std::function<Status(lists::ListInfo&)>& edit) {
  lists::ListInfo changed;
  {
    MutexLock change(change_mutex_);
    TAMIZ_ASSIGN_OR_RETURN(changed, store_.ChangeList(name_or_id, edit));
    TAMIZ_RETURN_IF_ERROR(Publish(changed));
  }
  Tell(changed);
  return changed;
}

StatusOr<lists::ListInfo> ListRegistry::ChangeList(std::string_view name_or_id,
                                                   const std::function<Status(lists::ListInfo&)>& edit) {
  return EditAndPublish(name_or_id, [&](lists::ListInfo& info) -> Status {
    const lists::ListInfo before = info;
    TAMIZ_RETURN_IF_ERROR(edit(info));
    if (info.name != before.name) {
      return WithField(
          InvalidArgument(fmt::format("list '{}' cannot be renamed; make a new one", before.name)), "name");
    }
    info.policy.exceptions = before.policy.exceptions;
    return info.policy.Validate();
  });
}

StatusOr<lists::ListInfo> ListRegistry::ChangeExceptions(
    std::string_view name_or_id, const std::function<Status(lists::Exceptions&)>& change) {
  return EditAndPublish(name_or_id, [&](lists::ListInfo& info) { return change(info.policy.exceptions); });
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
    std::error_code ignored;
    if (!options_.snapshot_dir.empty()) std::filesystem::remove(FileOf(info.list_id), ignored);
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
    ForgetOldVersions(changed);
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
