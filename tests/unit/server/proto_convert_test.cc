#include "server/proto_convert.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/time_util.h>
#include <gtest/gtest.h>

#include "core/base/hex.h"

namespace tamiz::server {
namespace {

using google::protobuf::util::TimeUtil;
using std::chrono::milliseconds;
using std::chrono::seconds;

// tamiz::Field; ::testing has one too.
std::string FieldOf(const Status& status) { return tamiz::Field(status); }

TEST(ProtoConvertTest, ScanRequestBecomesInput) {
  v1::ScanRequest request;
  request.set_request_id("r");
  request.set_uri("file:///x");
  request.add_lists("a");
  (*request.mutable_labels())["k"] = "v";
  request.set_return_hashes(true);
  *request.mutable_sampling()->mutable_interval() = TimeUtil::MillisecondsToDuration(250);
  request.mutable_sampling()->set_max_frames(7);
  request.mutable_sampling()->set_every_frame(true);
  const auto input = ToScanInput(request);
  ASSERT_TRUE(input.ok());
  EXPECT_EQ(input->request_id, "r");
  EXPECT_EQ(input->uri, "file:///x");
  EXPECT_THAT(input->lists, ::testing::ElementsAre("a"));
  EXPECT_EQ(input->labels.at("k"), "v");
  EXPECT_TRUE(input->return_hashes);
  EXPECT_EQ(input->sampling.interval, milliseconds(250));
  EXPECT_EQ(input->sampling.max_frames, 7u);
  EXPECT_EQ(input->sampling.mode, media::SamplingMode::kEveryFrame);
}

TEST(ProtoConvertTest, IntervalsThatNoDurationMayHaveAreRefused) {
  v1::ScanRequest request;
  for (const auto& [s, n] : {std::pair<std::int64_t, int>{-1, 0},
                             {3601, 0},
                             {0, -5},
                             {0, 2'000'000'000},
                             {INT64_MAX, 0},
                             {INT64_MIN, 0}}) {
    request.mutable_sampling()->mutable_interval()->set_seconds(s);
    request.mutable_sampling()->mutable_interval()->set_nanos(n);
    EXPECT_EQ(FieldOf(ToScanInput(request).status()), "sampling.interval") << s << " " << n;
  }
}

TEST(ProtoConvertTest, ScanOutputBecomesResult) {
  scan::ScanOutput output;
  output.scan_id = "s";
  output.conclusion.verdict = match::Verdict::kMatch;
  output.conclusion.confidence = 0.75;
  match::Match match;
  match.list_name = "l";
  match.entry_id = "e";
  match.transform = hash::Transform::kFlipHorizontal;
  match.hash_type = lists::HashType::kPdq;
  match.query_ranges = {{seconds(1), milliseconds(2500)}};
  match.review = true;
  output.conclusion.matches = {match};
  output.conclusion.reasons = {{media::IncompleteCode::kDecodeTruncated, "why"}};
  output.conclusion.lists = {{"id", "l", 4, "abcd"}};
  output.media.duration = milliseconds(4500);
  output.size_bytes = 99;
  output.digests.md5[0] = 1;
  output.unseen = {{seconds(2), seconds(3)}};
  output.hashes.resize(1);
  output.hashes[0].pdq.quality = 88;
  output.hashes[0].pdq.hashes[0].words[0] = 0x0102030405060708;
  v1::ScanResult result;
  ToProto(output, &result);
  EXPECT_EQ(result.verdict(), v1::VERDICT_MATCH);
  EXPECT_EQ(result.matches(0).transform(), v1::TRANSFORM_FLIP_HORIZONTAL);
  EXPECT_EQ(result.matches(0).hash_type(), v1::HASH_TYPE_PDQ);
  EXPECT_EQ(result.matches(0).query_ranges(0).end().nanos(), 500'000'000);
  EXPECT_TRUE(result.matches(0).review());
  EXPECT_EQ(result.incomplete_reasons(0).code(), v1::INCOMPLETE_CODE_DECODE_TRUNCATED);
  EXPECT_EQ(result.snapshot().lists(0).version(), 4u);
  EXPECT_EQ(result.media().duration().seconds(), 4);
  EXPECT_EQ(result.digests().md5().size(), 16u);
  EXPECT_EQ(result.coverage().unseen_size(), 1);
  EXPECT_EQ(result.hashes(0).quality(), 88u);
  EXPECT_EQ(result.hashes(0).pdq().substr(0, 8), std::string("\1\2\3\4\5\6\7\10"));
}

TEST(ProtoConvertTest, UploadThatNeverCameHasNoDigests) {
  v1::ScanResult result;
  ToProto(scan::ScanOutput(), &result);
  EXPECT_FALSE(result.has_digests());
}

TEST(ProtoConvertTest, VerdictsCodesTypesAndTransformsHaveTheNumbersOfTheApi) {
  EXPECT_EQ(static_cast<int>(match::Verdict::kNoKnownMatch), v1::VERDICT_NO_KNOWN_MATCH);
  EXPECT_EQ(v1::Verdict_MAX, v1::VERDICT_NO_KNOWN_MATCH);
  for (const media::IncompleteCode code : media::kAllIncompleteCodes) {
    EXPECT_EQ(v1::IncompleteCode_Name(static_cast<v1::IncompleteCode>(code)),
              "INCOMPLETE_CODE_" + std::string(media::ToString(code)));
  }
  // UNSPECIFIED has no reason.
  EXPECT_EQ(v1::IncompleteCode_descriptor()->value_count() - 1,
            static_cast<int>(media::kAllIncompleteCodes.size()));
  EXPECT_EQ(static_cast<int>(lists::HashType::kOpaque), v1::HASH_TYPE_OPAQUE);
  EXPECT_EQ(static_cast<int>(hash::Transform::kTransverse) + 1, v1::TRANSFORM_TRANSVERSE);
  EXPECT_EQ(static_cast<int>(lists::ListMode::kOff), v1::LIST_MODE_OFF);
  EXPECT_EQ(static_cast<int>(lists::ListKind::kAllow), v1::LIST_KIND_ALLOW);
}

v1::QueryHash* AddQuery(v1::LookupRequest& request, v1::HashType type, std::size_t bytes) {
  v1::QueryHash* query = request.add_hashes();
  query->set_type(type);
  query->set_hex(std::string(bytes * 2, 'a'));
  return query;
}

TEST(ProtoConvertTest, LookupBecomesEvidence) {
  v1::LookupRequest request;
  AddQuery(request, v1::HASH_TYPE_SHA256, 32);
  AddQuery(request, v1::HASH_TYPE_PDQ, 32)->set_time_ms(3000);
  AddQuery(request, v1::HASH_TYPE_PDQ, 32)->set_time_ms(1000);
  request.mutable_hashes(2)->set_quality(60);
  const auto evidence = ToEvidence(request);
  ASSERT_TRUE(evidence.ok()) << Message(evidence.status());
  ASSERT_EQ(evidence->foreign_digests.size(), 1u);
  ASSERT_EQ(evidence->frames.size(), 2u);
  EXPECT_EQ(evidence->frames[0].time, seconds(1));
  EXPECT_EQ(evidence->frames[0].pdq.quality, 60);
  EXPECT_EQ(evidence->frames[1].pdq.quality, 100);
  EXPECT_EQ(evidence->frames[0].orientations, hash::OrientationSet::kUpright);
  EXPECT_EQ(evidence->frame_interval, seconds(2));
}

TEST(ProtoConvertTest, LookupNamesWhatIsWrong) {
  EXPECT_EQ(FieldOf(ToEvidence(v1::LookupRequest()).status()), "hashes");
  const auto field = [](v1::HashType type, std::size_t bytes) {
    v1::LookupRequest request;
    AddQuery(request, v1::HASH_TYPE_MD5, 16);
    AddQuery(request, type, bytes);
    return FieldOf(ToEvidence(request).status());
  };
  EXPECT_EQ(field(v1::HASH_TYPE_UNSPECIFIED, 32), "hashes[1].type");
  EXPECT_EQ(field(v1::HASH_TYPE_OPAQUE, 32), "hashes[1].type");
  EXPECT_EQ(field(v1::HASH_TYPE_PDQ, 31), "hashes[1].value");
  v1::LookupRequest request;
  AddQuery(request, v1::HASH_TYPE_PDQ, 32)->set_hex("zz");
  EXPECT_EQ(FieldOf(ToEvidence(request).status()), "hashes[0].hex");
  request.mutable_hashes(0)->set_hex(std::string(64, 'a'));
  request.mutable_hashes(0)->set_quality(101);
  EXPECT_EQ(FieldOf(ToEvidence(request).status()), "hashes[0].quality");
  v1::LookupRequest many;
  for (int i = 0; i < 10'001; ++i) AddQuery(many, v1::HASH_TYPE_MD5, 16);
  EXPECT_EQ(FieldOf(ToEvidence(many).status()), "hashes");
}

TEST(ProtoConvertTest, PolicyOfANewListTakesDefaultsForWhatIsUnset) {
  v1::CreateListRequest request;
  request.set_name("n");
  request.mutable_policy()->set_radius(12);
  request.mutable_policy()->set_mode(v1::LIST_MODE_SHADOW);
  const auto info = ToListInfo(request);
  ASSERT_TRUE(info.ok());
  EXPECT_EQ(info->policy.radius, 12u);
  EXPECT_EQ(info->policy.mode, lists::ListMode::kShadow);
  EXPECT_EQ(info->policy.quality_floor, 50u);
  EXPECT_EQ(info->kind, lists::ListKind::kBlock);
  request.mutable_policy()->set_radius(65);
  EXPECT_FALSE(ToListInfo(request).ok());
  request.mutable_policy()->set_radius(1);
  request.set_name("no spaces please");
  EXPECT_EQ(FieldOf(ToListInfo(request).status()), "name");
  request.set_name("n");
  request.set_kind(static_cast<v1::ListKind>(77));
  EXPECT_EQ(FieldOf(ToListInfo(request).status()), "kind");
}

TEST(ProtoConvertTest, UpdateTakesWhatTheMaskNames) {
  lists::ListInfo info;
  info.name = "n";
  info.source_org = "before";
  info.description = "text";
  info.policy.radius = 20;
  info.policy.review_radius = 40;
  v1::UpdateListRequest request;
  request.mutable_update()->set_source_org("after");
  request.mutable_update()->mutable_policy()->set_radius(10);
  request.mutable_update()->mutable_policy()->set_quality_floor(70);
  request.mutable_update_mask()->add_paths("policy.radius");
  request.mutable_update_mask()->add_paths("policy.review_radius");
  request.mutable_update_mask()->add_paths("description");
  ASSERT_TRUE(ApplyUpdate(request, info).ok());
  EXPECT_EQ(info.source_org, "before");
  EXPECT_EQ(info.description, "");
  EXPECT_EQ(info.policy.radius, 10u);
  EXPECT_EQ(info.policy.review_radius, std::nullopt);
  EXPECT_EQ(info.policy.quality_floor, 50u);
  request.clear_update_mask();
  ASSERT_TRUE(ApplyUpdate(request, info).ok());
  EXPECT_EQ(info.source_org, "after");
  EXPECT_EQ(info.policy.quality_floor, 70u);
  request.mutable_update_mask()->add_paths("name");
  EXPECT_EQ(FieldOf(ApplyUpdate(request, info)), "update_mask");
  request.mutable_update_mask()->set_paths(0, "policy.nosuch");
  EXPECT_EQ(FieldOf(ApplyUpdate(request, info)), "update_mask");
}

TEST(ProtoConvertTest, EntryThereAndBack) {
  v1::Entry proto;
  proto.set_entry_id("e");
  proto.add_labels("A1");
  (*proto.mutable_metadata())["k"] = "v";
  *proto.mutable_expires_at() = TimeUtil::SecondsToTimestamp(2'000'000'000);
  v1::EntryHash* hash = proto.add_hashes();
  hash->set_type(v1::HASH_TYPE_PDQ);
  hash->set_hex("0F" + std::string(62, '1'));
  hash->set_time_ms(1000);
  const auto entry = ToEntry(proto, "entries[0]");
  ASSERT_TRUE(entry.ok()) << Message(entry.status());
  EXPECT_EQ(entry->hashes[0].quality, 100u);
  v1::Entry whole;
  ToProto(*entry, true, &whole);
  EXPECT_EQ(whole.hashes(0).hex(), "0f" + std::string(62, '1'));
  EXPECT_EQ(whole.hashes(0).value().size(), 32u);
  EXPECT_EQ(whole.expires_at().seconds(), 2'000'000'000);
  v1::Entry shown;
  ToProto(*entry, false, &shown);
  EXPECT_EQ(shown.hashes(0).type(), v1::HASH_TYPE_PDQ);
  EXPECT_EQ(shown.hashes(0).value(), "");
  EXPECT_EQ(shown.hashes(0).hex(), "");
  EXPECT_EQ(FieldOf(ToEntry(proto, "media[0].entry", false).status()), "media[0].entry.hashes");
  proto.mutable_expires_at()->set_seconds(INT64_MAX);
  EXPECT_EQ(FieldOf(ToEntry(proto, "entries[0]").status()), "entries[0].expires_at");
}

TEST(ProtoConvertTest, ImportOptions) {
  v1::ImportOptions options;
  options.set_format("csv");
  options.mutable_columns()->set_value("hash");
  options.set_delimiter(";");
  options.set_no_header(true);
  options.set_default_hash_type("MD5");
  const auto read = ToReadOptions(options);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->columns.value, "hash");
  EXPECT_EQ(read->columns.entry_id, "entry_id");
  EXPECT_EQ(read->delimiter, ';');
  EXPECT_FALSE(read->has_header);
  EXPECT_EQ(read->default_hash_type, lists::HashType::kMd5);
  EXPECT_EQ(read->format, "csv");
  options.set_delimiter(";;");
  EXPECT_EQ(FieldOf(ToReadOptions(options).status()), "options.delimiter");
  options.set_delimiter("");
  options.set_max_rejected_share(std::nan(""));
  EXPECT_EQ(FieldOf(ToReadOptions(options).status()), "options.max_rejected_share");
}

TEST(ProtoConvertTest, ImportOptionsOfOtherFormats) {
  v1::ImportOptions options;
  options.mutable_columns()->set_category("cat");
  v1::HashColumn& column = *options.add_hash_columns();
  column.set_column("MD5");
  column.set_hash_type("md5");
  column.set_encoding("base64");
  v1::CategoryRule& rule = *options.add_categories();
  rule.set_category("1");
  rule.add_labels("A1");
  options.add_photodna_denylist(std::string(286, '0') + "01");
  options.set_derive_entry_ids(true);
  options.set_entry_id("clip");
  const auto read = ToReadOptions(options);
  ASSERT_TRUE(read.ok()) << Message(read.status());
  EXPECT_EQ(read->format, "auto");
  EXPECT_EQ(read->columns.category, "cat");
  ASSERT_EQ(read->hash_columns.size(), 1u);
  EXPECT_EQ(read->hash_columns[0].kind, lists::HashKind(lists::HashType::kMd5));
  EXPECT_EQ(read->hash_columns[0].encoding, lists::HashEncoding::kBase64);
  ASSERT_EQ(read->categories.size(), 1u);
  EXPECT_EQ(read->categories[0].labels, std::vector<std::string>{"A1"});
  EXPECT_TRUE(read->derive_ids);
  EXPECT_EQ(read->entry_id, "clip");

  column.set_encoding("octal");
  EXPECT_EQ(FieldOf(ToReadOptions(options).status()), "options.hash_columns");
  column.set_encoding("");
  column.set_hash_type("crc32");
  EXPECT_EQ(FieldOf(ToReadOptions(options).status()), "options.hash_columns");
  options.clear_hash_columns();
  options.add_photodna_denylist("x");
  EXPECT_EQ(FieldOf(ToReadOptions(options).status()), "options.photodna_denylist");
}

}  // namespace
}  // namespace tamiz::server
