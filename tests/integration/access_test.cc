// Who may call which method, for every method of every service and every kind of call.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>

#include <map>

#include "server/authorization.h"
#include "server/new_token.h"
#include "tests/integration/harness.h"

namespace tamiz::server {
namespace {

using ::testing::HasSubstr;

class AccessFlowTest : public ServerTest {
 protected:
  config::PrincipalConfig Principal(const std::string& name, std::vector<std::string> roles) {
    config::PrincipalConfig principal;
    principal.name = name;
    principal.roles = std::move(roles);
    const NewToken made = MakeToken();
    tokens_[name] = made.token;
    principal.token_sha256 = {made.sha256};
    return principal;
  }
  void Configure(std::vector<config::PrincipalConfig> principals) {
    config_.auth.principals = std::move(principals);
    reloaded_ = config_;
  }
  // One principal for each role and one for all but it.
  void ConfigureRoles() {
    std::vector<config::PrincipalConfig> principals;
    for (const std::string_view role : config::kRoles) {
      std::vector<std::string> others;
      for (const std::string_view other : config::kRoles) {
        if (other != role) others.emplace_back(other);
      }
      principals.push_back(Principal("only." + std::string(role), {std::string(role)}));
      principals.push_back(Principal("but." + std::string(role), others));
    }
    Configure(std::move(principals));
  }
  void StartStuck() { Start(std::make_unique<StuckFrameSource>(control_)); }

  void Show(grpc::ClientContext& context, const std::string& principal) {
    context.AddMetadata("authorization", "Bearer " + tokens_.at(principal));
    context.set_deadline(std::chrono::system_clock::now() + 30s);
  }

  // Sends one empty message and nothing more, whatever kind of method it is.
  grpc::Status Call(std::string_view method, const std::vector<std::string>& authorization) {
    grpc::GenericStub stub(channel_);
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 30s);
    for (const std::string& one : authorization) context.AddMetadata("authorization", one);
    grpc::CompletionQueue queue;
    const auto wait = [&] {
      void* tag = nullptr;
      bool ok = false;
      return queue.Next(&tag, &ok) && ok;
    };
    auto call = stub.PrepareCall(&context, "/tamiz.v1." + std::string(method), &queue);
    call->StartCall(nullptr);
    if (wait()) {
      const grpc::Slice nothing;
      call->WriteLast(grpc::ByteBuffer(&nothing, 1), {}, nullptr);
      wait();
    }
    grpc::ByteBuffer answer;
    do {
      call->Read(&answer, nullptr);
    } while (wait());
    grpc::Status status;
    call->Finish(&status, nullptr);
    wait();
    return status;
  }
  grpc::Status CallAs(std::string_view method, const std::string& principal) {
    return Call(method, {"Bearer " + tokens_.at(principal)});
  }

  static std::string ReasonOf(const grpc::Status& status) {
    google::rpc::ErrorInfo info;
    return DetailOf(status, &info) ? info.reason() : "";
  }

  StuckFrameSource::Control control_;
  std::map<std::string, std::string> tokens_;
};

TEST_F(AccessFlowTest, EveryMethodRefusesWhoMayNotCallIt) {
  ConfigureRoles();
  control_.Open();
  StartStuck();
  for (const MethodRule& rule : MethodRules()) {
    SCOPED_TRACE(rule.method);
    const auto refused = [&](const std::vector<std::string>& shown, const char* reason) {
      const grpc::Status status = Call(rule.method, shown);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << status.error_message();
      EXPECT_EQ(ReasonOf(status), reason);
    };
    refused({}, "CREDENTIALS_MISSING");
    refused({"Bearer " + MakeToken().token}, "TOKEN_UNKNOWN");
    refused({"Basic eDp5"}, "AUTHORIZATION_MALFORMED");
    const std::string right = "Bearer " + tokens_.at("only." + std::string(ToString(rule.role)));
    refused({right, right}, "AUTHORIZATION_MALFORMED");
    const grpc::Status wrong_role = CallAs(rule.method, "but." + std::string(ToString(rule.role)));
    EXPECT_EQ(wrong_role.error_code(), grpc::StatusCode::PERMISSION_DENIED) << wrong_role.error_message();
    EXPECT_EQ(ReasonOf(wrong_role), "ROLE_MISSING");
    EXPECT_THAT(wrong_role.error_message(), HasSubstr(std::string(rule.method)));
    const grpc::Status let_in = Call(rule.method, {right});
    EXPECT_NE(let_in.error_code(), grpc::StatusCode::UNAUTHENTICATED);
    EXPECT_NE(let_in.error_code(), grpc::StatusCode::PERMISSION_DENIED) << let_in.error_message();
    EXPECT_NE(let_in.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  }
}

TEST_F(AccessFlowTest, HealthIsOpen) {
  ConfigureRoles();
  StartStuck();
  grpc::GenericStub stub(channel_);
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::Slice nothing;
  const grpc::ByteBuffer message(&nothing, 1);
  auto call = stub.PrepareUnaryCall(&context, "/grpc.health.v1.Health/Check", message, &queue);
  call->StartCall();
  grpc::ByteBuffer answer;
  grpc::Status status;
  call->Finish(&answer, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(AccessFlowTest, ARefusedCallDoesNothing) {
  Configure({Principal("reader", {"lists.read", "admin"})});
  control_.Open();
  StartStuck();
  {
    grpc::ClientContext context;
    Show(context, "reader");
    v1::CreateListRequest request;
    request.set_name("sneaked-in");
    v1::CreateListResponse response;
    EXPECT_EQ(lists_->CreateList(&context, request, &response).error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
  }
  {
    grpc::ClientContext context;
    Show(context, "reader");
    v1::ScanResponse response;
    EXPECT_EQ(scans_->Scan(&context, Inline(scan::CanaryPicture()), &response).error_code(),
              grpc::StatusCode::PERMISSION_DENIED);
  }
  grpc::ClientContext context;
  Show(context, "reader");
  v1::ListListsResponse lists;
  ASSERT_TRUE(lists_->ListLists(&context, {}, &lists).ok());
  EXPECT_EQ(lists.lists_size(), 1) << "only the built-in one";
  EXPECT_TRUE(Eventually([&] {  // the self-test has its own
    grpc::ClientContext status_context;
    Show(status_context, "reader");
    v1::GetStatusResponse status;
    return admin_->GetStatus(&status_context, {}, &status).ok() && status.bytes_in_flight() == 0;
  }));
}

TEST_F(AccessFlowTest, AQuotaHoldsForOneCallerAndIsGivenBack) {
  auto uploads = Principal("uploads", {"scan"});
  uploads.max_calls_in_flight = 1;
  Configure({uploads, Principal("others", {"scan"})});
  StartStuck();
  grpc::ClientContext first;
  Show(first, "uploads");
  grpc::Status status;
  v1::ScanResponse response;
  std::jthread running([&] { status = scans_->Scan(&first, Inline(scan::CanaryPicture()), &response); });
  ASSERT_TRUE(Eventually([&] { return control_.running == 2; }));  // and the self-test

  const grpc::Status refused = CallAs("ScanService/ListFormats", "uploads");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(refused), "QUOTA_CALLS_IN_FLIGHT");
  google::rpc::RetryInfo retry;
  EXPECT_TRUE(DetailOf(refused, &retry));
  EXPECT_TRUE(CallAs("ScanService/ListFormats", "others").ok());

  control_.Open();
  running.join();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_TRUE(Eventually([&] { return CallAs("ScanService/ListFormats", "uploads").ok(); }));
}

TEST_F(AccessFlowTest, EachItemOfAStreamCountsAsACall) {
  auto uploads = Principal("uploads", {"scan"});
  uploads.max_calls_per_second = 2;
  Configure({uploads});
  control_.Open();
  StartStuck();
  grpc::ClientContext context;
  Show(context, "uploads");
  auto stream = scans_->ScanMany(&context);
  int refused = 0;
  for (int i = 0; i < 5; ++i) {
    v1::ScanManyRequest item;
    *item.mutable_request() = Inline(scan::CanaryPicture());
    item.mutable_request()->set_request_id(std::to_string(i));
    ASSERT_TRUE(stream->Write(item));
    v1::ScanManyResponse answer;
    ASSERT_TRUE(stream->Read(&answer));
    if (answer.has_error()) {
      EXPECT_EQ(answer.error().code(), static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
      ++refused;
    }
  }
  EXPECT_GE(refused, 1);
  EXPECT_LT(refused, 5);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(AccessFlowTest, BytesOverTheQuotaHoldUpTheNextCall) {
  auto uploads = Principal("uploads", {"scan"});
  uploads.max_bytes_per_second = 1000;
  Configure({uploads});
  control_.Open();
  StartStuck();
  grpc::ClientContext context;
  Show(context, "uploads");
  v1::ScanUploadResponse response;
  auto upload = scans_->ScanUpload(&context, &response);
  v1::ScanUploadRequest message;
  message.mutable_options();
  upload->Write(message);
  message.set_chunk(Text(scan::CanaryPicture()));
  upload->Write(message);
  upload->WritesDone();
  const grpc::Status first = upload->Finish();
  EXPECT_TRUE(first.ok()) << first.error_message();
  const grpc::Status second = CallAs("ScanService/ListFormats", "uploads");
  EXPECT_EQ(ReasonOf(second), "QUOTA_BYTES_PER_SECOND");
}

TEST_F(AccessFlowTest, AReloadTakesOverPrincipals) {
  Configure({Principal("admin", {"admin"}), Principal("uploads", {"scan"})});
  StartStuck();
  EXPECT_TRUE(CallAs("ScanService/ListFormats", "uploads").ok());
  const std::string old_token = tokens_["uploads"];
  reloaded_.auth.principals[1] = Principal("uploads", {"scan"});
  grpc::ClientContext context;
  Show(context, "admin");
  v1::ReloadConfigResponse response;
  ASSERT_TRUE(admin_->ReloadConfig(&context, {}, &response).ok());
  ASSERT_EQ(response.applied_size(), 1);
  EXPECT_EQ(response.applied(0), "auth.principal");
  EXPECT_EQ(ReasonOf(Call("ScanService/ListFormats", {"Bearer " + old_token})), "TOKEN_UNKNOWN");
  EXPECT_TRUE(CallAs("ScanService/ListFormats", "uploads").ok());
}

}  // namespace
}  // namespace tamiz::server
