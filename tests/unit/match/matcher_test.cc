#include "core/match/matcher.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/match/verdict.h"
#include "tests/unit/match/printers.h"

namespace tamiz::match {
namespace {

using namespace std::chrono_literals;
using hash::Hash256;
using hash::Transform;
using lists::HashType;
using lists::ListKind;
using lists::ListMode;
using media::IncompleteCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const WallTime kNow = WallTime(std::chrono::hours(24) * 20000);

Hash256 Picture(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Hash256 hash;
  for (auto& word : hash.words) word = random();
  return hash;
}

// `hash` with its first `bits` bits changed.
Hash256 Changed(Hash256 hash, int bits) {
  for (int i = 0; i < bits; ++i) hash.words[i / 64] ^= std::uint64_t{1} << (i % 64);
  return hash;
}

FrameEvidence Look(const Hash256& hash, std::uint32_t index = 0, int quality = 100) {
  FrameEvidence look;
  look.index = index;
  look.pdq.hashes.fill(hash);
  // The other orientations look like nothing known.
  for (int t = 1; t < hash::kTransforms; ++t) look.pdq.hashes[t] = Picture(0xfeed + 100 * index + t);
  look.pdq.quality = quality;
  return look;
}

Evidence Still(const FrameEvidence& look) {
  Evidence evidence;
  evidence.frames = {look};
  return evidence;
}

// A video of one frame a second.
Evidence Video(const std::vector<Hash256>& frames) {
  Evidence evidence;
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    evidence.frames.push_back(Look(frames[i], i));
    evidence.frames.back().time = std::chrono::seconds(i);
  }
  evidence.duration = std::chrono::seconds(frames.size());
  evidence.frame_interval = 1s;
  return evidence;
}

hash::Digests DigestsFrom(std::uint8_t byte) {
  hash::Digests digests;
  digests.md5.fill(byte);
  digests.sha1.fill(byte);
  digests.sha256.fill(byte);
  return digests;
}

// Collects entries and builds a snapshot of them.
class ListBuilder {
 public:
  explicit ListBuilder(std::string name) {
    info_.name = name;
    info_.list_id = "id-of-" + name;
    info_.version = 7;
    info_.digest = "digest-of-" + name;
    info_.source_org = "Example Org";
  }
  lists::ListInfo& info() { return info_; }
  lists::ListPolicy& policy() { return info_.policy; }

  std::size_t Entry(const std::string& id) {
    entries_.push_back({.id = id, .labels = {"A1"}, .metadata = {{"case", id}}});
    return entries_.size() - 1;
  }
  ListBuilder& Pdq(const std::string& id, const Hash256& hash, int quality = 100) {
    AddPdq(Entry(id), hash, std::nullopt, quality);
    return *this;
  }
  ListBuilder& KnownVideo(const std::string& id, const std::vector<Hash256>& frames) {
    const std::size_t entry = Entry(id);
    for (std::size_t i = 0; i < frames.size(); ++i) AddPdq(entry, frames[i], 1000 * i, 100);
    return *this;
  }
  ListBuilder& Digest(const std::string& id, HashType type, std::vector<std::uint8_t> value) {
    AddDigest(Entry(id), type, std::move(value));
    return *this;
  }
  void AddPdq(std::size_t entry, const Hash256& hash, std::optional<std::uint64_t> time_ms, int quality) {
    const auto value = hash.ToBytes();
    entries_[entry].hashes.push_back({.type = HashType::kPdq,
                                      .value = {value.begin(), value.end()},
                                      .quality = static_cast<std::uint32_t>(quality),
                                      .time_ms = time_ms});
  }
  void AddDigest(std::size_t entry, HashType type, std::vector<std::uint8_t> value) {
    entries_[entry].hashes.push_back({.type = type, .value = std::move(value)});
  }
  ListBuilder& ExpireLast(WallTime when) {
    entries_.back().expires_at = when;
    return *this;
  }

  [[nodiscard]] std::shared_ptr<const lists::ListSnapshot> Build() {
    auto snapshot = lists::BuildListSnapshot(info_, entries_, WallTime{});
    EXPECT_TRUE(snapshot.ok()) << Message(snapshot.status());
    return *snapshot;
  }

 private:
  lists::ListInfo info_;
  std::vector<lists::Entry> entries_;
};

lists::Catalog CatalogOf(std::vector<std::shared_ptr<const lists::ListSnapshot>> lists) {
  lists::Catalog catalog;
  catalog.generation = 3;
  catalog.lists = std::move(lists);
  return catalog;
}

Conclusion Ask(const Evidence& evidence, const lists::Catalog& catalog,
               const std::vector<std::string>& wanted = {},
               std::vector<media::IncompleteReason> reasons = {}) {
  auto conclusion = Conclude(evidence, catalog, wanted, std::move(reasons), kNow);
  EXPECT_TRUE(conclusion.ok()) << Message(conclusion.status());
  return conclusion.ok() ? *std::move(conclusion) : Conclusion{};
}

std::vector<IncompleteCode> CodesOf(const Conclusion& conclusion) {
  std::vector<IncompleteCode> codes;
  for (const auto& reason : conclusion.reasons) codes.push_back(reason.code);
  return codes;
}

std::vector<std::string> IdsOf(const Conclusion& conclusion) {
  std::vector<std::string> ids;
  for (const auto& match : conclusion.matches) ids.push_back(match.entry_id);
  return ids;
}

// --- Single pictures ---------------------------------------------------------------------------------------

TEST(Matcher, PictureWithinTheRadiusIsAMatchThatExplainsItself) {
  ListBuilder list("known");
  list.policy().action_hint = "block";
  list.Pdq("other", Picture(1)).Pdq("wanted", Picture(2), 77);
  const auto conclusion = Ask(Still(Look(Changed(Picture(2), 12), 0, 90)), CatalogOf({list.Build()}));
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  EXPECT_THAT(conclusion.reasons, IsEmpty());
  EXPECT_EQ(conclusion.generation, 3u);
  EXPECT_EQ(conclusion.frames_hashed, 1u);
  ASSERT_THAT(conclusion.lists, SizeIs(1));
  EXPECT_EQ(conclusion.lists[0].digest, "digest-of-known");
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  const Match& match = conclusion.matches[0];
  EXPECT_EQ(match.list_id, "id-of-known");
  EXPECT_EQ(match.list_name, "known");
  EXPECT_EQ(match.list_version, 7u);
  EXPECT_EQ(match.entry_id, "wanted");
  EXPECT_THAT(match.labels, ElementsAre("A1"));
  EXPECT_EQ(match.source_org, "Example Org");
  EXPECT_EQ(match.metadata.at("case"), "wanted");
  EXPECT_EQ(match.action_hint, "block");
  EXPECT_EQ(match.hash_type, HashType::kPdq);
  EXPECT_FALSE(match.exact);
  EXPECT_EQ(match.distance, 12u);
  EXPECT_EQ(match.radius, 31u);
  EXPECT_EQ(match.transform, Transform::kIdentity);
  EXPECT_EQ(match.quality_query, 90u);
  EXPECT_EQ(match.quality_reference, 77u);
  EXPECT_EQ(match.corroborating_frames, 1u);
  EXPECT_EQ(match.query_coverage, 1);
  EXPECT_EQ(match.reference_coverage, 1);
  EXPECT_THAT(match.query_ranges, IsEmpty());
  EXPECT_THAT(match.reference_ranges, IsEmpty());
  EXPECT_FALSE(match.shadow);
  EXPECT_FALSE(match.review);
  EXPECT_GT(match.confidence, 0.9);
  EXPECT_EQ(conclusion.confidence, match.confidence);
}

TEST(Matcher, TheRadiusIsInclusive) {
  const auto catalog = CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()});
  EXPECT_EQ(Ask(Still(Look(Changed(Picture(1), 31))), catalog).verdict, Verdict::kMatch);
  EXPECT_EQ(Ask(Still(Look(Changed(Picture(1), 32))), catalog).verdict, Verdict::kNoKnownMatch);
}

TEST(Matcher, UnrelatedPictureIsNotKnown) {
  const auto conclusion =
      Ask(Still(Look(Picture(2))), CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()}));
  EXPECT_EQ(conclusion.verdict, Verdict::kNoKnownMatch);
  EXPECT_EQ(conclusion.confidence, 0);
  EXPECT_THAT(conclusion.matches, IsEmpty());
}

TEST(Matcher, AnEmptyListWasConsulted) {
  const auto conclusion = Ask(Still(Look(Picture(2))), CatalogOf({ListBuilder("empty").Build()}));
  EXPECT_EQ(conclusion.verdict, Verdict::kNoKnownMatch);
  EXPECT_THAT(conclusion.lists, SizeIs(1));
}

TEST(Matcher, ReviewRadiusIsForAPerson) {
  ListBuilder list("known");
  list.policy().review_radius = 40;
  list.Pdq("e", Picture(1));
  const auto catalog = CatalogOf({list.Build()});
  const auto conclusion = Ask(Still(Look(Changed(Picture(1), 40))), catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kPossibleMatch);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_TRUE(conclusion.matches[0].review);
  EXPECT_EQ(conclusion.matches[0].distance, 40u);
  EXPECT_EQ(conclusion.matches[0].radius, 31u);
  EXPECT_GT(conclusion.confidence, 0);
  EXPECT_EQ(Ask(Still(Look(Changed(Picture(1), 41))), catalog).verdict, Verdict::kNoKnownMatch);
}

TEST(Matcher, TransformSaysHowTheUploadIsTurned) {
  const auto catalog = CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()});
  for (int t = 0; t < hash::kTransforms; ++t) {
    FrameEvidence look = Look(Picture(2));
    // The upload turned by t is the known picture, so the known picture turned back is the upload.
    look.pdq.hashes[t] = Changed(Picture(1), 3);
    const auto conclusion = Ask(Still(look), catalog);
    ASSERT_THAT(conclusion.matches, SizeIs(1)) << t;
    EXPECT_EQ(conclusion.matches[0].transform, hash::Inverse(static_cast<Transform>(t)));
  }
}

TEST(Matcher, UprightIsPreferredAtTheSameDistanceOnly) {
  const auto catalog = CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()});
  FrameEvidence look = Look(Changed(Picture(1), 5));
  look.pdq.hashes[4] = Changed(Picture(1), 5);
  EXPECT_EQ(Ask(Still(look), catalog).matches.at(0).transform, Transform::kIdentity);
  look.pdq.hashes[4] = Changed(Picture(1), 4);
  EXPECT_EQ(Ask(Still(look), catalog).matches.at(0).transform, Transform::kFlipHorizontal);
}

TEST(Matcher, OrientationsCanBeOff) {
  ListBuilder list("known");
  list.Pdq("e", Picture(1));
  FrameEvidence look = Look(Picture(2));
  look.pdq.hashes[1] = Picture(1);
  EXPECT_EQ(Ask(Still(look), CatalogOf({list.Build()})).verdict, Verdict::kMatch);
  list.policy().orientations = false;
  EXPECT_EQ(Ask(Still(look), CatalogOf({list.Build()})).verdict, Verdict::kNoKnownMatch);
}

TEST(Matcher, ForeignHashesHaveOneOrientation) {
  const auto catalog = CatalogOf({ListBuilder("known").Pdq("zero", Hash256{}).Build()});
  FrameEvidence look = Look(Picture(2));
  look.orientations = hash::OrientationSet::kUpright;
  for (int t = 1; t < hash::kTransforms; ++t) look.pdq.hashes[t] = Hash256{};  // not there, not hashes
  EXPECT_EQ(Ask(Still(look), catalog).verdict, Verdict::kNoKnownMatch);
}

TEST(Matcher, PartsAreLookedUpUprightAndMirrored) {
  const auto catalog = CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Pdq("zero", Hash256{}).Build()});
  FrameEvidence part = Look(Picture(2));
  part.kind = hash::LookKind::kRegion;
  part.orientations = hash::OrientationSet::kMirrored;
  for (int t = 1; t < hash::kTransforms; ++t) part.pdq.hashes[t] = Hash256{};  // not there, not hashes
  part.pdq.hashes[4] = Picture(1);
  const auto mirrored = Ask(Still(part), catalog);
  ASSERT_THAT(mirrored.matches, SizeIs(1));
  EXPECT_EQ(mirrored.matches[0].entry_id, "e");
  EXPECT_EQ(mirrored.matches[0].transform, Transform::kFlipHorizontal);
  EXPECT_EQ(mirrored.matches[0].evidence.queries, 2U);
  part.pdq.hashes[4] = Picture(3);
  part.pdq.hashes[1] = Picture(1);
  EXPECT_EQ(Ask(Still(part), catalog).verdict, Verdict::kNoKnownMatch);
}

TEST(Matcher, StrippedBordersAreLookedUpWhereThePolicySaysSo) {
  ListBuilder list("known");
  list.Pdq("e", Picture(1));
  Evidence evidence = Still(Look(Picture(2)));
  evidence.frames.push_back(Look(Changed(Picture(1), 8)));
  evidence.frames.back().kind = hash::LookKind::kBorderRemoved;
  const auto conclusion = Ask(evidence, CatalogOf({list.Build()}));
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_TRUE(conclusion.matches[0].border_removed);
  EXPECT_EQ(conclusion.matches[0].corroborating_frames, 1u);
  EXPECT_EQ(conclusion.frames_hashed, 1u);
  list.policy().border_removal = false;
  EXPECT_EQ(Ask(evidence, CatalogOf({list.Build()})).verdict, Verdict::kNoKnownMatch);
}

TEST(Matcher, ExpiredEntriesDoNotMatch) {
  ListBuilder list("known");
  list.Pdq("e", Picture(1)).ExpireLast(kNow);
  list.Digest("d", HashType::kMd5, std::vector<std::uint8_t>(16, 9)).ExpireLast(kNow);
  Evidence evidence = Still(Look(Picture(1)));
  evidence.digests = DigestsFrom(9);
  EXPECT_EQ(Ask(evidence, CatalogOf({list.Build()})).verdict, Verdict::kNoKnownMatch);
  list.ExpireLast(kNow + 1s);
  EXPECT_THAT(IdsOf(Ask(evidence, CatalogOf({list.Build()}))), ElementsAre("d"));
}

// --- Digests -----------------------------------------------------------------------------------------------

TEST(Matcher, EqualSha256IsCertain) {
  const auto catalog = CatalogOf(
      {ListBuilder("known").Digest("e", HashType::kSha256, std::vector<std::uint8_t>(32, 5)).Build()});
  Evidence evidence = Still(Look(Picture(1)));
  evidence.digests = DigestsFrom(5);
  const auto conclusion = Ask(evidence, catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  EXPECT_EQ(conclusion.confidence, 1.0);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  const Match& match = conclusion.matches[0];
  EXPECT_TRUE(match.exact);
  EXPECT_EQ(match.hash_type, HashType::kSha256);
  EXPECT_EQ(match.distance, 0u);
  EXPECT_FALSE(match.transform.has_value());
  EXPECT_EQ(match.query_coverage, 1);
  EXPECT_EQ(match.reference_coverage, 1);
  EXPECT_EQ(match.basis.method, "exact-digest");
}

TEST(Matcher, StrongestDigestIsReportedWithTheFramesBesideIt) {
  ListBuilder list("known");
  const auto entry = list.Entry("e");
  list.AddDigest(entry, HashType::kMd5, std::vector<std::uint8_t>(16, 5));
  list.AddDigest(entry, HashType::kSha1, std::vector<std::uint8_t>(20, 5));
  list.AddPdq(entry, Picture(1), std::nullopt, 80);
  Evidence evidence = Still(Look(Changed(Picture(1), 4)));
  evidence.digests = DigestsFrom(5);
  const auto conclusion = Ask(evidence, CatalogOf({list.Build()}));
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  const Match& match = conclusion.matches[0];
  EXPECT_EQ(match.hash_type, HashType::kSha1);
  EXPECT_TRUE(match.exact);
  EXPECT_EQ(match.distance, 0u);
  EXPECT_FALSE(match.transform.has_value());
  EXPECT_EQ(match.corroborating_frames, 1u);
}

TEST(Matcher, LookUpOfADigestAlone) {
  const auto catalog =
      CatalogOf({ListBuilder("known").Digest("e", HashType::kMd5, std::vector<std::uint8_t>(16, 5)).Build()});
  Evidence evidence;
  evidence.foreign_digests.push_back({.type = HashType::kMd5, .value = std::vector<std::uint8_t>(16, 5)});
  EXPECT_EQ(Ask(evidence, catalog).verdict, Verdict::kMatch);
  // Not found: the digest says nothing about other copies of the same picture.
  evidence.foreign_digests[0].value[0] = 6;
  const auto conclusion = Ask(evidence, catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kIncomplete);
  EXPECT_THAT(CodesOf(conclusion), ElementsAre(IncompleteCode::kNoVisualContent));
}

// --- What could not be looked at ---------------------------------------------------------------------------

TEST(Matcher, GivenReasonsMakeItIncompleteUnlessSomethingMatched) {
  const auto catalog = CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()});
  const std::vector<media::IncompleteReason> reasons = {{IncompleteCode::kDecodeTruncated, "ended early"}};
  EXPECT_EQ(Ask(Still(Look(Picture(2))), catalog, {}, reasons).verdict, Verdict::kIncomplete);
  const auto conclusion = Ask(Still(Look(Picture(1))), catalog, {}, reasons);
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  EXPECT_THAT(CodesOf(conclusion), ElementsAre(IncompleteCode::kDecodeTruncated));
}

TEST(Matcher, NoFramesKeepTheReasonsGiven) {
  const auto catalog = CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()});
  const auto conclusion = Ask({}, catalog, {}, {{IncompleteCode::kDecodeFailed, "no"}});
  EXPECT_THAT(CodesOf(conclusion), ElementsAre(IncompleteCode::kDecodeFailed));
  EXPECT_EQ(conclusion.verdict, Verdict::kIncomplete);
}

TEST(Matcher, FlatFramesSayNothing) {
  // The flat frame's hash is on the list, and still must not match.
  const auto catalog = CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()});
  const auto conclusion = Ask(Still(Look(Picture(1), 0, 49)), catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kIncomplete);
  EXPECT_THAT(CodesOf(conclusion), ElementsAre(IncompleteCode::kLowQuality));
  EXPECT_THAT(conclusion.matches, IsEmpty());
  EXPECT_EQ(conclusion.frames_hashed, 0u);
  EXPECT_EQ(conclusion.frames_low_quality, 1u);
  EXPECT_EQ(Ask(Still(Look(Picture(1), 0, 50)), catalog).verdict, Verdict::kMatch);
}

TEST(Matcher, DimFramesAreComparedAsIfTheyWereBright) {
  FrameEvidence dim = Look(Changed(Picture(1), 7), 0, 30);
  dim.pdq.restored_quality = 80;
  const auto found = Ask(Still(dim), CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()}));
  EXPECT_EQ(found.verdict, Verdict::kMatch);
  ASSERT_THAT(found.matches, SizeIs(1));
  EXPECT_TRUE(found.matches[0].contrast_restored);
  EXPECT_EQ(found.matches[0].quality_query, 30u);
  EXPECT_EQ(found.frames_hashed, 1u);

  const auto bright =
      Ask(Still(Look(Picture(1), 0, 90)), CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()}));
  EXPECT_FALSE(bright.matches.at(0).contrast_restored);

  FrameEvidence part = dim;
  part.kind = hash::LookKind::kRegion;
  EXPECT_EQ(Ask(Still(part), CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()})).verdict,
            Verdict::kIncomplete);

  ListBuilder plain("plain");
  plain.policy().restore_contrast = false;
  const auto missed = Ask(Still(dim), CatalogOf({plain.Pdq("e", Picture(1)).Build()}));
  EXPECT_THAT(CodesOf(missed), ElementsAre(IncompleteCode::kLowQuality));
  EXPECT_EQ(missed.frames_low_quality, 1u);
}

TEST(Matcher, SomeFlatFramesAreCountedOnly) {
  const auto catalog = CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()});
  Evidence evidence = Video({Picture(2), Picture(3), Picture(4)});
  evidence.frames[1].pdq.quality = 0;
  const auto conclusion = Ask(evidence, catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kNoKnownMatch);
  EXPECT_EQ(conclusion.frames_hashed, 2u);
  EXPECT_EQ(conclusion.frames_low_quality, 1u);
}

TEST(Matcher, AListThatCouldNotCompareIsNamed) {
  ListBuilder strict("strict");
  strict.policy().quality_floor = 80;
  strict.Pdq("e", Picture(1));
  const auto catalog = CatalogOf({ListBuilder("lenient").Pdq("e", Picture(1)).Build(), strict.Build()});
  const auto conclusion = Ask(Still(Look(Picture(2), 0, 60)), catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kIncomplete);
  ASSERT_THAT(CodesOf(conclusion), ElementsAre(IncompleteCode::kLowQuality));
  EXPECT_THAT(conclusion.reasons[0].detail, HasSubstr("strict"));
  EXPECT_EQ(conclusion.frames_hashed, 1u);
}

TEST(Matcher, UnavailableListsAreReasons) {
  auto catalog = CatalogOf({ListBuilder("known").Pdq("e", Picture(1)).Build()});
  catalog.unavailable.push_back({"broken", "id-of-broken", "its checksum is wrong"});
  const auto conclusion = Ask(Still(Look(Picture(2))), catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kIncomplete);
  ASSERT_THAT(CodesOf(conclusion), ElementsAre(IncompleteCode::kListUnavailable));
  EXPECT_THAT(conclusion.reasons[0].detail, HasSubstr("broken"));
  // Not asked for, not missed.
  EXPECT_EQ(Ask(Still(Look(Picture(2))), catalog, {"known"}).verdict, Verdict::kNoKnownMatch);
  EXPECT_EQ(Ask(Still(Look(Picture(2))), catalog, {"id-of-broken"}).verdict, Verdict::kIncomplete);
}

TEST(Matcher, NoListAtAllIsIncomplete) {
  EXPECT_THAT(CodesOf(Ask(Still(Look(Picture(2))), CatalogOf({}))),
              ElementsAre(IncompleteCode::kListUnavailable));
  ListBuilder allow("allow");
  allow.info().kind = ListKind::kAllow;
  ListBuilder off("off");
  off.policy().mode = ListMode::kOff;
  EXPECT_EQ(Ask(Still(Look(Picture(2))), CatalogOf({allow.Build(), off.Build()})).verdict,
            Verdict::kIncomplete);
}

// --- Which lists -------------------------------------------------------------------------------------------

TEST(Matcher, WantedListsByNameOrId) {
  const auto catalog = CatalogOf(
      {ListBuilder("a").Pdq("in-a", Picture(1)).Build(), ListBuilder("b").Pdq("in-b", Picture(1)).Build()});
  const Evidence evidence = Still(Look(Picture(1)));
  EXPECT_THAT(IdsOf(Ask(evidence, catalog)), ElementsAre("in-a", "in-b"));
  EXPECT_THAT(IdsOf(Ask(evidence, catalog, {"b"})), ElementsAre("in-b"));
  const auto both_names = Ask(evidence, catalog, {"id-of-a", "a"});
  EXPECT_THAT(IdsOf(both_names), ElementsAre("in-a"));
  EXPECT_THAT(both_names.lists, SizeIs(1));
}

TEST(Matcher, UnknownListIsAnError) {
  const auto conclusion = Conclude({}, CatalogOf({}), {"nowhere"}, {}, kNow);
  ASSERT_FALSE(conclusion.ok());
  EXPECT_EQ(conclusion.status().code(), StatusCode::kNotFound);
  EXPECT_THAT(Message(conclusion.status()), HasSubstr("nowhere"));
}

TEST(Matcher, ListsThatAreOffAreNotConsulted) {
  ListBuilder off("off");
  off.policy().mode = ListMode::kOff;
  off.Pdq("e", Picture(1));
  const auto catalog = CatalogOf({ListBuilder("known").Build(), off.Build()});
  EXPECT_EQ(Ask(Still(Look(Picture(1))), catalog).verdict, Verdict::kNoKnownMatch);
  // Asked for by name: the caller must learn that it was not consulted.
  const auto conclusion = Ask(Still(Look(Picture(1))), catalog, {"off"});
  EXPECT_EQ(conclusion.verdict, Verdict::kIncomplete);
  EXPECT_THAT(CodesOf(conclusion), ElementsAre(IncompleteCode::kListUnavailable));
  EXPECT_THAT(conclusion.matches, IsEmpty());
}

TEST(Lists, OneThatIsTooOldIsConsultedAndSaysSo) {
  ListBuilder known("known");
  known.Pdq("e", Picture(1));
  known.policy().max_age = 1h;
  known.info().updated_at = kNow - 2h;
  lists::Catalog catalog = CatalogOf({known.Build()});
  const Conclusion nothing = Ask(Still(Look(Picture(2))), catalog);
  EXPECT_EQ(nothing.verdict, Verdict::kIncomplete);
  ASSERT_THAT(CodesOf(nothing), ElementsAre(IncompleteCode::kListUnavailable));
  EXPECT_THAT(nothing.reasons[0].detail, HasSubstr("complete 7200 s ago; its policy allows 3600 s"));
  EXPECT_EQ(Ask(Still(Look(Picture(1))), catalog).verdict, Verdict::kMatch) << "what matches, matches";

  // Nothing changed, but its exchange was read to the end.
  const auto freshness = std::make_shared<lists::Freshness>();
  freshness->Confirm("id-of-known", kNow - 30min, kNow);
  freshness->Confirm("id-of-known", kNow - 90min, kNow);
  catalog.freshness = freshness;
  EXPECT_EQ(Ask(Still(Look(Picture(2))), catalog).verdict, Verdict::kNoKnownMatch);
}

// A clock that went ahead and was put right again must not make a list look fresh for as long as it was
// ahead.
TEST(Lists, ATimeThatIsStillToComeIsNoAge) {
  ListBuilder known("known");
  known.Pdq("e", Picture(1));
  known.policy().max_age = 1h;
  known.info().updated_at = kNow + 240h;
  lists::Catalog catalog = CatalogOf({known.Build()});
  const auto freshness = std::make_shared<lists::Freshness>();
  freshness->Confirm("id-of-known", kNow + 240h, kNow + 240h);
  catalog.freshness = freshness;
  const Conclusion nothing = Ask(Still(Look(Picture(2))), catalog);
  EXPECT_EQ(nothing.verdict, Verdict::kIncomplete);
  ASSERT_THAT(CodesOf(nothing), ElementsAre(IncompleteCode::kListUnavailable));
  EXPECT_THAT(nothing.reasons[0].detail, HasSubstr("look at the clock"));

  // The next reading tells, though its time is earlier.
  freshness->Confirm("id-of-known", kNow - 30min, kNow);
  EXPECT_EQ(Ask(Still(Look(Picture(2))), catalog).verdict, Verdict::kNoKnownMatch);
}

TEST(Matcher, ShadowListsReportWithoutInfluence) {
  ListBuilder shadow("shadow");
  shadow.policy().mode = ListMode::kShadow;
  shadow.Pdq("e", Picture(1));
  const auto conclusion = Ask(Still(Look(Picture(1))), CatalogOf({shadow.Build()}));
  EXPECT_EQ(conclusion.verdict, Verdict::kNoKnownMatch);
  EXPECT_EQ(conclusion.confidence, 0);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_TRUE(conclusion.matches[0].shadow);
}

TEST(Matcher, StrongestFirst) {
  ListBuilder shadow("a-shadow");
  shadow.policy().mode = ListMode::kShadow;
  shadow.Pdq("shadow", Picture(1));
  ListBuilder known("known");
  known.policy().review_radius = 50;
  known.Pdq("review", Changed(Picture(1), 45))
      .Pdq("far", Changed(Picture(1), 20))
      .Pdq("near-b", Changed(Picture(1), 2))
      .Pdq("near-a", Changed(Picture(1), 2))
      .Digest("md5", HashType::kMd5, std::vector<std::uint8_t>(16, 5))
      .Digest("sha256", HashType::kSha256, std::vector<std::uint8_t>(32, 5));
  Evidence evidence = Still(Look(Picture(1)));
  evidence.digests = DigestsFrom(5);
  EXPECT_THAT(IdsOf(Ask(evidence, CatalogOf({shadow.Build(), known.Build()}))),
              ElementsAre("sha256", "md5", "near-a", "near-b", "far", "review", "shadow"));
}

TEST(Matcher, OneMatchAnEntryTheNearest) {
  ListBuilder list("known");
  const auto entry = list.Entry("e");
  for (int distance : {9, 3, 20}) list.AddPdq(entry, Changed(Picture(1), distance), std::nullopt, 100);
  const auto conclusion = Ask(Still(Look(Picture(1))), CatalogOf({list.Build()}));
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_EQ(conclusion.matches[0].distance, 3u);
}

TEST(Matcher, TheAnswerIsBoundedAndKeepsTheStrongest) {
  ListBuilder list("known");
  for (int i = 0; i < 1500; ++i) list.Pdq("e" + std::to_string(i), Changed(Picture(1), 10));
  list.Pdq("nearest", Picture(1));
  const auto conclusion = Ask(Still(Look(Picture(1))), CatalogOf({list.Build()}));
  EXPECT_THAT(conclusion.matches, SizeIs(kMaxMatches));
  EXPECT_EQ(conclusion.matches[0].entry_id, "nearest");
}

// --- Video -------------------------------------------------------------------------------------------------

std::vector<Hash256> Frames(std::uint64_t seed, int count) {
  std::vector<Hash256> frames;
  for (int i = 0; i < count; ++i) frames.push_back(Picture(seed + static_cast<std::uint64_t>(i)));
  return frames;
}

std::vector<Hash256> operator+(std::vector<Hash256> a, const std::vector<Hash256>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Matcher, KnownClipInsideALongUpload) {
  const auto clip = Frames(1000, 5);
  const auto catalog = CatalogOf({ListBuilder("known").KnownVideo("clip", clip).Build()});
  const auto conclusion = Ask(Video(Frames(5000, 30) + clip + Frames(6000, 15)), catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  const Match& match = conclusion.matches[0];
  EXPECT_EQ(match.reference_coverage, 1);
  EXPECT_DOUBLE_EQ(match.query_coverage, 0.1);
  EXPECT_EQ(match.corroborating_frames, 5u);
  EXPECT_THAT(match.query_ranges, ElementsAre(TimeRange{30s, 35s}));
  EXPECT_THAT(match.reference_ranges, ElementsAre(TimeRange{0s, 5s}));
}

TEST(Matcher, SmallPartOfAKnownVideoIsForAPerson) {
  const auto known = Frames(1000, 10);
  const auto catalog = CatalogOf({ListBuilder("known").KnownVideo("video", known).Build()});
  const auto part = std::vector<Hash256>(known.begin() + 2, known.begin() + 9);
  const auto conclusion = Ask(Video(part), catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kPossibleMatch);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_TRUE(conclusion.matches[0].review);
  EXPECT_DOUBLE_EQ(conclusion.matches[0].reference_coverage, 0.7);
  EXPECT_EQ(conclusion.matches[0].query_coverage, 1);
  EXPECT_THAT(conclusion.matches[0].reference_ranges, ElementsAre(TimeRange{2s, 9s}));
  // Eight of ten are enough.
  const auto more = std::vector<Hash256>(known.begin() + 2, known.end());
  EXPECT_EQ(Ask(Video(more), catalog).verdict, Verdict::kMatch);
}

TEST(Matcher, QueryCoverageCanBeAskedFor) {
  const auto clip = Frames(1000, 5);
  ListBuilder list("known");
  list.policy().min_query_coverage = 0.5;
  list.KnownVideo("clip", clip);
  const auto catalog = CatalogOf({list.Build()});
  EXPECT_EQ(Ask(Video(clip + Frames(5000, 5)), catalog).verdict, Verdict::kMatch);
  EXPECT_EQ(Ask(Video(clip + Frames(5000, 6)), catalog).verdict, Verdict::kPossibleMatch);
}

TEST(Matcher, RepeatedFramesDoNotCoverTheReferenceTwice) {
  const auto known = Frames(1000, 10);
  const auto catalog = CatalogOf({ListBuilder("known").KnownVideo("video", known).Build()});
  const auto conclusion = Ask(Video(std::vector<Hash256>(200, known[4])), catalog);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_DOUBLE_EQ(conclusion.matches[0].reference_coverage, 0.1);
  EXPECT_EQ(conclusion.matches[0].corroborating_frames, 200u);
  EXPECT_EQ(conclusion.verdict, Verdict::kPossibleMatch);
}

TEST(Matcher, RangesSplitWhereTheUploadShowsSomethingElse) {
  const auto known = Frames(1000, 4);
  const auto catalog = CatalogOf({ListBuilder("known").KnownVideo("video", known).Build()});
  const auto conclusion =
      Ask(Video({known[0], known[1], Picture(1), known[2], known[3], Picture(2)}), catalog);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_THAT(conclusion.matches[0].query_ranges, ElementsAre(TimeRange{0s, 2s}, TimeRange{3s, 5s}));
  EXPECT_THAT(conclusion.matches[0].reference_ranges, ElementsAre(TimeRange{0s, 4s}));
}

TEST(Matcher, StillFromAKnownVideoIsKnownMaterial) {
  const auto known = Frames(1000, 100);
  const auto catalog = CatalogOf({ListBuilder("known").KnownVideo("video", known).Build()});
  const auto conclusion = Ask(Still(Look(known[42])), catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_FALSE(conclusion.matches[0].review);
  EXPECT_DOUBLE_EQ(conclusion.matches[0].reference_coverage, 0.01);
  EXPECT_THAT(conclusion.matches[0].reference_ranges, ElementsAre(TimeRange{42s, 43s}));
  EXPECT_THAT(conclusion.matches[0].query_ranges, IsEmpty());
}

TEST(Matcher, KnownPictureInAVideoIsAMatchWithItsTime) {
  const auto catalog = CatalogOf({ListBuilder("known").Pdq("picture", Picture(1)).Build()});
  const auto conclusion = Ask(Video(Frames(1000, 7) + std::vector{Picture(1)} + Frames(2000, 2)), catalog);
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_THAT(conclusion.matches[0].query_ranges, ElementsAre(TimeRange{7s, 8s}));
  EXPECT_EQ(conclusion.matches[0].reference_coverage, 1);
  EXPECT_DOUBLE_EQ(conclusion.matches[0].query_coverage, 0.1);
  EXPECT_THAT(conclusion.matches[0].reference_ranges, IsEmpty());
}

TEST(Matcher, PictureBesideTheFramesOfAnEntryIsFoundWhole) {
  ListBuilder list("known");
  list.KnownVideo("mixed", Frames(1000, 10));
  list.AddPdq(0, Picture(1), std::nullopt, 100);
  const auto conclusion = Ask(Video({Picture(1), Picture(2)}), CatalogOf({list.Build()}));
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
}

TEST(Matcher, FramesOfAnEntryNeedNotLieSideBySide) {
  ListBuilder list("known");
  const auto video = list.Entry("video");
  const auto other = list.Entry("other");
  const auto known = Frames(1000, 4);
  for (std::uint32_t i = 0; i < 4; ++i) {
    list.AddPdq(video, known[3 - i], 1000 * (3 - i), 100);
    list.AddPdq(other, Picture(77 + i), std::nullopt, 100);
  }
  const auto conclusion = Ask(Video(known), CatalogOf({list.Build()}));
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_THAT(conclusion.matches[0].reference_ranges, ElementsAre(TimeRange{0s, 4s}));
}

TEST(Matcher, LongVideosAreSearchedInParts) {
  const auto known = Frames(1000, 500);
  const auto catalog = CatalogOf({ListBuilder("known").KnownVideo("video", known).Build()});
  Evidence evidence = Video(known);
  std::reverse(evidence.frames.begin(), evidence.frames.end());  // the order of arrival does not matter
  const auto conclusion = Ask(evidence, catalog);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_EQ(conclusion.matches[0].corroborating_frames, 500u);
  EXPECT_THAT(conclusion.matches[0].query_ranges, ElementsAre(TimeRange{0s, 500s}));
}

TEST(Matcher, ListsFullOfLookAlikesLoseNoFrame) {
  ListBuilder list("junk");
  for (int i = 0; i < 20'000; ++i) list.Pdq("e" + std::to_string(i), Picture(1));
  const auto conclusion = Ask(Video(std::vector<Hash256>(30, Picture(1))), CatalogOf({list.Build()}));
  ASSERT_THAT(conclusion.matches, SizeIs(kMaxMatches));
  for (const Match& match : conclusion.matches) EXPECT_EQ(match.corroborating_frames, 30u);
}

// --- Allow lists -------------------------------------------------------------------------------------------

class AllowLists : public ::testing::Test {
 protected:
  AllowLists() { allow_.info().kind = ListKind::kAllow; }
  ListBuilder allow_{"allow"};
  ListBuilder block_{"block"};
  [[nodiscard]] Conclusion AskBoth(const Evidence& evidence) {
    return Ask(evidence, CatalogOf({allow_.Build(), block_.Build()}));
  }
};

TEST_F(AllowLists, AllowedPictureSuppressesAndCounts) {
  block_.Pdq("false-positive", Changed(Picture(1), 25));
  allow_.Pdq("fine", Picture(1));
  const auto conclusion = AskBoth(Still(Look(Changed(Picture(1), 2))));
  EXPECT_EQ(conclusion.verdict, Verdict::kNoKnownMatch);
  EXPECT_THAT(conclusion.matches, IsEmpty());
  EXPECT_EQ(conclusion.suppressed, 1u);
  ASSERT_THAT(conclusion.suppressions, SizeIs(1));
  const Suppression& audit = conclusion.suppressions[0];
  EXPECT_EQ(audit.taken_away.list_name, "block");
  EXPECT_EQ(audit.taken_away.entry_id, "false-positive");
  EXPECT_EQ(audit.by.list_name, "allow");
  EXPECT_EQ(audit.by.entry_id, "fine");
  EXPECT_EQ(audit.by.hash_type, HashType::kPdq);
  EXPECT_EQ(audit.by.distance, 2u);
}

TEST_F(AllowLists, TheAuditNamesTheNearestAllowedEntryAndHasALimit) {
  allow_.Pdq("farther", Changed(Picture(1), 9)).Pdq("nearest", Picture(1));
  for (std::size_t i = 0; i < kMaxSuppressions + 5; ++i)
    block_.Pdq(fmt::format("e{:04}", i), Changed(Picture(1), 20));
  const auto conclusion = AskBoth(Still(Look(Picture(1))));
  EXPECT_EQ(conclusion.suppressed, kMaxSuppressions + 5);
  ASSERT_THAT(conclusion.suppressions, SizeIs(kMaxSuppressions));
  for (const Suppression& audit : conclusion.suppressions) EXPECT_EQ(audit.by.entry_id, "nearest");
}

TEST_F(AllowLists, TheAuditNamesTheEqualDigest) {
  block_.Pdq("picture", Picture(1)).Digest("md5", HashType::kMd5, std::vector<std::uint8_t>(16, 5));
  allow_.Digest("by md5", HashType::kMd5, std::vector<std::uint8_t>(16, 5));
  allow_.Digest("by sha1", HashType::kSha1, std::vector<std::uint8_t>(20, 5));
  Evidence evidence = Still(Look(Picture(1)));
  evidence.digests = DigestsFrom(5);
  const auto conclusion = AskBoth(evidence);
  ASSERT_THAT(conclusion.suppressions, SizeIs(2));
  EXPECT_EQ(conclusion.suppressions[0].taken_away.entry_id, "picture");
  EXPECT_EQ(conclusion.suppressions[1].taken_away.entry_id, "md5");
  EXPECT_EQ(conclusion.suppressions[1].taken_away.hash_type, HashType::kMd5);
  for (const Suppression& audit : conclusion.suppressions) {
    EXPECT_EQ(audit.by.entry_id, "by sha1") << "the strongest";
    EXPECT_EQ(audit.by.hash_type, HashType::kSha1);
  }
}

lists::Hold HoldOn(lists::HoldKind kind, const std::string& entry, std::optional<WallTime> until = {}) {
  return {.kind = kind, .entry_id = entry, .reason = "a reason", .since = kNow - 1h, .until = until};
}

TEST(Exceptions, ATrippedEntryIsReportedAsShadow) {
  ListBuilder list("l");
  list.Pdq("noisy", Picture(1)).Pdq("other", Changed(Picture(1), 4));
  lists::Exceptions& exceptions = list.policy().exceptions;
  ASSERT_TRUE(exceptions.Put(HoldOn(lists::HoldKind::kBreaker, "noisy")).ok());
  auto conclusion = Ask(Still(Look(Picture(1))), CatalogOf({list.Build()}));
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch) << "the other entry counts";
  ASSERT_THAT(conclusion.matches, SizeIs(2));
  EXPECT_EQ(conclusion.matches[0].entry_id, "other");
  EXPECT_TRUE(conclusion.matches[1].shadow);
  EXPECT_EQ(conclusion.matches[1].shadow_reason, "breaker");
  ASSERT_TRUE(exceptions.Put(HoldOn(lists::HoldKind::kBreaker, "")).ok());
  conclusion = Ask(Still(Look(Picture(1))), CatalogOf({list.Build()}));
  EXPECT_EQ(conclusion.verdict, Verdict::kNoKnownMatch);
  EXPECT_THAT(conclusion.matches, SizeIs(2));
}

TEST(Exceptions, ADisabledEntryMatchesAgainWhenItsTimeIsUp) {
  ListBuilder list("l");
  list.Pdq("e", Picture(1)).Digest("d", HashType::kMd5, std::vector<std::uint8_t>(16, 5));
  Evidence evidence = Still(Look(Picture(1)));
  evidence.digests = DigestsFrom(5);
  lists::Exceptions& exceptions = list.policy().exceptions;
  ASSERT_TRUE(exceptions.Put(HoldOn(lists::HoldKind::kDisabled, "e")).ok());
  EXPECT_THAT(IdsOf(Ask(evidence, CatalogOf({list.Build()}))), ElementsAre("d"));
  ASSERT_TRUE(exceptions.Put(HoldOn(lists::HoldKind::kDisabled, "d", kNow + 1s)).ok());
  EXPECT_THAT(IdsOf(Ask(evidence, CatalogOf({list.Build()}))), IsEmpty());
  ASSERT_TRUE(exceptions.Put(HoldOn(lists::HoldKind::kDisabled, "d", kNow)).ok());
  EXPECT_THAT(IdsOf(Ask(evidence, CatalogOf({list.Build()}))), ElementsAre("d"));
}

TEST_F(AllowLists, ADisabledEntryAllowsNothing) {
  block_.Pdq("known", Picture(1));
  allow_.Pdq("fine", Picture(1));
  ASSERT_TRUE(allow_.policy().exceptions.Put(HoldOn(lists::HoldKind::kDisabled, "fine")).ok());
  EXPECT_EQ(AskBoth(Still(Look(Picture(1)))).verdict, Verdict::kMatch);
}

TEST_F(AllowLists, AllowingALookAlikeDoesNotHideTheKnownPicture) {
  block_.Pdq("known", Picture(1));
  allow_.Pdq("look-alike", Changed(Picture(1), 25));
  const auto conclusion = AskBoth(Still(Look(Changed(Picture(1), 2))));
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  EXPECT_EQ(conclusion.suppressed, 0u);
}

TEST_F(AllowLists, ShadowAndExpiredAllowNothing) {
  block_.Pdq("known", Picture(1));
  allow_.Pdq("fine", Picture(1)).ExpireLast(kNow);
  EXPECT_EQ(AskBoth(Still(Look(Picture(1)))).verdict, Verdict::kMatch);
  allow_.ExpireLast(kNow + 1h);
  EXPECT_EQ(AskBoth(Still(Look(Picture(1)))).verdict, Verdict::kNoKnownMatch);
  allow_.policy().mode = ListMode::kShadow;
  EXPECT_EQ(AskBoth(Still(Look(Picture(1)))).verdict, Verdict::kMatch);
}

TEST_F(AllowLists, MatchWithOtherFramesStands) {
  const auto known = Frames(1000, 5);
  block_.KnownVideo("video", known);
  allow_.Pdq("title", known[0]);
  const auto conclusion = AskBoth(Video(known));
  EXPECT_EQ(conclusion.verdict, Verdict::kMatch);
  EXPECT_EQ(conclusion.matches.at(0).reference_coverage, 1);
  EXPECT_EQ(AskBoth(Still(Look(known[0]))).verdict, Verdict::kNoKnownMatch);
  EXPECT_EQ(AskBoth(Still(Look(known[0]))).suppressed, 1u);
}

TEST_F(AllowLists, AllowedPictureDoesNotSuppressADigest) {
  block_.Digest("file", HashType::kMd5, std::vector<std::uint8_t>(16, 5));
  allow_.Pdq("fine", Picture(1));
  Evidence evidence = Still(Look(Picture(1)));
  evidence.digests = DigestsFrom(5);
  EXPECT_EQ(AskBoth(evidence).verdict, Verdict::kMatch);
}

TEST_F(AllowLists, EqualDigestSuppressesEverythingNoStronger) {
  block_.Pdq("picture", Picture(1));
  block_.Digest("md5", HashType::kMd5, std::vector<std::uint8_t>(16, 5));
  Evidence evidence = Still(Look(Picture(1)));
  evidence.digests = DigestsFrom(5);
  allow_.Digest("fine", HashType::kMd5, std::vector<std::uint8_t>(16, 5));
  const auto conclusion = AskBoth(evidence);
  EXPECT_EQ(conclusion.verdict, Verdict::kNoKnownMatch);
  EXPECT_EQ(conclusion.suppressed, 2u);
  // MD5 can be made to collide: it does not hide what SHA-256 knows.
  block_.Digest("sha256", HashType::kSha256, std::vector<std::uint8_t>(32, 5));
  EXPECT_THAT(IdsOf(AskBoth(evidence)), ElementsAre("sha256"));
}

TEST_F(AllowLists, EqualDigestSpeaksForAFlatPicture) {
  allow_.Digest("blank", HashType::kSha256, std::vector<std::uint8_t>(32, 5));
  Evidence evidence = Still(Look(Hash256{}, 0, 0));
  EXPECT_EQ(AskBoth(evidence).verdict, Verdict::kIncomplete);
  evidence.digests = DigestsFrom(5);
  EXPECT_EQ(AskBoth(evidence).verdict, Verdict::kNoKnownMatch);
}

TEST_F(AllowLists, AllowedRadiusLeavesTheReviewBand) {
  // Within the radius only an allowed frame; in the review band a frame of its own.
  block_.policy().review_radius = 45;
  block_.Pdq("known", Picture(1));
  allow_.Pdq("fine", Changed(Picture(1), 10));
  const auto conclusion = AskBoth(Video({Changed(Picture(1), 10), Changed(Picture(1), 44)}));
  EXPECT_EQ(conclusion.verdict, Verdict::kPossibleMatch);
  ASSERT_THAT(conclusion.matches, SizeIs(1));
  EXPECT_EQ(conclusion.matches[0].distance, 44u);
}

// A calibration under which a pair 20 bits apart has about 0.88 and one 40 bits apart about 0.02.
std::shared_ptr<const calibration::Calibration> Steep() {
  auto made = std::make_shared<calibration::Calibration>(*calibration::BuiltIn());
  made->name = "steep";
  made->intercept = 6;
  made->weights = {};
  made->weights[static_cast<std::size_t>(calibration::Feature::kDistance)] = 0.2;
  made->weights[static_cast<std::size_t>(calibration::Feature::kDistanceBeyond24)] = 0.1;
  return made;
}

Conclusion AskSteep(const Hash256& hash, ListBuilder& known) {
  auto conclusion = Conclude(Still(Look(hash)), CatalogOf({known.Build()}), {}, {}, kNow, Steep());
  EXPECT_TRUE(conclusion.ok()) << Message(conclusion.status());
  return conclusion.ok() ? *std::move(conclusion) : Conclusion{};
}

TEST(PolicyByConfidence, TooLittleOfItIsPutToAPerson) {
  ListBuilder known("known");
  known.Pdq("e", Picture(1));
  known.policy().match_confidence = 0.9;
  EXPECT_EQ(AskSteep(Picture(1), known).verdict, Verdict::kMatch);
  const Conclusion unsure = AskSteep(Changed(Picture(1), 20), known);
  EXPECT_EQ(unsure.verdict, Verdict::kPossibleMatch);
  ASSERT_THAT(unsure.matches, SizeIs(1));
  EXPECT_TRUE(unsure.matches[0].review);
  EXPECT_NEAR(unsure.matches[0].confidence, 0.88, 0.01);
  EXPECT_EQ(unsure.matches[0].basis.calibration, "steep");
  ASSERT_THAT(unsure.near_misses, SizeIs(1));
  EXPECT_EQ(unsure.near_misses[0].list_name, "known");
  EXPECT_EQ(unsure.near_misses[0].review, 1u);
  EXPECT_EQ(unsure.near_misses[0].dropped, 0u);
}

TEST(PolicyByConfidence, WhatIsNotWorthAPersonsTimeIsCountedOnly) {
  ListBuilder known("known");
  known.Pdq("e", Picture(1));
  known.policy().review_radius = 50;
  EXPECT_EQ(AskSteep(Changed(Picture(1), 40), known).verdict, Verdict::kPossibleMatch);
  known.policy().review_confidence = 0.5;
  const Conclusion dropped = AskSteep(Changed(Picture(1), 40), known);
  EXPECT_EQ(dropped.verdict, Verdict::kNoKnownMatch);
  EXPECT_THAT(dropped.matches, IsEmpty());
  ASSERT_THAT(dropped.near_misses, SizeIs(1));
  EXPECT_EQ(dropped.near_misses[0].dropped, 1u);
  // Within the radius it counts whatever the review confidence, unless match_confidence asks for more.
  known.policy().radius = 45;
  EXPECT_EQ(AskSteep(Changed(Picture(1), 40), known).verdict, Verdict::kMatch);
}

TEST(PolicyByConfidence, EqualDigestsCountWhateverItSays) {
  ListBuilder known("known");
  known.Digest("e", HashType::kMd5, std::vector<std::uint8_t>(16, 7));
  known.policy().match_confidence = 1;
  Evidence evidence;
  evidence.digests = DigestsFrom(7);
  auto conclusion = Conclude(evidence, CatalogOf({known.Build()}), {}, {}, kNow, Steep());
  ASSERT_TRUE(conclusion.ok());
  EXPECT_EQ(conclusion->verdict, Verdict::kMatch);
}

TEST(PolicyByConfidence, IsNotSettledWhileFramesCome) {
  ListBuilder known("known");
  known.Pdq("e", Picture(1));
  for (const bool by_confidence : {false, true}) {
    known.policy().match_confidence = by_confidence ? 0.5 : 0;
    const lists::Catalog catalog = CatalogOf({known.Build()});
    auto matching = Matching::Start(catalog, {}, kNow, Steep());
    ASSERT_TRUE(matching.ok());
    matching->SetDigests({});
    const std::vector<FrameEvidence> looks = {Look(Picture(1))};
    matching->AddFrames(looks);
    EXPECT_THAT(matching->TakeNews({}, {}), SizeIs(1));
    EXPECT_EQ(matching->IsSettled(), !by_confidence);
  }
}

}  // namespace
}  // namespace tamiz::match
