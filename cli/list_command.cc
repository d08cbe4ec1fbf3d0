// tamiz list …: lists, their policy and versions, single entries.
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include "cli/command.h"
#include "cli/files.h"
#include "cli/list_files.h"
#include "cli/list_settings.h"
#include "cli/output.h"
#include "cli/unary_call.h"
#include "tamiz/v1/list_service.grpc.pb.h"

namespace tamiz::cli {
namespace {

using Stub = v1::ListService::Stub;

void PrintVersion(const v1::HashList& list) {
  fmt::print("{} is at version {} with {} entries\n", Printable(list.name()), list.version(),
             list.entry_count());
}

std::string ModeName(v1::ListMode mode) {
  switch (mode) {
    case v1::LIST_MODE_SHADOW:
      return "shadow";
    case v1::LIST_MODE_OFF:
      return "off";
    default:
      return "enforce";
  }
}

std::string Limit(std::uint32_t hits) { return hits == 0 ? "no limit" : fmt::format("{}", hits); }

std::string HoldName(v1::HoldKind kind) { return kind == v1::HOLD_KIND_BREAKER ? "breaker" : "disabled"; }

// Lines under those of a list.
void PrintLoaded(const v1::LoadedList& loaded) {
  fmt::print("loaded           version {} at {}, {} entries, {} hashes, {}\n", loaded.list().version(),
             Text(loaded.loaded_at()), loaded.entries(), loaded.hashes(), Bytes(loaded.index_bytes()));
  fmt::print("complete         {}{}\n", Text(loaded.complete_at()), loaded.stale() ? "  STALE" : "");
  fmt::print(
      "suspect hashes   {} nearly flat, {} of values that thousands share, {} below the quality floor\n",
      loaded.flat_hashes(), loaded.shared_hashes(), loaded.low_quality_hashes());
}

void PrintList(const v1::HashList& list) {
  const v1::ListPolicy& policy = list.policy();
  fmt::print("name             {}{}\n", Printable(list.name()), list.built_in() ? "  (built in)" : "");
  fmt::print("id               {}\n", list.list_id());
  fmt::print("kind             {}\n", list.kind() == v1::LIST_KIND_ALLOW ? "allow" : "block");
  fmt::print("source           {}\n", Printable(list.source_org()));
  fmt::print("labels           {}\n", Printable(Join({list.labels().begin(), list.labels().end()}, ";")));
  fmt::print("description      {}\n", Printable(list.description()));
  fmt::print("version          {}, {} entries, digest {}\n", list.version(), list.entry_count(),
             list.digest().empty() ? "-" : list.digest());
  fmt::print("created          {}\nupdated          {}\n", Text(list.created_at()), Text(list.updated_at()));
  fmt::print("mode             {}\n", ModeName(policy.mode()));
  fmt::print("radius           {}\nreview radius    {}\nquality floor    {}\n", policy.radius(),
             policy.review_radius(), policy.quality_floor());
  fmt::print("min coverage     reference {:.4g}, query {:.4g}\n", policy.min_reference_coverage(),
             policy.min_query_coverage());
  const auto on_off = [](bool on) { return on ? "on" : "off"; };
  fmt::print("orientations     {}\nborder removal   {}\n", on_off(policy.orientations()),
             on_off(policy.border_removal()));
  fmt::print("find regions     {}\nstraighten       {}\n", on_off(policy.find_regions()),
             on_off(policy.straighten()));
  fmt::print("restore contrast {}\n", on_off(policy.restore_contrast()));
  fmt::print("confidence       to match {:.4g}, to review {:.4g}; {:.4f} at the radius\n",
             policy.match_confidence(), policy.review_confidence(), list.confidence_at_radius());
  fmt::print("expected         {:.3g} false positives of a million unrelated pictures at the radius",
             list.expected_false_positives_per_million());
  if (policy.review_radius() > policy.radius()) {
    fmt::print(", {:.3g} at the review radius", list.expected_reviews_per_million());
  }
  fmt::print(" ({} hashes)\n", list.pdq_hashes());
  if (policy.has_max_age()) fmt::print("max age          {}\n", Seconds(policy.max_age()));
  fmt::print("action hint      {}\n", Printable(policy.action_hint()));
  const v1::BreakerPolicy& breaker = policy.breaker();
  fmt::print("breaker          entry {}, list {} uploads within {} s\n", Limit(breaker.entry_hits()),
             Limit(breaker.list_hits()), breaker.window().seconds());
  if (list.has_breaker()) {
    fmt::print("TRIPPED          the whole list is in shadow since {}: {}\n", Text(list.breaker().since()),
               Printable(list.breaker().reason()));
  }
  if (list.entries_tripped() > 0)
    fmt::print("tripped          {} entries in shadow\n", list.entries_tripped());
  if (list.entries_disabled() > 0) fmt::print("disabled         {} entries\n", list.entries_disabled());
}

void PrintEntry(const v1::Entry& entry) {
  fmt::print("entry            {}{}\n", Printable(entry.entry_id()), entry.disabled() ? "  (disabled)" : "");
  std::vector<std::string> kinds;
  for (const v1::EntryHash& hash : entry.hashes()) kinds.push_back(Name(hash.type()));
  fmt::print("hashes           {}\n", Join(kinds, ", "));
  fmt::print("labels           {}\n", Printable(Join({entry.labels().begin(), entry.labels().end()}, ";")));
  for (const auto& [key, value] : entry.metadata()) {
    fmt::print("metadata         {} = {}\n", Printable(key), Printable(value));
  }
  if (entry.has_expires_at()) fmt::print("expires          {}\n", Text(entry.expires_at()));
  for (const v1::Hold& hold : entry.holds()) {
    fmt::print("hold             {}{} since {}{}{}{}\n", HoldName(hold.kind()),
               hold.entry_id().empty() ? " of the whole list" : "", Text(hold.since()),
               hold.has_until() ? " until " + Text(hold.until()) : "",
               hold.actor().empty() ? "" : " by " + Printable(hold.actor()),
               hold.reason().empty() ? "" : ": " + Printable(hold.reason()));
  }
}

// A time as text, or a span from now on.
bool ParseUntil(const std::string& text, google::protobuf::Timestamp& until) {
  if (google::protobuf::util::TimeUtil::FromString(text, &until)) return true;
  std::int64_t count = 0;
  const char* const last = text.data() + text.size() - 1;
  const auto [end, error] = std::from_chars(text.data(), last, count);
  if (error != std::errc() || end != last || count <= 0 || count > 1'000'000'000) return false;
  std::int64_t seconds = 0;
  switch (*last) {
    case 's':
      seconds = 1;
      break;
    case 'm':
      seconds = 60;
      break;
    case 'h':
      seconds = 3600;
      break;
    case 'd':
      seconds = 86'400;
      break;
    default:
      return false;
  }
  until = google::protobuf::util::TimeUtil::GetCurrentTime() +
          google::protobuf::util::TimeUtil::SecondsToDuration(count * seconds);
  return true;
}

int RunAll(Session& session) {
  const auto stub = v1::ListService::NewStub(session.connection.channel());
  v1::ListListsRequest request;
  request.set_page_size(1000);
  Table table({"name", "kind", "mode", "version", "entries", "updated", "source"});
  do {
    grpc::ClientContext context;
    session.connection.Prepare(context);
    v1::ListListsResponse response;
    if (grpc::Status status = stub->ListLists(&context, request, &response); !status.ok()) {
      return Fail(status, session.json);
    }
    for (const v1::HashList& list : response.lists()) {
      if (session.json) fmt::print("{}\n", ToJson(list));
      table.Add({list.name(), list.kind() == v1::LIST_KIND_ALLOW ? "allow" : "block",
                 ModeName(list.policy().mode()), fmt::format("{}", list.version()),
                 fmt::format("{}", list.entry_count()), Text(list.updated_at()), list.source_org()});
    }
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  if (!session.json) table.Print();
  return 0;
}

struct AddOptions {
  std::string list, id;
  std::vector<std::string> paths, labels, pdq, md5, sha1, sha256, metadata;
  bool store_crops = false;
};

int RunAdd(Session& session, const AddOptions& options) {
  v1::AddEntriesRequest request;
  request.set_list(options.list);
  request.set_store_crops(options.store_crops);
  v1::Entry common;
  for (const std::string& label : options.labels) common.add_labels(label);
  for (const std::string& pair : options.metadata) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos)
      return Fail(fmt::format("--metadata {}: expected key=value", pair), session.json);
    (*common.mutable_metadata())[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  if (!options.id.empty() && options.paths.size() > 1)
    return Fail("--id names one entry, but several paths are given", session.json);

  v1::Entry by_hash = common;
  const auto add = [&by_hash](v1::HashType type, const std::vector<std::string>& values) {
    for (const std::string& value : values) {
      v1::EntryHash* hash = by_hash.add_hashes();
      hash->set_type(type);
      hash->set_hex(value);
    }
  };
  add(v1::HASH_TYPE_PDQ, options.pdq);
  add(v1::HASH_TYPE_MD5, options.md5);
  add(v1::HASH_TYPE_SHA1, options.sha1);
  add(v1::HASH_TYPE_SHA256, options.sha256);
  if (!by_hash.hashes().empty()) {
    if (options.store_crops)
      return Fail("--store-crops needs the picture itself: name a file or a URI, not hashes", session.json);
    if (options.id.empty() || !options.paths.empty()) {
      return Fail("an entry given by hashes needs --id, and no paths beside it", session.json);
    }
    by_hash.set_entry_id(options.id);
    *request.add_entries() = std::move(by_hash);
  } else if (options.paths.empty()) {
    return Fail("name files to hash, or hashes with --pdq, --md5, --sha1 or --sha256", session.json);
  }

  std::vector<Input> inputs;
  if (grpc::Status status = ListInputs(options.paths, false, inputs); !status.ok())
    return Fail(status, session.json);
  for (const Input& input : inputs) {
    v1::EntryMedia* media = request.add_media();
    *media->mutable_entry() = common;
    if (input.kind == Input::Kind::kStdin && options.id.empty())
      return Fail("standard input needs --id", session.json);
    media->mutable_entry()->set_entry_id(
        options.id.empty() ? std::filesystem::path(input.name).filename().string() : options.id);
    if (input.kind == Input::Kind::kUri) {
      media->set_uri(input.name);
    } else if (grpc::Status status = ReadWhole(input, *media->mutable_content()); !status.ok()) {
      return Fail(status, session.json);
    }
  }
  return Call(session, &Stub::AddEntries, request, [](const v1::AddEntriesResponse& response) {
    fmt::print("{} added, {} replaced; ", response.entries_added(), response.entries_updated());
    PrintVersion(response.list());
  });
}

// A verb that takes a list's name first.
CLI::App* Verb(CLI::App& lists, const char* name, const char* help, std::string& list) {
  CLI::App* verb = lists.add_subcommand(name, help);
  verb->add_option("NAME", list, "name or identifier of the list")->required();
  return verb;
}

void AddEntryVerbs(CLI::App& lists, Session& session) {
  auto add = std::make_shared<AddOptions>();
  CLI::App* add_verb =
      Verb(lists, "add", "Add entries: files that the server hashes, or one entry given by its hashes.",
           add->list);
  add_verb->add_option("PATH|URI", add->paths,
                       "files or URIs; each becomes an entry with the file's name as its id");
  add_verb->add_option("--id", add->id, "the entry's id");
  add_verb->add_flag("--store-crops", add->store_crops,
                     "also keep hashes of sixteen crops of each still picture, as entries of their own, so "
                     "that uploads that show it cropped match");
  add_verb->add_option("--label", add->labels, "label; may be repeated")->allow_extra_args(false);
  add_verb->add_option("--metadata", add->metadata, "key=value; may be repeated")->allow_extra_args(false);
  add_verb->add_option("--pdq", add->pdq, "64 hexadecimal digits")->allow_extra_args(false);
  add_verb->add_option("--md5", add->md5, "32 hexadecimal digits")->allow_extra_args(false);
  add_verb->add_option("--sha1", add->sha1, "40 hexadecimal digits")->allow_extra_args(false);
  add_verb->add_option("--sha256", add->sha256, "64 hexadecimal digits")->allow_extra_args(false);
  add_verb->callback([&session, add] { session.run = [&session, add] { return RunAdd(session, *add); }; });

  struct Ids {
    std::string list;
    std::vector<std::string> ids;
  };
  auto removed = std::make_shared<Ids>();
  CLI::App* remove = Verb(lists, "remove", "Remove entries.", removed->list);
  remove->add_option("ID", removed->ids, "ids of entries")->required();
  remove->callback([&session, removed] {
    session.run = [&session, removed] {
      v1::RemoveEntriesRequest request;
      request.set_list(removed->list);
      for (const std::string& id : removed->ids) request.add_entry_ids(id);
      return Call(session, &Stub::RemoveEntries, request, [](const v1::RemoveEntriesResponse& response) {
        fmt::print("{} removed; ", response.entries_removed());
        PrintVersion(response.list());
      });
    };
  });

  for (const bool enable : {false, true}) {
    struct Switch {
      std::string list, id, reason, until;
    };
    auto entry = std::make_shared<Switch>();
    CLI::App* verb =
        Verb(lists, enable ? "enable" : "disable",
             enable ? "Let a disabled entry match again."
                    : "Stop an entry from matching, and keep it. Imports and rollbacks leave it so.",
             entry->list);
    verb->add_option("ID", entry->id, "id of the entry")->required();
    verb->add_option("--reason", entry->reason, "why; kept with the list");
    if (!enable) {
      verb->add_option("--until", entry->until,
                       "when it matches again by itself: 2026-12-31T00:00:00Z, or in 90s, 45m, 12h, 30d");
    }
    verb->callback([&session, entry, enable] {
      session.run = [&session, entry, enable] {
        v1::DisableEntryRequest request;
        request.set_list(entry->list);
        request.set_entry_id(entry->id);
        request.set_enable(enable);
        request.set_reason(entry->reason);
        if (!entry->until.empty() && !ParseUntil(entry->until, *request.mutable_until())) {
          return Fail(
              fmt::format("--until {}: expected a time as 2026-12-31T00:00:00Z, or 90s, 45m, 12h, 30d",
                          entry->until),
              session.json);
        }
        return Call(session, &Stub::DisableEntry, request,
                    [](const v1::DisableEntryResponse& response) { PrintVersion(response.list()); });
      };
    });
  }
}

void AddHoldVerbs(CLI::App& lists, Session& session) {
  auto list = std::make_shared<std::string>();
  CLI::App* holds =
      Verb(lists, "holds",
           "Print which entries are disabled or tripped a breaker, and the trail of such changes.", *list);
  holds->callback([&session, list] {
    session.run = [&session, list] {
      v1::ListHoldsRequest request;
      request.set_list(*list);
      return Call(session, &Stub::ListHolds, request, [](const v1::ListHoldsResponse& response) {
        const auto entry = [](const std::string& id) { return id.empty() ? "(whole list)" : id; };
        Table now({"entry", "hold", "since", "until", "by", "reason"});
        for (const v1::Hold& hold : response.holds()) {
          now.Add({entry(hold.entry_id()), HoldName(hold.kind()), Text(hold.since()),
                   hold.has_until() ? Text(hold.until()) : "-", hold.actor(), hold.reason()});
        }
        now.Print();
        Table trail({"at", "what", "entry", "by", "reason"});
        for (const v1::HoldEvent& event : response.events()) {
          trail.Add({Text(event.at()), event.what(), entry(event.entry_id()), event.actor(), event.reason()});
        }
        if (!trail.empty()) {
          fmt::print("\n");
          trail.Print();
        }
      });
    };
  });

  struct Reset {
    std::string list, id, reason;
  };
  auto reset = std::make_shared<Reset>();
  CLI::App* verb = Verb(lists, "reset-breaker",
                        "Let matches count again that the hit-rate breaker moved to shadow.", reset->list);
  verb->add_option("ID", reset->id, "id of the entry; the list and all its entries if left out");
  verb->add_option("--reason", reset->reason, "why; kept with the list");
  verb->callback([&session, reset] {
    session.run = [&session, reset] {
      v1::ResetBreakerRequest request;
      request.set_list(reset->list);
      request.set_entry_id(reset->id);
      request.set_reason(reset->reason);
      return Call(session, &Stub::ResetBreaker, request, [](const v1::ResetBreakerResponse& response) {
        fmt::print("{} breakers reset; ", response.reset());
        PrintVersion(response.list());
      });
    };
  });
}

void AddVersionVerbs(CLI::App& lists, Session& session) {
  auto list = std::make_shared<std::string>();
  CLI::App* versions = Verb(lists, "versions", "Print the versions of a list, newest first.", *list);
  versions->callback([&session, list] {
    session.run = [&session, list] {
      v1::ListVersionsRequest request;
      request.set_list(*list);
      return Call(session, &Stub::ListVersions, request, [](const v1::ListVersionsResponse& response) {
        Table table({"version", "entries", "made", "change", "digest", ""});
        for (const v1::ListVersion& version : response.versions()) {
          table.Add({fmt::format("{}", version.version()), fmt::format("{}", version.entry_count()),
                     Text(version.created_at()), version.change(), version.digest(),
                     version.current() ? "current" : ""});
        }
        table.Print();
      });
    };
  });

  struct Versions {
    std::string list;
    std::uint64_t from = 0, to = 0;
  };
  auto target = std::make_shared<Versions>();
  CLI::App* rollback =
      Verb(lists, "rollback", "Make the contents of an earlier version current again.", target->list);
  rollback->add_option("VERSION", target->to, "the version wanted")->required();
  rollback->callback([&session, target] {
    session.run = [&session, target] {
      v1::RollbackListRequest request;
      request.set_list(target->list);
      request.set_version(target->to);
      return Call(session, &Stub::RollbackList, request,
                  [](const v1::RollbackListResponse& response) { PrintVersion(response.list()); });
    };
  });

  auto span = std::make_shared<Versions>();
  CLI::App* diff =
      Verb(lists, "diff", "Print which entries came, changed and went between two versions.", span->list);
  diff->add_option("FROM", span->from, "earlier version; 0 is the empty list")->required();
  diff->add_option("TO", span->to, "later version; the current one if left out");
  diff->callback([&session, span] {
    session.run = [&session, span] {
      v1::DiffVersionsRequest request;
      request.set_list(span->list);
      request.set_from_version(span->from);
      request.set_to_version(span->to);
      return Call(session, &Stub::DiffVersions, request, [](const v1::DiffVersionsResponse& response) {
        fmt::print("{} added, {} changed, {} removed\n", response.entries_added(), response.entries_updated(),
                   response.entries_removed());
        for (const std::string& id : response.added_ids()) fmt::print("+ {}\n", Printable(id));
        for (const std::string& id : response.updated_ids()) fmt::print("~ {}\n", Printable(id));
        for (const std::string& id : response.removed_ids()) fmt::print("- {}\n", Printable(id));
      });
    };
  });
}

}  // namespace

void AddListCommands(CLI::App& app, Session& session) {
  CLI::App* found = app.add_subcommand("list", "Manage hash lists: tamiz list VERB --help tells more.");
  CLI::App& lists = *found;
  lists.require_subcommand(1);

  CLI::App* all = lists.add_subcommand("ls", "Print all lists.");
  all->callback([&session] { session.run = [&session] { return RunAll(session); }; });

  struct Create {
    std::string name;
    ListSettings settings;
    bool dry_run = false;
  };
  auto create = std::make_shared<Create>();
  CLI::App* create_verb = lists.add_subcommand("create", "Make an empty list.");
  create_verb->add_option("NAME", create->name, "1 to 64 characters of a-z, A-Z, 0-9, '.', '_' and '-'")
      ->required();
  AddListSettings(*create_verb, create->settings, /*creating=*/true);
  create_verb->callback([&session, create] {
    session.run = [&session, create] {
      v1::CreateListRequest request;
      FillCreate(create->name, create->settings, request);
      return Call(session, &Stub::CreateList, request, [](const v1::CreateListResponse& response) {
        fmt::print("made list {} ({})\n", Printable(response.list().name()), response.list().list_id());
      });
    };
  });

  auto update = std::make_shared<Create>();
  CLI::App* update_verb =
      Verb(lists, "policy", "Print a list's policy, or change what is named.", update->name);
  AddListSettings(*update_verb, update->settings, /*creating=*/false);
  update_verb->add_flag("--dry-run", update->dry_run,
                        "change nothing: print what the policy would be and what it is expected to cost");
  update_verb->callback([&session, update] {
    session.run = [&session, update] {
      v1::UpdateListRequest request;
      FillUpdate(update->name, update->settings, request);
      request.set_dry_run(update->dry_run);
      if (request.update_mask().paths().empty()) {
        v1::GetListRequest get;
        get.set_list(update->name);
        return Call(session, &Stub::GetList, get,
                    [](const v1::GetListResponse& response) { PrintList(response.list()); });
      }
      return Call(session, &Stub::UpdateList, request,
                  [](const v1::UpdateListResponse& response) { PrintList(response.list()); });
    };
  });

  auto show = std::make_shared<std::pair<std::string, std::string>>();
  CLI::App* show_verb =
      Verb(lists, "show", "Print a list, or one of its entries without its hash values.", show->first);
  show_verb->add_option("--entry", show->second, "id of the entry to print");
  show_verb->callback([&session, show] {
    session.run = [&session, show] {
      if (!show->second.empty()) {
        v1::GetEntryRequest request;
        request.set_list(show->first);
        request.set_entry_id(show->second);
        return Call(session, &Stub::GetEntry, request,
                    [](const v1::GetEntryResponse& response) { PrintEntry(response.entry()); });
      }
      v1::GetListRequest request;
      request.set_list(show->first);
      return Call(session, &Stub::GetList, request, [](const v1::GetListResponse& response) {
        PrintList(response.list());
        if (response.has_loaded()) {
          PrintLoaded(response.loaded());
        } else {
          fmt::print("loaded           NO: scans cannot consult it, see `tamiz status`\n");
        }
      });
    };
  });

  auto gone = std::make_shared<std::string>();
  auto sure = std::make_shared<bool>(false);
  CLI::App* delete_verb = Verb(lists, "delete", "Remove a list with its entries and versions.", *gone);
  delete_verb->add_flag("--yes", *sure, "required: nothing brings the list back")->required();
  delete_verb->callback([&session, gone, sure] {  // `sure` must live until the parsing is done
    session.run = [&session, gone] {
      v1::DeleteListRequest request;
      request.set_list(*gone);
      return Call(session, &Stub::DeleteList, request, [&gone](const v1::DeleteListResponse&) {
        fmt::print("removed list {}\n", Printable(*gone));
      });
    };
  });

  auto approved = std::make_shared<v1::ApproveChangeRequest>();
  CLI::App* approve_verb = Verb(lists, "approve", "Apply a change of an exchange that waits for a person.",
                                *approved->mutable_list());
  auto reject = std::make_shared<bool>(false);
  approve_verb->add_flag("--reject", *reject, "drop it and pause the exchange");
  approve_verb->callback([&session, approved, reject] {
    approved->set_reject(*reject);
    session.run = [&session, approved] {
      return Call(session, &Stub::ApproveChange, *approved, [&](const v1::ApproveChangeResponse& response) {
        fmt::print("{}: {} added, {} updated, {} removed\n", approved->reject() ? "rejected" : "applied",
                   response.added(), response.updated(), response.removed());
        PrintVersion(response.list());
      });
    };
  });

  AddListFileVerbs(lists, session);
  AddEntryVerbs(lists, session);
  AddHoldVerbs(lists, session);
  AddVersionVerbs(lists, session);
}

}  // namespace tamiz::cli
