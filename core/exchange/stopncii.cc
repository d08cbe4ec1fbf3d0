#include "core/exchange/stopncii.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/hex.h"
#include "core/exchange/fingerprint.h"
#include "core/exchange/request.h"

namespace tamiz::exchange {
namespace {

using nlohmann::json;

constexpr std::size_t kPageBytes = 64 << 20;
constexpr int kPageSize = 800;
constexpr std::int64_t kFirstStart = 10;  // as the service asks for
constexpr std::int64_t kLongestPause = 30 * 24 * 3600;

std::string Text(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t Number(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
}

// The fingerprint's type by our name; empty for what is not kept.
std::string_view TypeOf(std::string_view signal) {
  if (signal == "ImagePDQ") return "pdq";
  if (signal == "VideoMD5") return "md5";
  if (signal == "VideoTMK") return "tmkpdqf";
  return {};
}

// "PlatformA=Blocked,PlatformB=NotBlocked": what others did. Values that are not known are kept as they come.
std::string FeedbackText(const json& record) {
  std::string text;
  const auto found = record.find("CSPFeedbacks");
  if (found == record.end() || !found->is_array()) return text;
  for (const json& one : *found) {
    if (!one.is_object()) continue;
    text += fmt::format("{}{}={}", text.empty() ? "" : ",", Text(one, "source"), Text(one, "feedbackValue"));
  }
  return text;
}

std::string Regions(const json& record) {
  std::string text;
  const auto found = record.find("hashRegions");
  if (found == record.end() || !found->is_array()) return text;
  for (const json& one : *found) {
    if (one.is_string()) text += (text.empty() ? "" : ",") + one.get<std::string>();
  }
  return text;
}

void ReadRecord(const json& record, StopNciiAnswer& answer) {
  const std::string_view type = record.is_object() ? TypeOf(Text(record, "signalType")) : std::string_view();
  if (type.empty()) {
    ++answer.skipped;
    return;
  }
  const std::string value = Text(record, "hashValue");
  std::optional<lists::EntryHash> hash = ReadFingerprint(type, value);
  if (!hash) {
    ++answer.skipped;
    return;
  }
  Item item{.id = IdOfValue(type, value), .at = Number(record, "lastModtimestamp")};
  const std::string status = Text(record, "hashStatus");
  if (status != "Withdrawn" && status != "Deleted") {
    lists::Entry entry;
    entry.id = item.id;
    entry.hashes.push_back(*std::move(hash));
    entry.labels = {std::string(kNciiLabel), std::string(kNotCsamLabel)};
    entry.metadata = {{"source", "StopNCII"}, {"csam", "false"}, {"status", status}};
    if (std::string regions = Regions(record); !regions.empty())
      entry.metadata["regions"] = std::move(regions);
    if (std::string feedback = FeedbackText(record); !feedback.empty()) {
      entry.metadata["feedback"] = std::move(feedback);
    }
    if (!lists::FaultOf(entry).empty()) {
      ++answer.skipped;
    } else {
      item.entry = std::move(entry);
    }
  }
  answer.items.push_back(std::move(item));
}

// Where reading stands.
struct Position {
  std::int64_t start = kFirstStart;
  std::string token;         // of the next page; empty: a reading begins
  std::int64_t read_at = 0;  // when a reading last ended; 0: none did
  bool is_whole = false;     // the reading that runs is of everything

  static Position Of(const std::string& checkpoint) {
    Position position;
    try {
      const json object = json::parse(checkpoint, nullptr, /*allow_exceptions=*/false);
      if (!object.is_object()) return position;
      position.start = object.at("start");
      position.token = object.at("token");
      position.read_at = object.at("read_at");
      position.is_whole = object.at("whole");
    } catch (const json::exception&) {
      return {};  // damaged: everything is read again, which is always right
    }
    return position;
  }
  [[nodiscard]] std::string Text() const {
    return json{{"start", start}, {"token", token}, {"read_at", read_at}, {"whole", is_whole}}.dump();
  }
};

class StopNcii final : public Exchange {
 public:
  StopNcii(Settings settings, const Parts& parts)
      : settings_(std::move(settings)), parts_(parts), base_(BaseUrl(settings_)) {}

  StatusOr<Page> Fetch(const std::string& checkpoint, const CallContext& context) override {
    Position position = Position::Of(checkpoint);
    Page page;
    const std::int64_t now = Now();
    if (position.read_at != 0 && now - position.read_at > kLongestPause) position = {};
    if (position.token.empty()) {
      position.is_whole = position.start == kFirstStart;
      page.starts_over = position.is_whole;
    }
    TAMIZ_ASSIGN_OR_RETURN(StopNciiAnswer answer, Ask(position, kPageSize, context));
    page.items = std::move(answer.items);
    page.skipped = answer.skipped;
    if (answer.has_more) {
      if (answer.next_token.empty() || answer.next_token == position.token) {
        return BadAnswer("it says that there is more and not where");
      }
      position.token = std::move(answer.next_token);
    } else {
      position.token.clear();
      position.start = std::max(position.start, answer.next_start);
      position.read_at = now;
      page.is_last = true;
    }
    page.checkpoint = position.Text();
    return page;
  }

  StatusOr<std::string> Test(const CallContext& context) override {
    const Position latest{.start = Now() - 60};
    TAMIZ_RETURN_IF_ERROR(Ask(latest, 1, context).status());
    return std::string("the keys are accepted");
  }

  StatusOr<std::vector<FeedbackReason>> FeedbackReasons(const std::string&, const CallContext&) override {
    return std::vector<FeedbackReason>();
  }

  Status SendFeedback(const lists::Entry& entry, const Feedback& feedback,
                      const CallContext& context) override {
    if (settings_.feedback_key_file.empty()) {
      return MakeError(StatusCode::kFailedPrecondition,
                       "the exchange was added without feedback_key_file, the key of SubmitFeedback",
                       "FEEDBACK_KEY_MISSING");
    }
    const auto hash = std::ranges::find_if(
        entry.hashes, [&](const lists::EntryHash& one) { return TypeName(one) == feedback.type; });
    if (hash == entry.hashes.end()) return WithField(InvalidArgument("no such hash"), "hash_type");
    const std::string value = hash->type == lists::HashType::kOpaque
                                  ? std::string(hash->value.begin(), hash->value.end())
                                  : ToHex(hash->value);
    const json body{
        {"count", 1},
        {"hashFeedbacks", json::array({{{"hashValue", value},
                                        {"feedbackValue", feedback.is_affirmative ? "Blocked" : "NotBlocked"},
                                        {"tags", feedback.reasons}}})}};
    net::HttpRoute route;
    TAMIZ_RETURN_IF_ERROR(Authorise(settings_.feedback_key_file, "feedback_key_file", route));
    return SendText(parts_, base_ + "/SubmitFeedback", std::move(route),
                    {.method = "POST",
                     .content_type = "application/json",
                     .text = body.dump(-1, ' ', false, json::error_handler_t::replace)},
                    context);
  }

 private:
  std::int64_t Now() const {
    return std::chrono::duration_cast<std::chrono::seconds>(parts_.clock.WallNow().time_since_epoch())
        .count();
  }

  // Each endpoint has a key of its own.
  Status Authorise(const std::string& file, std::string_view field, net::HttpRoute& route) const {
    TAMIZ_ASSIGN_OR_RETURN(const std::string function_key, Secret(parts_.config, file, field));
    TAMIZ_ASSIGN_OR_RETURN(const std::string subscription,
                           Secret(parts_.config, settings_.subscription_file, "subscription_key_file"));
    route.headers = {"x-functions-key: " + function_key, "Ocp-Apim-Subscription-Key: " + subscription};
    return OkStatus();
  }

  StatusOr<StopNciiAnswer> Ask(const Position& position, int size, const CallContext& context) const {
    net::HttpRoute route;
    TAMIZ_RETURN_IF_ERROR(Authorise(settings_.function_key_file, "function_key_file", route));
    std::string url =
        fmt::format("{}/FetchHashes?startTimestamp={}&pageSize={}", base_, position.start, size);
    if (!position.token.empty()) url += "&nextPageToken=" + Escaped(position.token);
    TAMIZ_ASSIGN_OR_RETURN(const std::string text,
                           GetText(parts_, url, std::move(route), kPageBytes, context));
    return ReadStopNciiAnswer(text);
  }

  const Settings settings_;
  const Parts parts_;
  const std::string base_;
};

}  // namespace

StatusOr<StopNciiAnswer> ReadStopNciiAnswer(std::string_view text) {
  const json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto records = object.is_object() ? object.find("hashRecords") : object.end();
  if (!object.is_object() || records == object.end() || !records->is_array()) {
    return BadAnswer("it holds no hashRecords");
  }
  StopNciiAnswer answer;
  for (const json& record : *records) ReadRecord(record, answer);
  answer.next_token = Text(object, "nextPageToken");
  answer.next_start = Number(object, "nextSetTimestamp");
  const auto more = object.find("hasMoreRecords");
  answer.has_more = more != object.end() && more->is_boolean() && more->get<bool>();
  return answer;
}

std::unique_ptr<Exchange> MakeStopNcii(const Settings& settings, const Parts& parts) {
  return std::make_unique<StopNcii>(settings, parts);
}

}  // namespace tamiz::exchange
