// Lists from creation to deletion, over the wire.
#include <gmock/gmock.h>

#include <ctime>

#include "core/base/hex.h"
#include "tests/integration/harness.h"

namespace tamiz::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ListFlowTest : public ServerTest {
 protected:
  void SetUp() override { Start(); }

  grpc::Status Create(const std::string& name, v1::HashList* list = nullptr) {
    v1::CreateListRequest request;
    request.set_name(name);
    request.set_source_org("org");
    grpc::ClientContext context;
    v1::CreateListResponse response;
    const grpc::Status status = lists_->CreateList(&context, request, &response);
    if (list != nullptr) *list = response.list();
    return status;
  }

  grpc::Status Import(const v1::ImportOptions& options, const std::string& file,
                      v1::ImportEntriesResponse* response) {
    grpc::ClientContext context;
    auto writer = lists_->ImportEntries(&context, response);
    v1::ImportEntriesRequest message;
    *message.mutable_options() = options;
    writer->Write(message);
    for (std::size_t at = 0; at < file.size(); at += 37) {  // chunks cut rows
      message.set_chunk(file.substr(at, 37));
      if (!writer->Write(message)) break;
    }
    writer->WritesDone();
    return writer->Finish();
  }

  v1::Verdict Scan(std::span<const std::uint8_t> bytes, const std::string& list) {
    v1::ScanRequest request = Inline(bytes);
    request.add_lists(list);
    grpc::ClientContext context;
    v1::ScanResponse response;
    const grpc::Status status = scans_->Scan(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.result().verdict();
  }

  static std::string Row(const std::string& id, std::uint32_t number) {
    // Any 32 bytes with a few bits set make a hash.
    char hex[65];
    std::snprintf(hex, sizeof hex, "%08x%08x%08x%08x%08x%08x%08x%08x", number * 2654435761u,
                  number ^ 0x5bd1e995u, number * 40503u, ~number, number * 97u, number + 0x9e3779b9u,
                  number * 31u, number ^ 0xdeadbeefu);
    return id + ",pdq," + hex + ",A1;B2,{}\n";
  }

  const std::string header_ = "entry_id,hash_type,value,labels,metadata\n";
};

TEST_F(ListFlowTest, FromCreationToDeletion) {
  v1::HashList made;
  ASSERT_TRUE(Create("mine", &made).ok());
  EXPECT_EQ(made.version(), 0u);
  EXPECT_EQ(made.policy().radius(), 31u);
  EXPECT_EQ(Create("mine").error_code(), grpc::StatusCode::ALREADY_EXISTS);
  EXPECT_EQ(Create("no spaces").error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  v1::ImportOptions options;
  options.set_list("mine");
  options.set_format("csv");
  std::string file = header_;
  for (std::uint32_t i = 1; i <= 30; ++i) file += Row("e" + std::to_string(i), i);
  file += "bad,pdq,xyz,,\n";
  v1::ImportEntriesResponse imported;

  options.set_dry_run(true);
  ASSERT_TRUE(Import(options, file, &imported).ok());
  EXPECT_TRUE(imported.dry_run());
  EXPECT_EQ(imported.entries_added(), 30u);
  EXPECT_EQ(imported.list().version(), 0u);

  options.set_dry_run(false);
  const grpc::Status status = Import(options, file, &imported);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(imported.rows_read(), 31u);
  EXPECT_EQ(imported.rows_rejected(), 1u);
  ASSERT_EQ(imported.rejected_size(), 1);
  EXPECT_EQ(imported.rejected(0).line(), 32u);
  EXPECT_EQ(imported.list().version(), 1u);
  EXPECT_EQ(imported.list().entry_count(), 30u);

  // Too many bad rows: nothing changes, and the message says which.
  const grpc::Status refused = Import(options, header_ + "x,pdq,12,,\ny,sha1,34,,\n", &imported);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("Line 2"));
  EXPECT_EQ(Import(options, "a,b\n1,2\n", &imported).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  options.set_list("nosuch");
  EXPECT_EQ(Import(options, file, &imported).error_code(), grpc::StatusCode::NOT_FOUND);

  // Media become an entry that finds them again, mirrored too.
  v1::AddEntriesRequest add;
  add.set_list("mine");
  v1::EntryMedia& media = *add.add_media();
  media.mutable_entry()->set_entry_id("picture");
  media.set_content(Text(scan::CanaryPicture()));
  v1::AddEntriesResponse added;
  {
    grpc::ClientContext context;
    const grpc::Status ok = lists_->AddEntries(&context, add, &added);
    ASSERT_TRUE(ok.ok()) << ok.error_message();
  }
  EXPECT_EQ(added.entries_added(), 1u);
  EXPECT_EQ(added.list().version(), 2u);
  EXPECT_EQ(Scan(scan::CanaryPicture(), "mine"), v1::VERDICT_MATCH);
  EXPECT_EQ(Scan(scan::CanaryFlippedPicture(), "mine"), v1::VERDICT_MATCH);

  v1::GetEntryRequest get;
  get.set_list("mine");
  get.set_entry_id("picture");
  v1::GetEntryResponse got;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->GetEntry(&context, get, &got).ok());
  }
  ASSERT_EQ(got.entry().hashes_size(), 4);
  for (const v1::EntryHash& hash : got.entry().hashes()) {
    EXPECT_EQ(hash.value() + hash.hex(), "");
    EXPECT_NE(hash.type(), v1::HASH_TYPE_UNSPECIFIED);
  }

  // Off, on, gone, back.
  const auto disable = [&](bool enable) {
    v1::DisableEntryRequest request;
    request.set_list("mine");
    request.set_entry_id("picture");
    request.set_enable(enable);
    grpc::ClientContext context;
    v1::DisableEntryResponse response;
    EXPECT_TRUE(lists_->DisableEntry(&context, request, &response).ok());
  };
  disable(false);
  EXPECT_EQ(Scan(scan::CanaryPicture(), "mine"), v1::VERDICT_NO_KNOWN_MATCH);
  disable(true);
  EXPECT_EQ(Scan(scan::CanaryPicture(), "mine"), v1::VERDICT_MATCH);

  v1::RemoveEntriesRequest remove;
  remove.set_list("mine");
  remove.add_entry_ids("picture");
  remove.add_entry_ids("nosuch");
  v1::RemoveEntriesResponse removed;
  {
    grpc::ClientContext context;
    EXPECT_EQ(lists_->RemoveEntries(&context, remove, &removed).error_code(), grpc::StatusCode::NOT_FOUND);
  }
  EXPECT_EQ(Scan(scan::CanaryPicture(), "mine"), v1::VERDICT_MATCH);
  remove.mutable_entry_ids()->RemoveLast();
  {
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->RemoveEntries(&context, remove, &removed).ok());
  }
  EXPECT_EQ(removed.entries_removed(), 1u);
  EXPECT_EQ(Scan(scan::CanaryPicture(), "mine"), v1::VERDICT_NO_KNOWN_MATCH);

  v1::RollbackListRequest rollback;
  rollback.set_list("mine");
  rollback.set_version(2);
  v1::RollbackListResponse rolled;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->RollbackList(&context, rollback, &rolled).ok());
  }
  EXPECT_EQ(rolled.list().digest(), added.list().digest());
  EXPECT_EQ(Scan(scan::CanaryPicture(), "mine"), v1::VERDICT_MATCH);

  v1::ListVersionsRequest which;
  which.set_list("mine");
  v1::ListVersionsResponse versions;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->ListVersions(&context, which, &versions).ok());
  }
  ASSERT_EQ(versions.versions_size(), 4);  // a hold changes no contents and makes no version
  EXPECT_TRUE(versions.versions(0).current());
  EXPECT_EQ(versions.versions(0).change(), "rollback to 2");

  v1::DiffVersionsRequest diff;
  diff.set_list("mine");
  diff.set_from_version(1);
  v1::DiffVersionsResponse difference;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->DiffVersions(&context, diff, &difference).ok());
  }
  EXPECT_THAT(difference.added_ids(), ElementsAre("picture"));
  EXPECT_EQ(difference.entries_removed(), 0u);

  v1::ExportEntriesRequest exported;
  exported.set_list("mine");
  {
    grpc::ClientContext context;
    auto reader = lists_->ExportEntries(&context, exported);
    v1::ExportEntriesResponse batch;
    std::vector<std::string> ids;
    while (reader->Read(&batch)) {
      for (const v1::Entry& entry : batch.entries()) {
        ids.push_back(entry.entry_id());
        for (const v1::EntryHash& hash : entry.hashes())
          EXPECT_EQ(hash.hex().size(), 2 * hash.value().size());
      }
    }
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_EQ(ids.size(), 31u);
    EXPECT_TRUE(std::ranges::is_sorted(ids));
  }

  v1::DeleteListRequest deletion;
  deletion.set_list("mine");
  v1::DeleteListResponse deleted;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->DeleteList(&context, deletion, &deleted).ok());
  }
  {
    grpc::ClientContext context;
    EXPECT_EQ(lists_->DeleteList(&context, deletion, &deleted).error_code(), grpc::StatusCode::NOT_FOUND);
  }
}

TEST_F(ListFlowTest, VicsNeedsAMappingAndCountsWhatStaysOut) {
  ASSERT_TRUE(Create("vics").ok());
  hash::DigestAccumulator digester;
  digester.Update(scan::CanaryPicture());
  const std::string md5 = ToHex(digester.Finish().md5);
  std::string passed_over;
  for (int i = 0; i < 1000; ++i) passed_over += "{\"FilePath\":\"a]}\"},";
  const std::string file = "\xef\xbb\xbf{\"@odata.context\":\"x#Media\",\"value\":[{\"MD5\":\"" + md5 +
                           "\",\"MediaSize\":\"1\",\"Category\":\"1\",\"MediaFiles\":[" + passed_over +
                           "{}]},{\"MD5\":\"00112233445566778899aabbccddeeff\",\"Category\":0},"
                           "{\"MD5\":\"00112233445566778899aabbccddeefe\",\"Category\":9},{\"MD5\":\"1\","
                           "\"Category\":1}]}";
  v1::ImportOptions options;
  options.set_list("vics");  // the format is found out
  v1::ImportEntriesResponse imported;
  const grpc::Status unmapped = Import(options, file, &imported);
  EXPECT_EQ(unmapped.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(unmapped.error_message(), HasSubstr("categories need a mapping"));

  v1::CategoryRule& rule = *options.add_categories();
  rule.set_category("1");
  rule.add_labels("A1");
  options.set_refuse_unmapped(true);
  const grpc::Status refused = Import(options, file, &imported);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(), HasSubstr("1 of category 9"));
  options.set_refuse_unmapped(false);
  const grpc::Status status = Import(options, file, &imported);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(imported.format(), "vics");
  EXPECT_EQ(imported.rows_read(), 4u);
  EXPECT_EQ(imported.rows_rejected(), 1u);
  EXPECT_EQ(imported.rows_skipped(), 2u);
  EXPECT_EQ(imported.entries_added(), 1u);
  ASSERT_EQ(imported.categories_size(), 3);
  EXPECT_EQ(imported.categories(0).category(), "");
  EXPECT_EQ(imported.categories(0).kept_out(), 1u);
  EXPECT_EQ(imported.categories(1).category(), "1");
  EXPECT_EQ(imported.categories(1).kept_out(), 0u);
  EXPECT_EQ(Scan(scan::CanaryPicture(), "vics"), v1::VERDICT_MATCH);
  // Cut off in the middle: refused as a whole.
  EXPECT_EQ(Import(options, file.substr(0, file.size() - 2), &imported).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(ListFlowTest, DisabledEntriesStaySoUntilTheirTime) {
  ASSERT_TRUE(Create("held").ok());
  v1::AddEntriesRequest add;
  add.set_list("held");
  v1::EntryMedia& media = *add.add_media();
  media.mutable_entry()->set_entry_id("picture");
  media.set_content(Text(scan::CanaryPicture()));
  const auto add_again = [&] {
    grpc::ClientContext context;
    v1::AddEntriesResponse added;
    const grpc::Status status = lists_->AddEntries(&context, add, &added);
    EXPECT_TRUE(status.ok()) << status.error_message();
  };
  add_again();
  const auto disable = [&](const std::function<void(v1::DisableEntryRequest&)>& fill) {
    v1::DisableEntryRequest request;
    request.set_list("held");
    request.set_entry_id("picture");
    fill(request);
    grpc::ClientContext context;
    v1::DisableEntryResponse response;
    return lists_->DisableEntry(&context, request, &response);
  };
  const std::int64_t now = std::time(nullptr);
  ASSERT_TRUE(disable([&](auto& request) {
                request.set_reason("a blank page");
                request.mutable_until()->set_seconds(now + 3600);
              }).ok());
  EXPECT_EQ(Scan(scan::CanaryPicture(), "held"), v1::VERDICT_NO_KNOWN_MATCH);
  media.mutable_entry()->add_labels("again");
  add_again();
  EXPECT_EQ(Scan(scan::CanaryPicture(), "held"), v1::VERDICT_NO_KNOWN_MATCH) << "the source sent it again";

  v1::GetEntryRequest get;
  get.set_list("held");
  get.set_entry_id("picture");
  v1::GetEntryResponse got;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->GetEntry(&context, get, &got).ok());
  }
  ASSERT_EQ(got.entry().holds_size(), 1);
  EXPECT_EQ(got.entry().holds(0).kind(), v1::HOLD_KIND_DISABLED);
  EXPECT_EQ(got.entry().holds(0).reason(), "a blank page");
  EXPECT_EQ(got.entry().holds(0).until().seconds(), now + 3600);

  EXPECT_EQ(disable([&](auto& request) { request.mutable_until()->set_seconds(now - 1); }).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_TRUE(disable([](auto& request) {
                request.set_enable(true);
                request.set_reason("looked at");
              }).ok());
  EXPECT_EQ(Scan(scan::CanaryPicture(), "held"), v1::VERDICT_MATCH);
  v1::ListHoldsRequest list_holds;
  list_holds.set_list("held");
  v1::ListHoldsResponse holds;
  grpc::ClientContext context;
  ASSERT_TRUE(lists_->ListHolds(&context, list_holds, &holds).ok());
  EXPECT_EQ(holds.holds_size(), 0);
  ASSERT_EQ(holds.events_size(), 2);
  EXPECT_EQ(holds.events(0).what(), "enable");
  EXPECT_EQ(holds.events(0).reason(), "looked at");
  EXPECT_EQ(holds.events(1).what(), "disable");
}

TEST_F(ListFlowTest, TheBreakerMovesANoisyEntryToShadowUntilItIsReset) {
  v1::CreateListRequest create;
  create.set_name("noisy");
  create.mutable_policy()->mutable_breaker()->set_entry_hits(2);
  {
    grpc::ClientContext context;
    v1::CreateListResponse created;
    ASSERT_TRUE(lists_->CreateList(&context, create, &created).ok());
    EXPECT_EQ(created.list().policy().breaker().list_hits(), 10'000u);
  }
  v1::AddEntriesRequest add;
  add.set_list("noisy");
  v1::EntryMedia& media = *add.add_media();
  media.mutable_entry()->set_entry_id("blank");
  media.set_content(Text(scan::CanaryPicture()));
  {
    grpc::ClientContext context;
    v1::AddEntriesResponse added;
    ASSERT_TRUE(lists_->AddEntries(&context, add, &added).ok());
  }
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(Scan(scan::CanaryPicture(), "noisy"), v1::VERDICT_MATCH) << "the same bytes";
  EXPECT_EQ(Scan(scan::CanaryFlippedPicture(), "noisy"), v1::VERDICT_MATCH) << "the second upload";
  v1::GetListRequest get;
  get.set_list("noisy");
  v1::GetListResponse list;
  for (int i = 0; i < 500 && list.list().entries_tripped() == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->GetList(&context, get, &list).ok());
  }
  ASSERT_EQ(list.list().entries_tripped(), 1u);
  v1::ScanRequest scan = Inline(scan::CanaryPicture());
  scan.add_lists("noisy");
  v1::ScanResponse answer;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(scans_->Scan(&context, scan, &answer).ok());
  }
  EXPECT_EQ(answer.result().verdict(), v1::VERDICT_NO_KNOWN_MATCH);
  ASSERT_EQ(answer.result().matches_size(), 1);
  EXPECT_TRUE(answer.result().matches(0).shadow());
  EXPECT_EQ(answer.result().matches(0).shadow_reason(), "breaker");

  v1::ResetBreakerRequest reset;
  reset.set_list("noisy");
  reset.set_entry_id("blank");
  v1::ResetBreakerResponse done;
  {
    grpc::ClientContext context;
    ASSERT_TRUE(lists_->ResetBreaker(&context, reset, &done).ok());
  }
  EXPECT_EQ(done.reset(), 1u);
  EXPECT_EQ(Scan(scan::CanaryPicture(), "noisy"), v1::VERDICT_MATCH);
  grpc::ClientContext context;
  EXPECT_EQ(lists_->ResetBreaker(&context, reset, &done).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ListFlowTest, AnAllowListSaysWhatItTookAway) {
  v1::CreateListRequest create;
  create.set_name("fine");
  create.set_kind(v1::LIST_KIND_ALLOW);
  {
    grpc::ClientContext context;
    v1::CreateListResponse created;
    ASSERT_TRUE(lists_->CreateList(&context, create, &created).ok());
  }
  ASSERT_TRUE(Create("found").ok());
  for (const char* list : {"fine", "found"}) {
    v1::AddEntriesRequest add;
    add.set_list(list);
    v1::EntryMedia& media = *add.add_media();
    media.mutable_entry()->set_entry_id(std::string("in-") + list);
    media.set_content(Text(scan::CanaryPicture()));
    grpc::ClientContext context;
    v1::AddEntriesResponse added;
    ASSERT_TRUE(lists_->AddEntries(&context, add, &added).ok());
  }
  v1::ScanRequest scan = Inline(scan::CanaryPicture());
  scan.add_lists("found");
  scan.add_lists("fine");
  grpc::ClientContext context;
  v1::ScanResponse answer;
  ASSERT_TRUE(scans_->Scan(&context, scan, &answer).ok());
  EXPECT_EQ(answer.result().verdict(), v1::VERDICT_NO_KNOWN_MATCH);
  EXPECT_EQ(answer.result().suppressed_count(), 1u);
  ASSERT_EQ(answer.result().suppressed_size(), 1);
  const v1::SuppressedMatch& suppressed = answer.result().suppressed(0);
  EXPECT_EQ(suppressed.match().list_name(), "found");
  EXPECT_EQ(suppressed.match().entry_id(), "in-found");
  EXPECT_EQ(suppressed.allowed_by().list_name(), "fine");
  EXPECT_EQ(suppressed.allowed_by().entry_id(), "in-fine");
  EXPECT_EQ(suppressed.allowed_by().list_version(), 1u);
  EXPECT_EQ(suppressed.allowed_by().hash_type(), v1::HASH_TYPE_SHA256);
}

TEST_F(ListFlowTest, MediaThatMakeNoReferenceAreRefusedByName) {
  ASSERT_TRUE(Create("mine").ok());
  v1::AddEntriesRequest add;
  add.set_list("mine");
  v1::EntryMedia& media = *add.add_media();
  media.mutable_entry()->set_entry_id("broken-one");
  media.set_content("no picture");
  grpc::ClientContext context;
  v1::AddEntriesResponse added;
  const grpc::Status status = lists_->AddEntries(&context, add, &added);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("broken-one"));
  EXPECT_THAT(status.error_message(), HasSubstr("FORMAT_UNKNOWN"));
  EXPECT_EQ(BadField(status), "media[0]");
}

TEST_F(ListFlowTest, VideoBecomesASequence) {
  ASSERT_TRUE(Create("mine").ok());
  v1::AddEntriesRequest add;
  add.set_list("mine");
  v1::EntryMedia& media = *add.add_media();
  media.mutable_entry()->set_entry_id("clip");
  media.set_content(Text(scan::CanaryVideo()));
  grpc::ClientContext context;
  v1::AddEntriesResponse added;
  ASSERT_TRUE(lists_->AddEntries(&context, add, &added).ok());
  v1::GetEntryRequest get;
  get.set_list("mine");
  get.set_entry_id("clip");
  grpc::ClientContext other;
  v1::GetEntryResponse got;
  ASSERT_TRUE(lists_->GetEntry(&other, get, &got).ok());
  std::vector<std::uint64_t> times;
  for (const v1::EntryHash& hash : got.entry().hashes()) {
    if (hash.type() == v1::HASH_TYPE_PDQ) times.push_back(hash.time_ms());
  }
  EXPECT_THAT(times, ElementsAre(0, 1000, 2000, 3000));
  EXPECT_EQ(Scan(scan::CanaryVideo(), "mine"), v1::VERDICT_MATCH);
}

TEST_F(ListFlowTest, EntriesInsteadOfAFile) {
  ASSERT_TRUE(Create("mine").ok());
  grpc::ClientContext context;
  v1::ImportEntriesResponse response;
  auto writer = lists_->ImportEntries(&context, &response);
  v1::ImportEntriesRequest message;
  message.mutable_options()->set_list("mine");
  message.mutable_options()->set_max_rejected_share(0.5);
  writer->Write(message);
  for (int batch = 0; batch < 3; ++batch) {
    message.mutable_entries();
    for (int i = 0; i < 10; ++i) {
      v1::Entry& entry = *message.mutable_entries()->add_entries();
      entry.set_entry_id(std::to_string(batch) + "-" + std::to_string(i));
      v1::EntryHash& hash = *entry.add_hashes();
      hash.set_type(v1::HASH_TYPE_MD5);
      hash.set_hex(i == 3 ? "00"
                          : std::string(28, 'a') + "0" + std::to_string(i) + "0" + std::to_string(batch));
    }
    writer->Write(message);
    message.clear_entries();
  }
  writer->WritesDone();
  const grpc::Status status = writer->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.rows_read(), 30u);
  EXPECT_EQ(response.rows_rejected(), 3u);
  EXPECT_EQ(response.rejected(0).line(), 4u);
  EXPECT_EQ(response.entries_added(), 27u);
}

TEST_F(ListFlowTest, BuiltInListStaysAsItIs) {
  const auto code = [&](auto method, auto request, auto response) {
    request.set_list("tamiz-test");
    grpc::ClientContext context;
    return ((*lists_).*method)(&context, request, &response).error_code();
  };
  using Stub = v1::ListService::Stub;
  EXPECT_EQ(code(&Stub::DeleteList, v1::DeleteListRequest(), v1::DeleteListResponse()),
            grpc::StatusCode::FAILED_PRECONDITION);
  v1::UpdateListRequest update;
  update.mutable_update()->mutable_policy()->set_mode(v1::LIST_MODE_OFF);
  EXPECT_EQ(code(&Stub::UpdateList, update, v1::UpdateListResponse()), grpc::StatusCode::FAILED_PRECONDITION);
  v1::DisableEntryRequest disable;
  disable.set_entry_id("canary-picture");
  EXPECT_EQ(code(&Stub::DisableEntry, disable, v1::DisableEntryResponse()),
            grpc::StatusCode::FAILED_PRECONDITION);
  v1::RemoveEntriesRequest remove;
  remove.add_entry_ids("canary-picture");
  EXPECT_EQ(code(&Stub::RemoveEntries, remove, v1::RemoveEntriesResponse()),
            grpc::StatusCode::FAILED_PRECONDITION);
  v1::RollbackListRequest rollback;
  rollback.set_version(1);
  EXPECT_EQ(code(&Stub::RollbackList, rollback, v1::RollbackListResponse()),
            grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(ListFlowTest, PagesAndPolicy) {
  for (const char* name : {"c", "a", "b"}) ASSERT_TRUE(Create(name).ok());
  std::vector<std::string> names;
  std::string token;
  do {
    v1::ListListsRequest request;
    request.set_page_size(2);
    request.set_page_token(token);
    grpc::ClientContext context;
    v1::ListListsResponse response;
    ASSERT_TRUE(lists_->ListLists(&context, request, &response).ok());
    EXPECT_LE(response.lists_size(), 2);
    for (const v1::HashList& list : response.lists()) names.push_back(list.name());
    token = response.next_page_token();
  } while (!token.empty());
  EXPECT_THAT(names, ElementsAre("a", "b", "c", "tamiz-test"));

  v1::UpdateListRequest update;
  update.set_list("a");
  update.mutable_update()->mutable_policy()->set_radius(65);
  v1::UpdateListResponse updated;
  grpc::ClientContext context;
  const grpc::Status status = lists_->UpdateList(&context, update, &updated);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  update.mutable_update()->mutable_policy()->set_radius(12);
  grpc::ClientContext other;
  ASSERT_TRUE(lists_->UpdateList(&other, update, &updated).ok());
  EXPECT_EQ(updated.list().policy().radius(), 12u);
}

TEST_F(ListFlowTest, WhatAPolicyCostsIsShownBeforeItIsApplied) {
  ASSERT_TRUE(Create("a").ok());
  const auto update = [&](bool dry_run) {
    v1::UpdateListRequest request;
    request.set_list("a");
    request.set_dry_run(dry_run);
    v1::ListPolicy* policy = request.mutable_update()->mutable_policy();
    policy->set_radius(40);
    policy->set_review_radius(60);
    policy->set_match_confidence(0.9);
    policy->set_review_confidence(0.2);
    v1::UpdateListResponse response;
    grpc::ClientContext context;
    const grpc::Status status = lists_->UpdateList(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.list();
  };
  const auto get = [&] {
    v1::GetListRequest request;
    request.set_list("a");
    v1::GetListResponse response;
    grpc::ClientContext context;
    EXPECT_TRUE(lists_->GetList(&context, request, &response).ok());
    return response.list();
  };
  EXPECT_EQ(get().expected_false_positives_per_million(), 0);  // nothing is on it yet
  v1::AddEntriesRequest add;
  add.set_list("a");
  for (int i = 0; i < 3; ++i) {
    v1::Entry& entry = *add.add_entries();
    entry.set_entry_id(std::to_string(i));
    v1::EntryHash& hash = *entry.add_hashes();
    hash.set_type(v1::HASH_TYPE_PDQ);
    hash.set_hex(std::string(64, static_cast<char>('1' + i)));
  }
  {
    grpc::ClientContext context;
    v1::AddEntriesResponse added;
    ASSERT_TRUE(lists_->AddEntries(&context, add, &added).ok());
  }
  const v1::HashList before = get();
  EXPECT_EQ(before.pdq_hashes(), 3u);
  EXPECT_GT(before.expected_false_positives_per_million(), 0);
  EXPECT_EQ(before.expected_reviews_per_million(), before.expected_false_positives_per_million());
  EXPECT_GT(before.confidence_at_radius(), 0);

  const v1::HashList would_be = update(true);
  EXPECT_EQ(would_be.policy().radius(), 40u);
  EXPECT_GT(would_be.expected_false_positives_per_million(), before.expected_false_positives_per_million());
  EXPECT_GT(would_be.expected_reviews_per_million(), would_be.expected_false_positives_per_million());
  EXPECT_LT(would_be.confidence_at_radius(), before.confidence_at_radius());
  EXPECT_EQ(get().policy().radius(), before.policy().radius());  // nothing changed

  EXPECT_EQ(update(false).expected_false_positives_per_million(),
            would_be.expected_false_positives_per_million());
  EXPECT_EQ(get().policy().radius(), 40u);
  EXPECT_EQ(get().policy().match_confidence(), 0.9);
  EXPECT_EQ(get().policy().review_confidence(), 0.2);
}

}  // namespace
}  // namespace tamiz::server
