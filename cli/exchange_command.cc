// tamiz exchange …: lists that are kept by others.
#include <cmath>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <google/protobuf/util/time_util.h>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/sampling.h"
#include "cli/unary_call.h"
#include "tamiz/v1/exchange_service.grpc.pb.h"

namespace tamiz::cli {
namespace {

using Stub = v1::ExchangeService::Stub;

std::string OutcomeName(const v1::Exchange& exchange) {
  if (exchange.running()) return "running";
  if (exchange.change_pending()) return "waiting for approval";
  if (exchange.paused()) return "paused";
  switch (exchange.outcome()) {
    case v1::EXCHANGE_OUTCOME_CHANGED:
      return "changed";
    case v1::EXCHANGE_OUTCOME_UNCHANGED:
      return "unchanged";
    case v1::EXCHANGE_OUTCOME_WAITING:
      return "settled";
    case v1::EXCHANGE_OUTCOME_FAILED:
      return "FAILED";
    default:
      return "not read yet";
  }
}

void PrintExchange(const v1::Exchange& exchange) {
  const v1::ExchangeSettings& settings = exchange.settings();
  fmt::print("name           {}\n", Printable(settings.name()));
  fmt::print("list           {}\n", Printable(settings.list()));
  fmt::print("type           {} {}\n", Printable(settings.type()),
             Printable(settings.base_url().empty() ? settings.environment() : settings.base_url()));
  fmt::print("state          {}{}\n", OutcomeName(exchange),
             exchange.caught_up() ? "" : " (the list was not complete yet)");
  if (!exchange.message().empty()) fmt::print("why            {}\n", Printable(exchange.message()));
  fmt::print("last complete  {}\nlast attempt   {}\nnext           {}\n", Text(exchange.last_success()),
             Text(exchange.last_attempt()), Text(exchange.next_attempt()));
  fmt::print("last reading   {} added, {} updated, {} removed, {} skipped\n", exchange.added(),
             exchange.updated(), exchange.removed(), exchange.skipped());
  if (exchange.change_pending()) {
    fmt::print("A change waits: tamiz list approve {} (or --reject)\n", Printable(settings.list()));
  }
}

int PrintAll(Session& session) {
  return Call(session, &Stub::ListExchanges, v1::ListExchangesRequest(),
              [](const v1::ListExchangesResponse& response) {
                Table table({"name", "list", "type", "state", "last complete", "next"});
                for (const v1::Exchange& one : response.exchanges()) {
                  table.Add({one.settings().name(), one.settings().list(), one.settings().type(),
                             OutcomeName(one), Text(one.last_success()), Text(one.next_attempt())});
                }
                table.Print();
              });
}

// Exit code 1 if it failed or waits, so that scripts notice.
int PrintOne(Session& session, const std::string& name) {
  const auto stub = v1::ExchangeService::NewStub(session.connection.channel());
  grpc::ClientContext context;
  session.connection.Prepare(context);
  v1::ListExchangesResponse response;
  if (grpc::Status status = stub->ListExchanges(&context, {}, &response); !status.ok()) {
    return Fail(status, session.json);
  }
  for (const v1::Exchange& one : response.exchanges()) {
    if (one.settings().name() != name) continue;
    if (session.json) {
      fmt::print("{}\n", ToJson(one));
    } else {
      PrintExchange(one);
    }
    return one.outcome() == v1::EXCHANGE_OUTCOME_FAILED || one.change_pending() || one.paused() ? kError : 0;
  }
  return Fail(fmt::format("there is no exchange '{}'", name), session.json);
}

struct AddOptions {
  v1::ExchangeSettings settings;
  std::string interval;
  double share = -1;
};

int RunAdd(Session& session, AddOptions& options) {
  v1::AddExchangeRequest request;
  if (!options.interval.empty()) {
    double seconds = 0;
    if (grpc::Status status = ParseSpan("--interval", options.interval, seconds); !status.ok()) {
      return Fail(status, session.json);
    }
    *options.settings.mutable_interval() =
        google::protobuf::util::TimeUtil::SecondsToDuration(std::llround(seconds));
  }
  if (options.share >= 0) options.settings.set_max_change_share(options.share);
  if (options.settings.list().empty()) options.settings.set_list(options.settings.name());
  *request.mutable_settings() = options.settings;
  return Call(session, &Stub::AddExchange, request,
              [](const v1::AddExchangeResponse& response) { PrintExchange(response.exchange()); });
}

void AddAddVerb(CLI::App& exchanges, Session& session) {
  CLI::App* add = exchanges.add_subcommand("add", "Keep a list up to date from an exchange.");
  auto options = std::make_shared<AddOptions>();
  v1::ExchangeSettings& s = options->settings;
  add->add_option("name", *s.mutable_name(), "name of the exchange")->required();
  add->add_option("--type", *s.mutable_type(), "ncmec or stopncii")->required();
  add->add_option("--list", *s.mutable_list(), "list to feed, made if there is none; default: the name");
  add->add_option("--environment", *s.mutable_environment(), "of ncmec, for example industry-csam");
  add->add_option("--base-url", *s.mutable_base_url(), "another address than the known one");
  add->add_option("--user-file", *s.mutable_user_file(),
                  "of ncmec: file in the server's exchange.secrets_dir");
  add->add_option("--password-file", *s.mutable_password_file(), "of ncmec: the same for the password");
  add->add_option("--function-key-file", *s.mutable_function_key_file(), "of stopncii: key of FetchHashes");
  add->add_option("--subscription-key-file", *s.mutable_subscription_key_file(), "of stopncii");
  add->add_option("--feedback-key-file", *s.mutable_feedback_key_file(),
                  "of stopncii: key of SubmitFeedback; without it no feedback is sent");
  add->add_option("--interval", options->interval, "between two readings, for example 30m; default 1h");
  add->add_option("--max-change-share", options->share,
                  "share of the list that may change without approval, 0 to 1");
  auto large = std::make_shared<bool>(false);
  add->add_flag("--large-fingerprints", *large, "fetch and keep fingerprints that nothing is matched with");
  add->callback([&session, options, large] {
    options->settings.set_large_fingerprints(*large);
    session.run = [&session, options] { return RunAdd(session, *options); };
  });
}

void AddFeedbackVerbs(CLI::App& exchanges, Session& session) {
  auto asked = std::make_shared<v1::ListFeedbackReasonsRequest>();
  CLI::App* reasons = exchanges.add_subcommand(
      "reasons", "Print the reasons for which a hash may be said to be wrong, with their ids.");
  reasons->add_option("name", *asked->mutable_name(), "name of the exchange")->required();
  reasons->add_option("type", *asked->mutable_hash_type(), "type of the hash, for example md5")->required();
  reasons->callback([&session, asked] {
    session.run = [&session, asked] {
      return Call(session, &Stub::ListFeedbackReasons, *asked,
                  [](const v1::ListFeedbackReasonsResponse& response) {
                    Table table({"id", "reason"});
                    for (const v1::FeedbackReason& one : response.reasons())
                      table.Add({Printable(one.reason_id()), Printable(one.name())});
                    table.Print();
                  });
    };
  });

  auto told = std::make_shared<v1::SendFeedbackRequest>();
  auto ids = std::make_shared<std::vector<std::string>>();
  auto right = std::make_shared<bool>(false), wrong = std::make_shared<bool>(false);
  CLI::App* feedback = exchanges.add_subcommand(
      "feedback", "Tell an exchange whether a hash of an entry is what it is said to be.");
  feedback->add_option("name", *told->mutable_name(), "name of the exchange")->required();
  feedback->add_option("entry", *told->mutable_entry_id(), "id of the entry")->required();
  feedback->add_option("--type", *told->mutable_hash_type(), "which of its hashes, for example md5")
      ->required();
  CLI::Option_group* kind = feedback->add_option_group("kind");
  kind->add_flag("--affirmative", *right, "it is what it is said to be");
  kind->add_flag("--negative", *wrong, "it is not");
  kind->require_option(1);
  feedback->add_option("--reason", *ids, "id of a reason, see `tamiz exchange reasons`; of stopncii: a tag");
  feedback->callback([&session, told, ids, right, wrong] {  // both flags must live until the parsing is done
    told->set_kind(*right && !*wrong ? v1::FEEDBACK_KIND_AFFIRMATIVE : v1::FEEDBACK_KIND_NEGATIVE);
    told->mutable_reasons()->Assign(ids->begin(), ids->end());
    session.run = [&session, told] {
      return Call(session, &Stub::SendFeedback, *told,
                  [&](const v1::SendFeedbackResponse&) { fmt::print("told {}\n", Printable(told->name())); });
    };
  });
}

}  // namespace

void AddExchangeCommands(CLI::App& app, Session& session) {
  CLI::App* exchanges = app.add_subcommand("exchange", "Lists that are kept up to date by others.");
  exchanges->require_subcommand(1);
  AddAddVerb(*exchanges, session);

  CLI::App* list = exchanges->add_subcommand("list", "Print all exchanges.");
  list->callback([&session] { session.run = [&session] { return PrintAll(session); }; });

  auto status_name = std::make_shared<std::string>();
  CLI::App* status = exchanges->add_subcommand(
      "status", "Print how an exchange stands. Exit code 1 if it failed, is paused or waits for approval.");
  status->add_option("name", *status_name, "name of the exchange; all of them, in short, if left out");
  status->callback([&session, name = status_name] {
    session.run = [&session, name] { return name->empty() ? PrintAll(session) : PrintOne(session, *name); };
  });

  const auto verb = [&](const char* name, const char* what) {
    CLI::App* added = exchanges->add_subcommand(name, what);
    auto value = std::make_shared<std::string>();
    added->add_option("name", *value, "name of the exchange")->required();
    return std::pair(added, value);
  };
  auto [sync, sync_name] = verb("sync", "Read an exchange now, also one that is paused.");
  sync->callback([&session, name = sync_name] {
    session.run = [&session, name] {
      v1::SyncExchangeRequest request;
      request.set_name(*name);
      return Call(session, &Stub::SyncExchange, request,
                  [](const v1::SyncExchangeResponse& response) { PrintExchange(response.exchange()); });
    };
  });
  auto [test, test_name] = verb("test", "Ask an exchange for something small with its credentials.");
  test->callback([&session, name = test_name] {
    session.run = [&session, name] {
      v1::TestExchangeRequest request;
      request.set_name(*name);
      return Call(session, &Stub::TestExchange, request, [](const v1::TestExchangeResponse& response) {
        fmt::print("ok: {}\n", Printable(response.detail()));
      });
    };
  });
  AddFeedbackVerbs(*exchanges, session);
  auto [remove, remove_name] = verb("remove", "Forget an exchange; its list stays.");
  remove->callback([&session, name = remove_name] {
    session.run = [&session, name] {
      v1::RemoveExchangeRequest request;
      request.set_name(*name);
      return Call(session, &Stub::RemoveExchange, request, [&](const v1::RemoveExchangeResponse&) {
        fmt::print("removed exchange {}\n", Printable(*name));
      });
    };
  });
}

}  // namespace tamiz::cli
