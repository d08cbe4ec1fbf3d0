// Scans through the real decoder: inline, streamed, by reference, many at once; hashes and look-ups.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <set>

#include "tests/integration/harness.h"

namespace tamiz::server {
namespace {

class ScanFlowTest : public ServerTest {
 protected:
  v1::ScanResult Scan(const v1::ScanRequest& request) {
    grpc::ClientContext context;
    v1::ScanResponse response;
    const grpc::Status status = scans_->Scan(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.result();
  }
};

TEST_F(ScanFlowTest, InlinePicturesAndVideo) {
  Start();
  const v1::ScanResult exact = Scan(Inline(scan::CanaryPicture()));
  EXPECT_EQ(exact.verdict(), v1::VERDICT_MATCH);
  EXPECT_EQ(exact.confidence(), 1);
  ASSERT_EQ(exact.matches_size(), 1);
  EXPECT_TRUE(exact.matches(0).exact());
  EXPECT_EQ(exact.matches(0).list_name(), "tamiz-test");
  EXPECT_EQ(exact.media().width(), 640u);
  EXPECT_EQ(exact.digests().sha256().size(), 32u);
  EXPECT_EQ(exact.snapshot().lists_size(), 1);

  const v1::ScanResult flipped = Scan(Inline(scan::CanaryFlippedPicture()));
  EXPECT_EQ(flipped.verdict(), v1::VERDICT_MATCH);
  EXPECT_EQ(flipped.matches(0).transform(), v1::TRANSFORM_FLIP_HORIZONTAL);
  EXPECT_LE(flipped.matches(0).distance(), 31u);

  v1::ScanRequest request = Inline(scan::CanaryVideo());
  request.set_return_hashes(true);
  const v1::ScanResult video = Scan(request);
  EXPECT_EQ(video.verdict(), v1::VERDICT_MATCH);
  EXPECT_EQ(video.hashes_size(), 4);
  EXPECT_GE(video.matches(0).reference_coverage(), 0.8);
  EXPECT_EQ(video.coverage().time_covered(), 1);

  v1::ScanRequest text;
  text.set_content("this is no picture");
  const v1::ScanResult unknown = Scan(text);
  EXPECT_EQ(unknown.verdict(), v1::VERDICT_INCOMPLETE);
  EXPECT_EQ(unknown.incomplete_reasons(0).code(), v1::INCOMPLETE_CODE_FORMAT_UNKNOWN);

  // Half a picture: never "no known match" without a reason.
  v1::ScanRequest half;
  half.set_content(Text(scan::CanaryPicture().first(scan::CanaryPicture().size() / 2)));
  const v1::ScanResult truncated = Scan(half);
  EXPECT_NE(truncated.verdict(), v1::VERDICT_NO_KNOWN_MATCH);
  EXPECT_GT(truncated.incomplete_reasons_size(), 0);
}

TEST_F(ScanFlowTest, StreamedScanTellsAndThenAnswersAsScanDoes) {
  Start();
  v1::ScanStreamRequest request;
  *request.mutable_request() = Inline(scan::CanaryVideo());
  request.mutable_request()->set_request_id("streamed");
  grpc::ClientContext context;
  const auto reader = scans_->ScanStream(&context, request);
  int progress = 0;
  int matches = 0;
  int results = 0;
  v1::ScanResult result;
  v1::ScanStreamResponse event;
  while (reader->Read(&event)) {
    EXPECT_EQ(results, 0) << "something came after the result";
    progress += event.has_progress() ? 1 : 0;
    if (event.has_match()) {
      ++matches;
      EXPECT_EQ(event.match().entry_id(), "canary-video");
    }
    if (event.has_result()) {
      ++results;
      result = event.result();
    }
  }
  const grpc::Status status = reader->Finish();
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_GE(progress, 1);
  EXPECT_GE(matches, 1);
  ASSERT_EQ(results, 1);
  EXPECT_EQ(result.request_id(), "streamed");

  // The same request by Scan is the same scan: idempotency knows no methods.
  v1::ScanResult unary = Scan(request.request());
  EXPECT_EQ(unary.scan_id(), result.scan_id());
  EXPECT_EQ(unary.SerializeAsString(), result.SerializeAsString());
  // And streamed again, its matches are told again.
  grpc::ClientContext again_context;
  const auto again = scans_->ScanStream(&again_context, request);
  std::vector<std::string> kinds;
  while (again->Read(&event))
    kinds.push_back(event.has_match() ? "match" : event.has_result() ? "result" : "");
  EXPECT_TRUE(again->Finish().ok());
  EXPECT_THAT(kinds, ::testing::ElementsAre("match", "result"));
}

TEST_F(ScanFlowTest, StreamedScanEndsWithTheErrorThatScanEndsWith) {
  Start();
  const auto ends_with = [&](const v1::ScanStreamRequest& request) {
    grpc::ClientContext context;
    const auto reader = scans_->ScanStream(&context, request);
    v1::ScanStreamResponse event;
    while (reader->Read(&event)) EXPECT_FALSE(event.has_result());
    return reader->Finish();
  };
  EXPECT_EQ(BadField(ends_with({})), "source");
  v1::ScanStreamRequest request;
  *request.mutable_request() = Inline(scan::CanaryPicture());
  request.mutable_progress_interval()->set_nanos(1);
  EXPECT_EQ(BadField(ends_with(request)), "progress_interval");
  request.mutable_progress_interval()->set_nanos(100'000'000);
  request.mutable_request()->add_lists("nosuch");
  EXPECT_EQ(ends_with(request).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ScanFlowTest, StopOnMatchIsAnsweredWithItsCoverage) {
  Start();
  v1::ScanRequest request = Inline(scan::CanaryPicture());
  request.set_stop_on_match(true);
  const v1::ScanResult picture = Scan(request);
  EXPECT_EQ(picture.verdict(), v1::VERDICT_MATCH);
  EXPECT_EQ(picture.incomplete_reasons_size(), 0);
  // An upload that is on no list is looked at whole.
  request = Inline(scan::CanaryFlippedPicture());
  request.set_stop_on_match(true);
  EXPECT_EQ(Scan(request).verdict(), v1::VERDICT_MATCH);
  request = Inline(scan::CanaryVideo());
  request.set_stop_on_match(true);
  const v1::ScanResult video = Scan(request);
  EXPECT_EQ(video.verdict(), v1::VERDICT_MATCH);
  EXPECT_EQ(video.incomplete_reasons_size(), 0);
  if (!video.coverage().stopped_on_match()) {
    EXPECT_EQ(video.coverage().time_covered(), 1);
  }
}

TEST_F(ScanFlowTest, BadRequestsNameTheField) {
  Start();
  const auto field = [&](const std::function<void(v1::ScanRequest&)>& change) {
    v1::ScanRequest request = Inline(scan::CanaryPicture());
    change(request);
    grpc::ClientContext context;
    v1::ScanResponse response;
    const grpc::Status status = scans_->Scan(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    return BadField(status);
  };
  EXPECT_EQ(field([](auto& r) { r.clear_content(); }), "source");
  EXPECT_EQ(field([](auto& r) { r.set_request_id(std::string(129, 'x')); }), "request_id");
  EXPECT_EQ(field([](auto& r) { (*r.mutable_labels())["k"] = std::string(129, 'x'); }), "labels");
  EXPECT_EQ(field([](auto& r) { r.mutable_sampling()->mutable_interval()->set_nanos(1); }),
            "sampling.interval");
  EXPECT_EQ(field([](auto& r) {
              for (int i = 0; i < 101; ++i) r.add_lists("l");
            }),
            "lists");
  v1::ScanRequest request = Inline(scan::CanaryPicture());
  request.add_lists("nosuch");
  grpc::ClientContext context;
  v1::ScanResponse response;
  EXPECT_EQ(scans_->Scan(&context, request, &response).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(ScanFlowTest, ByReferenceBelowTheRoots) {
  std::filesystem::create_directories(dir_.path() / "media");
  std::ofstream(dir_.path() / "media" / "p.jpg", std::ios::binary) << Text(scan::CanaryPicture());
  std::ofstream(dir_.path() / "secret.jpg", std::ios::binary) << Text(scan::CanaryPicture());
  config_.source.file_roots = {dir_.path() / "media"};
  Start();
  v1::ScanRequest request;
  request.set_uri("file://" + (dir_.path() / "media" / "p.jpg").string());
  EXPECT_EQ(Scan(request).verdict(), v1::VERDICT_MATCH);
  const auto code = [&](const std::string& uri) {
    v1::ScanRequest bad;
    bad.set_uri(uri);
    grpc::ClientContext context;
    v1::ScanResponse response;
    return scans_->Scan(&context, bad, &response).error_code();
  };
  EXPECT_EQ(code("file://" + (dir_.path() / "secret.jpg").string()), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(code("file://" + (dir_.path() / "media" / "none.jpg").string()), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(code("gopher://x"), grpc::StatusCode::INVALID_ARGUMENT);
}

class UploadTest : public ScanFlowTest {
 protected:
  grpc::Status Upload(std::string_view bytes, std::size_t chunk, v1::ScanResult* result) {
    grpc::ClientContext context;
    v1::ScanUploadResponse response;
    auto writer = scans_->ScanUpload(&context, &response);
    v1::ScanUploadRequest message;
    message.mutable_options()->set_request_id("up");
    writer->Write(message);
    for (std::size_t at = 0; at < bytes.size(); at += chunk) {
      message.set_chunk(std::string(bytes.substr(at, chunk)));
      if (!writer->Write(message)) break;
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    *result = response.result();
    return status;
  }
};

TEST_F(UploadTest, ChunksOfAnySize) {
  Start();
  for (const std::size_t chunk : {std::size_t{100}, std::size_t{1000}, std::size_t{1} << 20}) {
    v1::ScanResult result;
    const grpc::Status status = Upload(Text(scan::CanaryPicture()), chunk, &result);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(result.verdict(), v1::VERDICT_MATCH);
    EXPECT_EQ(result.request_id(), "up");
  }
  v1::ScanResult result;
  ASSERT_TRUE(Upload("", 1, &result).ok());
  EXPECT_EQ(result.verdict(), v1::VERDICT_INCOMPLETE);
  EXPECT_EQ(GetStatus().bytes_in_flight(), 0u);
}

TEST_F(UploadTest, TooManyBytesAreAVerdict) {
  config_.source.max_bytes = 100'000;
  Start();
  v1::ScanResult result;
  const grpc::Status status = Upload(std::string(2'000'000, 'x'), 10'000, &result);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(result.verdict(), v1::VERDICT_INCOMPLETE);
  ASSERT_GT(result.incomplete_reasons_size(), 0);
  EXPECT_EQ(result.incomplete_reasons(0).code(), v1::INCOMPLETE_CODE_BYTE_LIMIT);

  v1::ScanRequest request;
  request.set_content(std::string(200'000, 'x'));
  const v1::ScanResult inlined = Scan(request);
  EXPECT_EQ(inlined.verdict(), v1::VERDICT_INCOMPLETE);
  EXPECT_EQ(inlined.incomplete_reasons(0).code(), v1::INCOMPLETE_CODE_BYTE_LIMIT);
}

TEST_F(UploadTest, OrderOfMessagesIsKept) {
  Start();
  {
    grpc::ClientContext context;
    v1::ScanUploadResponse response;
    auto writer = scans_->ScanUpload(&context, &response);
    v1::ScanUploadRequest message;
    message.set_chunk("bytes first");
    writer->Write(message);
    writer->WritesDone();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
  {
    grpc::ClientContext context;
    v1::ScanUploadResponse response;
    auto writer = scans_->ScanUpload(&context, &response);
    v1::ScanUploadRequest message;
    message.mutable_options()->set_uri("file:///x");
    writer->Write(message);
    const grpc::Status status = writer->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(BadField(status), "options.source");
  }
  {
    grpc::ClientContext context;
    v1::ScanUploadResponse response;
    auto writer = scans_->ScanUpload(&context, &response);
    writer->WritesDone();
    EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(UploadTest, CancelledUploadGivesItsBytesBack) {
  Start();
  grpc::ClientContext context;
  v1::ScanUploadResponse response;
  auto writer = scans_->ScanUpload(&context, &response);
  v1::ScanUploadRequest message;
  message.mutable_options();
  ASSERT_TRUE(writer->Write(message));
  message.set_chunk(std::string(500'000, 'x'));
  ASSERT_TRUE(writer->Write(message));
  ASSERT_TRUE(Eventually([&] { return GetStatus().bytes_in_flight() >= 500'000; }));
  context.TryCancel();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return GetStatus().bytes_in_flight() == 0; }));
}

TEST_F(ScanFlowTest, ManyOverOneStreamWithBadOnesAmongThem) {
  Start();
  grpc::ClientContext context;
  auto stream = scans_->ScanMany(&context);
  constexpr int kItems = 60;
  std::jthread writer([&] {
    for (int i = 0; i < kItems; ++i) {
      v1::ScanManyRequest item;
      v1::ScanRequest& request = *item.mutable_request();
      if (i % 10 != 5) request.set_request_id("id-" + std::to_string(i));  // five without an id
      request.set_content(Text(i % 2 == 0 ? scan::CanaryPicture() : scan::CanaryFlippedPicture()));
      if (i % 10 == 7) request.add_lists("nosuch");
      if (i % 10 == 9) request.clear_content();
      if (!stream->Write(item)) break;
    }
    stream->WritesDone();
  });
  std::map<std::string, int> answers;
  int matches = 0;
  int without_id = 0;
  int not_found = 0;
  int no_source = 0;
  v1::ScanManyResponse answer;
  while (stream->Read(&answer)) {
    ++answers[answer.request_id()];
    if (answer.has_result()) {
      EXPECT_EQ(answer.result().verdict(), v1::VERDICT_MATCH);
      EXPECT_EQ(answer.result().request_id(), answer.request_id());
      ++matches;
    } else if (answer.request_id().empty()) {
      EXPECT_EQ(answer.error().code(), static_cast<int>(grpc::StatusCode::INVALID_ARGUMENT));
      ++without_id;
    } else {
      ++(answer.error().code() == static_cast<int>(grpc::StatusCode::NOT_FOUND) ? not_found : no_source);
    }
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(matches, 42);
  EXPECT_EQ(without_id, 6);
  EXPECT_EQ(not_found, 6);
  EXPECT_EQ(no_source, 6);
  for (const auto& [id, count] : answers) {
    if (!id.empty()) {
      EXPECT_EQ(count, 1) << id;
    }
  }
}

TEST_F(ScanFlowTest, HashAndLookUp) {
  Start();
  v1::HashRequest hash;
  hash.set_content(Text(scan::CanaryFlippedPicture()));
  hash.set_all_orientations(true);
  v1::HashResponse hashed;
  {
    grpc::ClientContext context;
    const grpc::Status status = hashes_->Hash(&context, hash, &hashed);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
  ASSERT_EQ(hashed.hashes_size(), 1);
  ASSERT_EQ(hashed.orientations_size(), 1);
  ASSERT_EQ(hashed.orientations(0).pdq_size(), 8);
  EXPECT_EQ(hashed.orientations(0).pdq(0), hashed.hashes(0).pdq());

  // The mirrored picture's hash is far from the entry's; that of its mirror image is near.
  const auto look_up = [&](const std::string& pdq) {
    v1::LookupRequest request;
    request.add_hashes()->set_type(v1::HASH_TYPE_PDQ);
    request.mutable_hashes(0)->set_value(pdq);
    grpc::ClientContext context;
    v1::LookupResponse response;
    const grpc::Status status = hashes_->Lookup(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  };
  EXPECT_EQ(look_up(hashed.hashes(0).pdq()).verdict(), v1::VERDICT_NO_KNOWN_MATCH);
  const v1::LookupResponse found = look_up(hashed.orientations(0).pdq(4));
  EXPECT_EQ(found.verdict(), v1::VERDICT_MATCH);
  EXPECT_EQ(found.matches(0).entry_id(), "canary-picture");

  // Many at once take the way over a worker.
  v1::LookupRequest many;
  for (int i = 0; i < 500; ++i) {
    many.add_hashes()->set_type(v1::HASH_TYPE_PDQ);
    many.mutable_hashes(i)->set_value(hashed.orientations(0).pdq(i % 8));
    many.mutable_hashes(i)->set_time_ms(static_cast<std::uint64_t>(i) * 1000);
  }
  grpc::ClientContext context;
  v1::LookupResponse response;
  ASSERT_TRUE(hashes_->Lookup(&context, many, &response).ok());
  EXPECT_EQ(response.verdict(), v1::VERDICT_MATCH);

  v1::LookupRequest bad;
  bad.add_hashes()->set_hex("00");
  grpc::ClientContext other;
  const grpc::Status refused = hashes_->Lookup(&other, bad, &response);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(BadField(refused), "hashes[0].type");
}

TEST_F(ScanFlowTest, FormatsAreListedByName) {
  Start();
  grpc::ClientContext context;
  v1::ListFormatsResponse response;
  ASSERT_TRUE(scans_->ListFormats(&context, {}, &response).ok());
  std::vector<std::string> names;
  for (const v1::Format& format : response.formats()) names.push_back(format.name());
  EXPECT_TRUE(std::ranges::is_sorted(names));
  EXPECT_THAT(names, ::testing::IsSupersetOf({"jpeg", "png", "mp4", "heic"}));
}

}  // namespace
}  // namespace tamiz::server
