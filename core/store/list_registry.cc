#include "core/store/list_registry.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/log.h"
#include "core/base/random_id.h"
#include "core/lists/content_digest.h"
#include "core/lists/entry_codec.h"

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

// For versions stored before digests followed changes.
class FirstFormatDigest {
 public:
  void Add(const lists::Entry& entry) {
    body_.clear();
    lists::EncodeBody(entry, body_);
    digest_.Add(entry.id, {reinterpret_cast<const std::uint8_t*>(body_.data()), body_.size()});
  }
  [[nodiscard]] std::string Finish() { return digest_.Finish(); }

 private:
  lists::BodyDigest digest_;
  std::string body_;
};

}  // namespace

ListRegistry::ListRegistry(Store& store, const Clock& clock)
    : store_(store), clock_(clock), current_(std::make_shared<lists::Catalog>()) {}

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

StatusOr<ListRegistry::SnapshotPtr> ListRegistry::MakeSnapshot(const lists::ListInfo& info,
                                                               const SnapshotPtr& before) {
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
  const auto started = std::chrono::steady_clock::now();
  lists::ListSegmentBuilder builder(info);
  lists::ContentDigest digest;
  FirstFormatDigest first_format;
  TAMIZ_RETURN_IF_ERROR(store_.ForEachEntry(info.list_id, info.version, [&](lists::Entry&& entry) {
    if (info.digest_format == 1) {
      first_format.Add(entry);
    } else {
      digest.AddCanonical(entry);
    }
    return builder.Add(entry);
  }));
  if (info.version != 0 &&
      info.digest != (info.digest_format == 1 ? first_format.Finish() : digest.Finish())) {
    return MakeError(
        StatusCode::kDataLoss,
        fmt::format("the stored contents of list '{}' version {} do not have the digest of that version; "
                    "import the list again, or restore the database from a backup",
                    info.name, info.version),
        "LIST_DIGEST_MISMATCH");
  }
  TAMIZ_ASSIGN_OR_RETURN(auto segment, builder.Finish());
  auto snapshot = std::make_shared<lists::ListSnapshot>(info, std::move(segment));
  snapshot->loaded_at = clock_.WallNow();
  snapshot->build_time =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started);
  return SnapshotPtr(std::move(snapshot));
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
