#include "server/connection_watch.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/log.h"
#include "core/base/unique_fd.h"

namespace tamiz::server {
namespace {

constexpr std::chrono::milliseconds kEvery{100};
// With very many connections a look takes its time: it may have one part in twenty of a core.
constexpr int kRest = 20;

struct Address {
  std::string text;  // "192.0.2.1 5000"
  int port = 0;
};

// None for other families than IPv4 and IPv6.
std::optional<Address> AddressOf(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = {};
  Address address;
  if (storage.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    address.port = ntohs(v4.sin_port);
  } else if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    // An IPv4 client on a socket for both, which gRPC calls by its IPv4 address.
    if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
      ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
    } else {
      ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    }
    address.port = ntohs(v6.sin6_port);
  } else {
    return std::nullopt;
  }
  address.text = fmt::format("{} {}", text, address.port);
  return address;
}

template <typename Name>
std::optional<Address> AddressOf(Name name, int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (name(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  return AddressOf(storage);
}

// "ipv4:192.0.2.1:5000" and "ipv6:%5B2001:db8::1%25eth0%5D:5000" as AddressOf writes them; else empty.
std::string KeyOf(std::string_view peer) {
  if (!peer.starts_with("ipv4:") && !peer.starts_with("ipv6:")) return {};
  peer.remove_prefix(5);
  const std::size_t colon = peer.rfind(':');
  if (colon == std::string_view::npos) return {};
  std::string_view host = peer.substr(0, colon);
  if (host.starts_with("%5B")) host.remove_prefix(3);
  if (host.starts_with('[')) host.remove_prefix(1);
  return fmt::format("{} {}", host.substr(0, host.find_first_of("%]")), peer.substr(colon + 1));
}

// Bytes that came in over the life of a TCP connection, as far as the application may read them.
std::uint64_t BytesOf(int fd) {
  tcp_info info{};
  socklen_t size = sizeof info;
  return ::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? info.tcpi_bytes_received : 0;
}

}  // namespace

struct ConnectionWatch::Connection {
  std::atomic<std::uint32_t> open = 0;
  std::atomic<std::uint64_t> moves = 0, cancelled = 0;
  // These are the looking thread's.
  std::uint64_t seen_bytes = 0, seen_moves = 0, seen_cancelled = 0;
  double unasked = 0, untaken = 0, taken_back = 0;
  bool is_here = false, is_cut = false;
};

ConnectionWatch::ConnectionWatch(const Limits& limits, metrics::Metrics& metrics, const Clock& clock)
    : limits_(limits), metrics_(metrics), clock_(clock), looked_at_(clock.Now()) {}

ConnectionWatch::~ConnectionWatch() {
  thread_.request_stop();
  MutexLock lock(mutex_);
  stopped_.NotifyAll();
}

void ConnectionWatch::Start(int port) {
  thread_ = std::jthread([this, port](const std::stop_token& stop) { Run(stop, port); });
}

void ConnectionWatch::Run(const std::stop_token& stop, int port) {
  SteadyTime next = std::chrono::steady_clock::now() + kEvery;
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!stop.stop_requested() && stopped_.WaitUntil(mutex_, next)) {
      }
      if (stop.stop_requested()) return;
    }
    const SteadyTime began = std::chrono::steady_clock::now();
    Look(port);
    const SteadyTime ended = std::chrono::steady_clock::now();
    next = ended + std::max<SteadyTime::duration>(kEvery, (ended - began) * kRest);
  }
}

std::vector<ConnectionWatch::Seen> ConnectionWatch::Find(int port) {
  std::vector<Seen> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir("/proc/self/fd"), ::closedir);
  if (directory == nullptr) return found;
  while (const dirent* const entry = ::readdir(directory.get())) {
    const std::string_view name = entry->d_name;
    int fd = -1;
    if (std::from_chars(name.data(), name.data() + name.size(), fd).ec != std::errc{}) continue;
    const std::optional<Address> own = AddressOf(::getsockname, fd);
    if (!own || own->port != port) continue;
    // None if it only listens, or is closed.
    const std::optional<Address> peer = AddressOf(::getpeername, fd);
    if (peer) found.push_back({fd, peer->text, BytesOf(fd)});
  }
  return found;
}

void ConnectionWatch::Look(int port) {
  const std::vector<Seen> seen = Find(port);
  const SteadyTime now = clock_.Now();
  const std::chrono::duration<double> since = now - looked_at_;
  looked_at_ = now;
  std::vector<std::pair<const Seen*, const char*>> faults;
  {
    MutexLock lock(mutex_);
    for (const Seen& one : seen) {
      std::shared_ptr<Connection>& connection = connections_[one.peer];
      if (connection == nullptr) connection = std::make_shared<Connection>();
      connection->is_here = true;
      if (const char* const why = Judge(*connection, one.bytes, since); why != nullptr) {
        faults.emplace_back(&one, why);
      }
    }
    std::erase_if(connections_, [](const auto& item) {
      const bool is_gone = !item.second->is_here && item.second->open == 0;
      item.second->is_here = false;
      return is_gone;
    });
  }
  for (const auto& [one, why] : faults) Cut(*one, why);
}

const char* ConnectionWatch::Judge(Connection& connection, std::uint64_t bytes,
                                   std::chrono::duration<double> since) const {
  if (bytes < connection.seen_bytes) {  // another one from the same port
    connection.seen_bytes = 0;
    connection.unasked = connection.untaken = connection.taken_back = 0;
    connection.is_cut = false;
  }
  const auto came = static_cast<double>(bytes - connection.seen_bytes);
  connection.seen_bytes = bytes;
  const std::uint64_t moves = connection.moves;
  const bool moved = moves != connection.seen_moves;
  connection.seen_moves = moves;
  const std::uint64_t cancelled = connection.cancelled;
  connection.taken_back =
      std::max(0.0, connection.taken_back + static_cast<double>(cancelled - connection.seen_cancelled) -
                        static_cast<double>(limits_.cancelled_per_second) * since.count());
  connection.seen_cancelled = cancelled;
  if (moved) {
    connection.unasked = connection.untaken = 0;
  } else if (connection.open > 0) {
    connection.untaken += came;
  } else {
    connection.unasked = std::max(
        0.0, connection.unasked + came - static_cast<double>(limits_.forgiven_per_second) * since.count());
  }
  if (connection.is_cut) return nullptr;
  if (connection.taken_back > static_cast<double>(limits_.most_cancelled)) return "calls opened and reset";
  if (connection.unasked > static_cast<double>(limits_.most_unasked)) return "bytes without a call";
  if (connection.untaken > static_cast<double>(limits_.most_untaken)) return "bytes without a message";
  return nullptr;
}

void ConnectionWatch::Cut(const Seen& seen, const char* why) {
  // The descriptor is gRPC's, which may have closed it by now and got another connection under its number. A
  // copy stays what it is; it is looked at again before it is shut.
  const UniqueFd copy(::fcntl(seen.fd, F_DUPFD_CLOEXEC, 0));
  if (copy.get() < 0) return;
  const std::optional<Address> peer = AddressOf(::getpeername, copy.get());
  if (!peer || peer->text != seen.peer) return;
  ::shutdown(copy.get(), SHUT_RDWR);
  {
    MutexLock lock(mutex_);
    if (const auto found = connections_.find(seen.peer); found != connections_.end()) {
      found->second->is_cut = true;
    }
  }
  metrics_.Refused("CONNECTION_FLOOD");
  LogWarn("connection shut down",
          {{"peer", seen.peer}, {"why", std::string(why)}, {"bytes", static_cast<std::int64_t>(seen.bytes)}});
}

ConnectionWatch::Call::Call(ConnectionWatch& watch, std::string_view peer)
    : connection_([&]() -> std::shared_ptr<Connection> {
        std::string key = KeyOf(peer);
        if (key.empty()) return nullptr;
        MutexLock lock(watch.mutex_);
        std::shared_ptr<Connection>& connection = watch.connections_[std::move(key)];
        if (connection == nullptr) connection = std::make_shared<Connection>();
        ++connection->open;
        ++connection->moves;
        return connection;
      }()) {}

ConnectionWatch::Call::~Call() {
  if (connection_ == nullptr) return;
  ++connection_->moves;
  --connection_->open;
}

void ConnectionWatch::Call::Heard() {
  heard_ = true;
  if (connection_ != nullptr) ++connection_->moves;
}

void ConnectionWatch::Call::Cancelled() {
  // Who waited in vain for an answer, until its deadline, did nothing wrong.
  if (connection_ != nullptr && !heard_) ++connection_->cancelled;
}

}  // namespace tamiz::server
