#include "core/exchange/ncmec.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <sstream>
#include <utility>

#include "core/base/hex.h"
#include "core/exchange/fingerprint.h"
#include "core/exchange/request.h"
#include "core/lists/entry_limits.h"

namespace tamiz::exchange {
namespace {

using nlohmann::json;

constexpr char kNamespace[] = "https://hashsharing.ncmec.org/hashsharing/v2";
constexpr std::size_t kPageBytes = 64 << 20;
constexpr std::size_t kPageLargeBytes = 256 << 20;  // large fingerprints of one page, which memory holds
constexpr std::int64_t kSettle = 5;                 // seconds that a range stays behind the present
constexpr std::int64_t kLinkLife = 12 * 3600;       // of a next link
constexpr std::int64_t kEpoch = 946'684'800;        // 2000: before the first entry
constexpr std::int64_t kLargePages = 10;            // pages of a range above which it is cut
constexpr int kQuietRanges = 3;                     // one-page ranges after which ranges grow

// Types in paths, by their normal names.
constexpr std::pair<std::string_view, std::string_view> kFeedbackTypes[] = {
    {"md5", "MD5"},
    {"netclean", "NETCLEAN"},
    {"pdna", "PDNA"},
    {"pdq", "PDQ"},
    {"sha1", "SHA1"},
    {"ssvhpdna", "SSVH_PDNA"},
    {"ssvhsaferhash", "SSVH_SAFER_HASH"},
    {"tmkpdqf", "TMK_PDQF"},
    {"videntifier", "VIDENTIFIER"},
};

StatusOr<std::string_view> FeedbackType(const std::string& type) {
  for (const auto& [normal, name] : kFeedbackTypes) {
    if (normal == type) return name;
  }
  return WithField(InvalidArgument(fmt::format("NCMEC takes no feedback on hashes of type '{}'", type)),
                   "hash_type");
}

// Without a prefix of a namespace.
std::string_view LocalName(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  return name.substr(name.find(':') + 1);  // npos + 1 is 0
}

pugi::xml_node Child(const pugi::xml_node& node, std::string_view name) {
  for (const pugi::xml_node child : node.children()) {
    if (LocalName(child) == name) return child;
  }
  return {};
}

std::string Text(const pugi::xml_node& node) { return std::string(Trimmed(node.child_value())); }

void ReadFingerprints(const pugi::xml_node& fingerprints, NcmecAnswer& answer, lists::Entry& entry) {
  std::string large;
  for (const pugi::xml_node node : fingerprints.children()) {
    if (node.type() != pugi::node_element) continue;
    const std::string type = NormalType(LocalName(node));
    if (const pugi::xml_attribute href = node.attribute("href"); !href.empty()) {
      answer.large.push_back({answer.items.size(), type, href.value()});
      large += (large.empty() ? "" : ",") + type;
      continue;
    }
    if (std::optional<lists::EntryHash> hash = ReadFingerprint(type, Text(node))) {
      entry.hashes.push_back(*std::move(hash));
    } else {
      ++answer.skipped;
    }
  }
  if (!large.empty()) entry.metadata["large_fingerprints"] = large;
}

// Types that members say are wrong or right of this entry.
std::string FeedbackTypes(const pugi::xml_node& feedback, std::string_view kind) {
  std::string types;
  for (const pugi::xml_node node : feedback.children()) {
    if (LocalName(node) != kind) continue;
    types += (types.empty() ? "" : ",") + NormalType(node.attribute("type").value());
  }
  return types;
}

void ReadEntry(const pugi::xml_node& node, std::string_view kind, bool is_deleted, NcmecAnswer& answer) {
  const pugi::xml_node member = Child(node, "member");
  const std::string member_id = member.attribute("id").value();
  const std::string id = Text(Child(node, "id"));
  if (member_id.empty() || id.empty()) {
    ++answer.skipped;
    return;
  }
  Item item{.id = EntryId(fmt::format("{}/{}/{}", member_id, kind, id)),
            .at = ParseTime(Text(Child(node, "timestamp"))).value_or(0)};
  if (is_deleted) {
    answer.items.push_back(std::move(item));
    return;
  }
  lists::Entry entry;
  entry.id = item.id;
  entry.metadata = {{"member_id", member_id}, {"kind", std::string(kind)}};
  // An id that had to be replaced is needed to name the entry to NCMEC.
  if (!entry.id.ends_with("/" + id)) entry.metadata["ncmec_id"] = id;
  if (const std::string name = Text(member); !name.empty()) entry.metadata["member"] = name;
  if (const std::string classification = Text(Child(node, "classification")); !classification.empty()) {
    entry.labels.push_back(classification);
  }
  const pugi::xml_node feedback = Child(node, "feedback");
  for (const auto& [element, key] : {std::pair("negativeFeedback", "feedback_negative"),
                                     std::pair("affirmativeFeedback", "feedback_affirmative")}) {
    if (std::string types = FeedbackTypes(feedback, element); !types.empty()) {
      entry.metadata[key] = std::move(types);
    }
  }
  ReadFingerprints(Child(node, "fingerprints"), answer, entry);
  item.entry = std::move(entry);
  answer.items.push_back(std::move(item));
}

void ReadKind(const pugi::xml_node& node, std::string_view kind, std::string_view deleted,
              NcmecAnswer& answer) {
  for (const pugi::xml_node child : node.children()) {
    const std::string_view name = LocalName(child);
    if (name == kind || name == deleted) ReadEntry(child, kind, name == deleted, answer);
  }
}

// How many pages a range has, by its next link (…&start=1001&size=1000&max=20000); 0 if it does not say.
std::int64_t PagesOf(std::string_view next) {
  const auto number = [&](std::string_view key) -> std::int64_t {
    std::size_t at = next.find(key);
    if (at == std::string_view::npos) return 0;
    at += key.size();
    std::int64_t value = 0;
    std::from_chars(next.data() + at, next.data() + next.size(), value);
    return value;
  };
  const std::int64_t size = number("&size="), max = number("&max=");
  return size > 0 ? (max + size - 1) / size : 0;
}

// Where reading stands.
struct Position {
  std::int64_t done = kEpoch;  // everything up to and with it was read
  std::int64_t window = 0;     // of the next range; 0: all there is
  std::int64_t to = 0;         // end of the range that is being read; 0: none is
  std::string next;            // its next page
  std::int64_t next_at = 0;    // when that link came
  int quiet = 0;               // ranges of one page in a row
  bool is_to_present = false;  // the range ends at the present

  static Position Of(const std::string& checkpoint) {
    Position position;
    try {
      const json object = json::parse(checkpoint, nullptr, /*allow_exceptions=*/false);
      if (!object.is_object()) return position;
      position.done = object.at("done");
      position.window = object.at("window");
      position.to = object.at("to");
      position.next = object.at("next");
      position.next_at = object.at("next_at");
      position.quiet = object.at("quiet");
      position.is_to_present = object.at("present");
    } catch (const json::exception&) {
      return {};  // damaged: everything is read again, which is always right
    }
    return position;
  }
  [[nodiscard]] std::string Text() const {
    return json{{"done", done},   {"window", window},        {"to", to}, {"next", next}, {"next_at", next_at},
                {"quiet", quiet}, {"present", is_to_present}}
        .dump();
  }
};

class Ncmec final : public Exchange {
 public:
  Ncmec(Settings settings, const Parts& parts)
      : settings_(std::move(settings)), parts_(parts), base_(BaseUrl(settings_)) {}

  StatusOr<Page> Fetch(const std::string& checkpoint, const CallContext& context) override {
    Position position = Position::Of(checkpoint);
    const std::int64_t now = Now();
    if (!position.next.empty() && now - position.next_at < kLinkLife) {
      StatusOr<Page> page = FetchNext(position, context);
      if (page.ok() || page.status().code() == StatusCode::kCancelled) return page;
      // A link may expire, and late pages fail now and then: the range is read again from its beginning.
    }
    position.next.clear();
    return FetchRange(position, now, context);
  }

  StatusOr<std::string> Test(const CallContext& context) override {
    TAMIZ_ASSIGN_OR_RETURN(const std::string text, Get("/v2/status", 1 << 20, context));
    pugi::xml_document document;
    if (!document.load_buffer(text.data(), text.size())) return BadAnswer("status is no XML");
    const pugi::xml_node status = document.document_element();
    const pugi::xml_node member = Child(status, "member");
    return fmt::format("user {}, member {} ({})", Text(Child(status, "username")),
                       member.attribute("id").value(), Text(member));
  }

  StatusOr<std::vector<FeedbackReason>> FeedbackReasons(const std::string& type,
                                                        const CallContext& context) override {
    TAMIZ_ASSIGN_OR_RETURN(const std::string_view name, FeedbackType(type));
    TAMIZ_ASSIGN_OR_RETURN(const std::string text,
                           Get(fmt::format("/v2/feedback/{}/reasons", name), 1 << 20, context));
    return ReadNcmecReasons(text);
  }

  Status SendFeedback(const lists::Entry& entry, const Feedback& feedback,
                      const CallContext& context) override {
    TAMIZ_ASSIGN_OR_RETURN(const std::string_view type, FeedbackType(feedback.type));
    if (feedback.is_affirmative != feedback.reasons.empty()) {
      return WithField(InvalidArgument("NCMEC takes reasons with negative feedback, at least one, and none "
                                       "with affirmative feedback"),
                       "reasons");
    }
    const auto text_of = [&](const char* key) {
      const auto found = entry.metadata.find(key);
      return found == entry.metadata.end() ? std::string() : found->second;
    };
    const std::string member = text_of("member_id");
    std::string id = text_of("ncmec_id");
    const std::string prefix = fmt::format("{}/{}/", member, text_of("kind"));
    if (id.empty() && entry.id.starts_with(prefix)) id = entry.id.substr(prefix.size());
    if (member.empty() || id.empty()) {
      return MakeError(StatusCode::kFailedPrecondition, "the entry did not come from NCMEC",
                       "ENTRY_NOT_OF_EXCHANGE");
    }
    net::HttpRoute route;
    TAMIZ_RETURN_IF_ERROR(Authorise(route));
    return SendText(
        parts_, fmt::format("{}/v2/entries/{}/{}/{}/feedback", base_, Escaped(member), Escaped(id), type),
        std::move(route),
        {.method = "PUT", .content_type = "application/xml; charset=utf-8", .text = NcmecFeedback(feedback)},
        context);
  }

 private:
  std::int64_t Now() const {
    return std::chrono::duration_cast<std::chrono::seconds>(parts_.clock.WallNow().time_since_epoch())
        .count();
  }

  Status Authorise(net::HttpRoute& route) const {
    TAMIZ_ASSIGN_OR_RETURN(route.user, Secret(parts_.config, settings_.user_file, "user_file"));
    TAMIZ_ASSIGN_OR_RETURN(route.password, Secret(parts_.config, settings_.password_file, "password_file"));
    return OkStatus();
  }

  StatusOr<std::string> Get(const std::string& reference, std::size_t max_bytes,
                            const CallContext& context) const {
    net::HttpRoute route;
    TAMIZ_RETURN_IF_ERROR(Authorise(route));
    return GetText(parts_, base_ + reference, std::move(route), max_bytes, context);
  }

  StatusOr<NcmecAnswer> Ask(const std::string& reference, const CallContext& context) const {
    TAMIZ_ASSIGN_OR_RETURN(const std::string xml, Get(reference, kPageBytes, context));
    TAMIZ_ASSIGN_OR_RETURN(NcmecAnswer answer, ReadNcmecAnswer(xml));
    if (!answer.next.empty() && !answer.next.starts_with("/v2/entries?")) {
      return BadAnswer("its next page is none of entries");
    }
    return answer;
  }

  StatusOr<Page> FetchNext(Position position, const CallContext& context) const {
    TAMIZ_ASSIGN_OR_RETURN(NcmecAnswer answer, Ask(position.next, context));
    if (answer.next == position.next) return BadAnswer("its next page is itself");
    return Finish(std::move(position), std::move(answer), context);
  }

  StatusOr<Page> FetchRange(Position position, std::int64_t now, const CallContext& context) const {
    while (true) {
      // One that was begun is read to the same end: its entries were counted on it.
      const std::int64_t present = std::max(now - kSettle, position.done);
      if (position.to == 0 && present == position.done)
        return Page{.checkpoint = position.Text(), .is_last = true};
      if (position.to == 0) {
        position.to = position.window == 0 ? present : std::min(present, position.done + position.window);
        position.is_to_present = position.to == present;
      }
      TAMIZ_ASSIGN_OR_RETURN(
          NcmecAnswer answer,
          Ask(fmt::format("/v2/entries?from={}&to={}", FormatTime(position.done), FormatTime(position.to)),
              context));
      const std::int64_t length = position.to - position.done;
      const std::int64_t pages = PagesOf(answer.next);
      if (!answer.next.empty() && length > 1 && (pages == 0 || pages > kLargePages)) {
        position.window = std::max<std::int64_t>(1, length / 4);
        position.to = 0;
        position.quiet = 0;
        continue;
      }
      return Finish(std::move(position), std::move(answer), context);
    }
  }

  // What a page of the range at `position` means.
  StatusOr<Page> Finish(Position position, NcmecAnswer answer, const CallContext& context) const {
    TAMIZ_RETURN_IF_ERROR(FetchLarge(answer, context));
    Page page;
    page.skipped = answer.skipped;
    for (Item& item : answer.items) {
      if (item.entry && !lists::FaultOf(*item.entry).empty()) {
        // Nothing of it can be kept: what it was before must go.
        item.entry.reset();
        ++page.skipped;
      }
      page.items.push_back(std::move(item));
    }
    if (!answer.next.empty()) {
      position.next = std::move(answer.next);
      position.next_at = Now();
      position.quiet = 0;
    } else {
      page.is_last = position.is_to_present;
      position.quiet = position.next.empty() ? position.quiet + 1 : 0;
      if (position.quiet >= kQuietRanges && position.window > 0) {
        position.window *= 2;
        position.quiet = 0;
      }
      position.done = position.to;
      position.to = 0;
      position.next.clear();
      position.next_at = 0;
      position.is_to_present = false;
    }
    page.checkpoint = position.Text();
    return page;
  }

  Status FetchLarge(NcmecAnswer& answer, const CallContext& context) const {
    if (!settings_.large_fingerprints) return OkStatus();
    std::size_t page_bytes = 0;
    for (const NcmecAnswer::Large& large : answer.large) {
      std::optional<lists::Entry>& entry = answer.items[large.item].entry;
      if (!entry || !large.href.starts_with('/') || page_bytes >= kPageLargeBytes) {
        ++answer.skipped;
        continue;
      }
      // One that is too large must not take the rest of its entry along.
      std::size_t held = 0;
      for (const lists::EntryHash& hash : entry->hashes) {
        if (hash.type == lists::HashType::kOpaque) held += hash.value.size();
      }
      const std::size_t most = std::min(
          lists::kMaxOpaqueBytes, lists::kMaxEntryOpaqueBytes - std::min(held, lists::kMaxEntryOpaqueBytes));
      StatusOr<std::string> bytes = std::string();
      if (most > 0) bytes = Get(large.href, most, context);
      if (!bytes.ok() && bytes.status().code() != StatusCode::kNotFound &&
          Reason(bytes.status()) != "BODY_LIMIT") {
        return bytes.status();
      }
      if (!bytes.ok() || bytes->empty()) {
        ++answer.skipped;
        continue;
      }
      page_bytes += bytes->size();
      entry->hashes.push_back({.type = lists::HashType::kOpaque,
                               .value = std::vector<std::uint8_t>(bytes->begin(), bytes->end()),
                               .opaque_type = large.type});
    }
    return OkStatus();
  }

  const Settings settings_;
  const Parts parts_;
  const std::string base_;
};

}  // namespace

StatusOr<NcmecAnswer> ReadNcmecAnswer(std::string_view xml) {
  pugi::xml_document document;
  const pugi::xml_parse_result parsed = document.load_buffer(xml.data(), xml.size());
  if (!parsed) return BadAnswer(fmt::format("no XML: {} at byte {}", parsed.description(), parsed.offset));
  const pugi::xml_node root = document.document_element();
  if (LocalName(root) != "queryResult") return BadAnswer("its root is no queryResult");
  NcmecAnswer answer;
  ReadKind(Child(root, "images"), "image", "deletedImage", answer);
  ReadKind(Child(root, "videos"), "video", "deletedVideo", answer);
  answer.next = Text(Child(Child(root, "paging"), "next"));
  return answer;
}

StatusOr<std::vector<FeedbackReason>> ReadNcmecReasons(std::string_view xml) {
  pugi::xml_document document;
  if (!document.load_buffer(xml.data(), xml.size())) return BadAnswer("the reasons are no XML");
  const pugi::xml_node root = document.document_element();
  const pugi::xml_node reasons =
      LocalName(root) == "availableFeedbackReasons" ? root : Child(root, "availableFeedbackReasons");
  if (!reasons) return BadAnswer("it holds no reasons");
  std::vector<FeedbackReason> found;
  for (const pugi::xml_node node : reasons.children()) {
    if (LocalName(node) != "reason") continue;
    found.push_back({node.attribute("guid").value(), node.attribute("name").value()});
  }
  return found;
}

std::string NcmecFeedback(const Feedback& feedback) {
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  pugi::xml_node root = document.append_child("feedbackSubmission");
  root.append_attribute("xmlns") = kNamespace;
  if (feedback.is_affirmative) {
    root.append_child("affirmative");
  } else {
    pugi::xml_node ids = root.append_child("negative").append_child("reasonIds");
    for (const std::string& id : feedback.reasons) {
      ids.append_child("guid").append_child(pugi::node_pcdata).set_value(id.c_str());
    }
  }
  std::ostringstream text;
  document.save(text, "", pugi::format_raw);
  return text.str();
}

std::unique_ptr<Exchange> MakeNcmec(const Settings& settings, const Parts& parts) {
  return std::make_unique<Ncmec>(settings, parts);
}

}  // namespace tamiz::exchange
