// Decoders that misbehave, and what the pool makes of it: the reason each time, and no harm to what comes
// after.
#include "core/sandbox/decoder_pool.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "core/base/unique_fd.h"
#include "tests/sandbox/sandboxees/pattern.h"

namespace tamiz::sandbox {
namespace {

using media::IncompleteCode;
using media::SampleOutcome;
using sandboxee::kPatternFrames;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;

UniqueFd SealedFile(std::string_view content) {
  UniqueFd fd(::memfd_create("upload", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_EQ(::write(fd.get(), content.data(), content.size()), static_cast<ssize_t>(content.size()));
  EXPECT_EQ(::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL), 0);
  return fd;
}

std::vector<pid_t> Children() {
  std::vector<pid_t> pids;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "children");
    for (pid_t pid = 0; file >> pid;) pids.push_back(pid);
  }
  return pids;
}

bool FrameIsPattern(const media::Frame& frame) {
  const media::LumaView luma = frame.luma();
  if (luma.width != sandboxee::kPatternWidth || luma.height != sandboxee::kPatternHeight) return false;
  for (std::uint32_t y = 0; y < luma.height; ++y) {
    for (std::uint32_t x = 0; x < luma.width; ++x) {
      if (luma.data[y * luma.stride + x] != sandboxee::PatternByte(frame.index, x, y)) return false;
    }
  }
  return true;
}

class DecoderPoolTest : public ::testing::Test {
 protected:
  DecoderPoolTest() {
    config_.program =
        std::string(std::getenv("TAMIZ_BIN_DIR") != nullptr ? std::getenv("TAMIZ_BIN_DIR") : ".") +
        "/tamiz-sandboxee";
    config_.wall_time = seconds(20);
    config_.cpu_time = seconds(2);
    config_.still_cpu_time = seconds(1);
    config_.memory_bytes = 64u << 20;
    config_.max_frame_pixels = 8'000'000;
    config_.max_dimension = 4096;
    config_.frame_slots = 2;
    config_.prepared_bytes = 1u << 20;
  }

  // Call once, after changing config_.
  void StartPool() {
    StatusOr<std::unique_ptr<DecoderPool>> pool = DecoderPool::Start(config_);
    ASSERT_TRUE(pool.ok()) << pool.status();
    pool_ = *std::move(pool);
    pool_->OnExit([this](ExitReason reason) {
      const std::lock_guard lock(mutex_);
      exits_.push_back(reason);
    });
  }

  StatusOr<SampleOutcome> Sample(std::string_view behaviour, const DecoderPool::FrameSink& sink = Ignore(),
                                 const CallContext& context = {}) {
    const UniqueFd fd = SealedFile(behaviour);
    media::SampleRequest request;
    request.content_fd = fd.get();
    request.size_bytes = behaviour.size();
    request.format = media::FileFormat::kJpeg;  // a picture's limits
    request.plan.max_frames = 100;
    return pool_->Sample(request, context, sink);
  }

  static DecoderPool::FrameSink Ignore() {
    return [](std::unique_ptr<media::Frame>) { return true; };
  }

  std::optional<ExitReason> LastExit() {
    const std::lock_guard lock(mutex_);
    return exits_.empty() ? std::nullopt : std::optional(exits_.back());
  }

  void ExpectGoodScan() {
    std::uint32_t seen = 0;
    const StatusOr<SampleOutcome> outcome = Sample("good", [&](std::unique_ptr<media::Frame> frame) {
      EXPECT_EQ(frame->index, seen++);
      EXPECT_TRUE(FrameIsPattern(*frame));
      return true;
    });
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    EXPECT_EQ(seen, kPatternFrames);
    EXPECT_EQ(outcome->frames_delivered, kPatternFrames);
    EXPECT_TRUE(outcome->reasons.empty()) << outcome->reasons[0].detail;
    EXPECT_EQ(LastExit(), ExitReason::kFinished);
  }

  void ExpectReason(const StatusOr<SampleOutcome>& outcome, IncompleteCode code, std::string_view detail,
                    ExitReason exit) {
    ASSERT_TRUE(outcome.ok()) << outcome.status();
    ASSERT_FALSE(outcome->reasons.empty());
    const media::IncompleteReason& reason = outcome->reasons.back();
    EXPECT_EQ(media::ToString(reason.code), media::ToString(code)) << reason.detail;
    EXPECT_THAT(reason.detail, HasSubstr(std::string(detail)));
    const std::optional<ExitReason> last = LastExit();
    ASSERT_TRUE(last.has_value());
    EXPECT_EQ(ToString(*last), ToString(exit));
  }

  Config config_;
  std::unique_ptr<DecoderPool> pool_;
  std::mutex mutex_;
  std::vector<ExitReason> exits_;
};

TEST_F(DecoderPoolTest, DeliversFramesInOrderAndWhatIsKnownOfTheMedia) {
  StartPool();
  const StatusOr<SampleOutcome> outcome = Sample("good");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->media.codec, "pattern");
  EXPECT_EQ(outcome->media.width, sandboxee::kPatternWidth);
  EXPECT_EQ(outcome->media.exif_orientation, 6u);
  EXPECT_TRUE(outcome->media.animated);
  EXPECT_EQ(outcome->media.duration, milliseconds(200));
  EXPECT_EQ(outcome->frames_planned, kPatternFrames);
  EXPECT_EQ(outcome->last_time, milliseconds(200));
  ExpectGoodScan();
}

TEST_F(DecoderPoolTest, HasAllLayersThatThisMachineCanHave) {
  StartPool();
  const std::vector<std::string> layers = pool_->layers();
  EXPECT_THAT(layers, Contains("seccomp"));
  EXPECT_THAT(layers, Contains("no_new_privs"));
  EXPECT_THAT(layers, Contains("rlimits"));
  EXPECT_THAT(layers, Contains("not_dumpable"));
  EXPECT_THAT(layers, Contains("no_capabilities"));
  // Landlock and the namespaces are extras that kernels and container engines may withhold.
  RecordProperty("layers", ::testing::PrintToString(layers));
}

// What a decoder is said to have it has, as seen from outside.
TEST_F(DecoderPoolTest, NamespacesAreItsOwnAndItsRootIsEmpty) {
  StartPool();
  ExpectGoodScan();
  const std::vector<pid_t> children = Children();
  ASSERT_FALSE(children.empty());
  const std::string process = "/proc/" + std::to_string(children.front());
  std::error_code error;
  const auto link = [&](const std::string& of, const std::string& name) {
    return std::filesystem::read_symlink(of + "/ns/" + name, error).string();
  };
  if (link(process, "net").empty()) GTEST_SKIP() << "only root may look: " << error.message();
  const std::vector<std::string> layers = pool_->layers();
  for (const auto& [layer, name] : {std::pair("user_namespace", "user"),
                                    std::pair("network_namespace", "net"), std::pair("ipc_namespace", "ipc"),
                                    std::pair("uts_namespace", "uts"), std::pair("mount_namespace", "mnt")}) {
    const bool claimed = std::find(layers.begin(), layers.end(), layer) != layers.end();
    // In a chroot the mount namespace is had, its root is not, and it is not claimed.
    EXPECT_TRUE(!claimed || link(process, name) != link("/proc/self", name)) << layer;
  }
  if (std::find(layers.begin(), layers.end(), "mount_namespace") != layers.end()) {
    EXPECT_TRUE(std::filesystem::is_empty(process + "/root"));
    std::ifstream mounts(process + "/mountinfo");
    std::string line;
    int count = 0;
    while (std::getline(mounts, line)) ++count;
    EXPECT_EQ(count, 1);
  }
}

TEST_F(DecoderPoolTest, WorksWithoutSpares) {
  config_.spare_decoders = 0;
  config_.prepared_bytes = 0;
  StartPool();
  ExpectGoodScan();
  ExpectGoodScan();
}

// Frames may be kept and be given back late, after the decoder, even after the pool.
TEST_F(DecoderPoolTest, FramesOutliveTheirDecoder) {
  StartPool();
  std::vector<std::unique_ptr<media::Frame>> kept;
  const StatusOr<SampleOutcome> outcome = Sample("good", [&](std::unique_ptr<media::Frame> frame) {
    if (frame->index >= kPatternFrames - config_.frame_slots) kept.push_back(std::move(frame));
    return true;
  });
  ASSERT_TRUE(outcome.ok());
  pool_.reset();
  ASSERT_EQ(kept.size(), config_.frame_slots);
  for (const auto& frame : kept) EXPECT_TRUE(FrameIsPattern(*frame));
  std::thread([&] { kept.clear(); }).join();
}

// The decoder waits for slots: no more frames are on the way than there are slots, however slow the server.
TEST_F(DecoderPoolTest, DecoderWaitsForItsSlots) {
  StartPool();
  std::unique_ptr<media::Frame> previous;
  std::uint32_t seen = 0;
  const StatusOr<SampleOutcome> outcome = Sample("good", [&](std::unique_ptr<media::Frame> frame) {
    if (previous != nullptr) {
      EXPECT_NE(previous->luma().data, frame->luma().data);
      EXPECT_TRUE(FrameIsPattern(*previous));
    }
    previous = std::move(frame);
    ++seen;
    return true;
  });
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(seen, kPatternFrames);
}

TEST_F(DecoderPoolTest, ThreadsOfLibrariesWork) {
  StartPool();
  const StatusOr<SampleOutcome> outcome = Sample("threads");
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome->reasons.empty()) << outcome->reasons[0].detail;
  EXPECT_EQ(outcome->frames_delivered, 1u);
}

TEST_F(DecoderPoolTest, CarelessMediaCodeIsNoLiar) {
  StartPool();
  const StatusOr<SampleOutcome> outcome = Sample("careless");
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(LastExit(), ExitReason::kFinished);
  EXPECT_EQ(outcome->reasons.size(), 32u);
  EXPECT_EQ(outcome->reasons[0].code, IncompleteCode::kPixelLimit);
  EXPECT_EQ(outcome->frames_delivered, 0u);
}

TEST_F(DecoderPoolTest, SinkThatWantsNoMoreEndsTheDecoder) {
  StartPool();
  std::uint32_t seen = 0;
  const StatusOr<SampleOutcome> outcome =
      Sample("endless", [&](std::unique_ptr<media::Frame>) { return ++seen < 3; });
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(seen, 3u);
  EXPECT_EQ(outcome->frames_delivered, 3u);
  EXPECT_EQ(LastExit(), ExitReason::kCancelled);
  ExpectGoodScan();
}

TEST_F(DecoderPoolTest, CallerThatGoesAwayEndsTheDecoder) {
  StartPool();
  std::stop_source source;
  CallContext context;
  context.stop = source.get_token();
  std::jthread leaver([&] {
    std::this_thread::sleep_for(milliseconds(100));
    source.request_stop();
  });
  const StatusOr<SampleOutcome> outcome = Sample("sleep", Ignore(), context);
  EXPECT_EQ(outcome.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(LastExit(), ExitReason::kCancelled);
  ExpectGoodScan();
}

TEST_F(DecoderPoolTest, DeadlineOfTheCallerEndsTheDecoder) {
  StartPool();
  CallContext context;
  context.deadline = std::chrono::steady_clock::now() + milliseconds(100);
  const StatusOr<SampleOutcome> outcome = Sample("sleep", Ignore(), context);
  EXPECT_EQ(outcome.status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(LastExit(), ExitReason::kCancelled);
}

TEST_F(DecoderPoolTest, SilenceOverTheWallTimeIsATimeout) {
  config_.wall_time = milliseconds(300);
  StartPool();
  ExpectReason(Sample("sleep"), IncompleteCode::kDecoderTimeout, "no result within 300 ms",
               ExitReason::kTimeout);
  ExpectGoodScan();
}

TEST_F(DecoderPoolTest, WorkOverTheWallTimeIsTheTimeBudget) {
  config_.wall_time = milliseconds(600);
  StartPool();
  // Progress is told every 200 ms: with a quarter of the wall time as the measure it may be seen as either;
  // frames are the surer sign.
  std::uint32_t seen = 0;
  const StatusOr<SampleOutcome> outcome = Sample("endless", [&](std::unique_ptr<media::Frame>) {
    ++seen;
    std::this_thread::sleep_for(milliseconds(20));
    return true;
  });
  ExpectReason(outcome, IncompleteCode::kTimeBudget, "stopped after 600 ms", ExitReason::kTimeout);
  EXPECT_EQ(outcome->frames_delivered, seen);
  EXPECT_GT(seen, 2u);
}

TEST_F(DecoderPoolTest, StopEndsWhatRuns) {
  StartPool();
  std::thread stopper([&] {
    std::this_thread::sleep_for(milliseconds(100));
    pool_->Stop();
  });
  const StatusOr<SampleOutcome> outcome = Sample("sleep");
  stopper.join();
  EXPECT_EQ(outcome.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(Sample("good").status().code(), StatusCode::kUnavailable);
  pool_.reset();
  EXPECT_TRUE(Children().empty());
}

TEST_F(DecoderPoolTest, ScansSideBySideDoNotDisturbEachOther) {
  StartPool();
  std::vector<std::thread> threads;
  for (const char* behaviour :
       {"segfault", "good", "flood", "good", "connect", "good", "slot_twice", "good"}) {
    threads.emplace_back([this, behaviour] {
      for (int round = 0; round < 5; ++round) {
        const StatusOr<SampleOutcome> outcome = Sample(behaviour);
        ASSERT_TRUE(outcome.ok()) << outcome.status();
        if (std::string_view(behaviour) == "good") {
          EXPECT_TRUE(outcome->reasons.empty());
          EXPECT_EQ(outcome->frames_delivered, kPatternFrames);
        } else {
          ASSERT_FALSE(outcome->reasons.empty());
          EXPECT_EQ(outcome->reasons.back().code, IncompleteCode::kDecoderCrashed);
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count(exits_.begin(), exits_.end(), ExitReason::kFinished), 20);
}

// The zygote and all spares are killed from outside, a scan in flight goes on, and the next finds decoders
// again.
TEST_F(DecoderPoolTest, DeadZygoteIsReplaced) {
  StartPool();
  bool killed = false;
  std::uint32_t seen = 0;
  const StatusOr<SampleOutcome> outcome = Sample("good", [&](std::unique_ptr<media::Frame>) {
    if (!killed) {
      killed = true;
      // The zygote is the first child that was started.
      const std::vector<pid_t> children = Children();
      EXPECT_FALSE(children.empty());
      EXPECT_EQ(::kill(*std::min_element(children.begin(), children.end()), SIGKILL), 0);
    }
    ++seen;
    return true;
  });
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(seen, kPatternFrames);
  for (int i = 0; i < 4; ++i) ExpectGoodScan();  // more than there were spares
}

TEST_F(DecoderPoolTest, DeadSparesAreReplaced) {
  StartPool();
  ExpectGoodScan();
  std::vector<pid_t> children = Children();
  std::sort(children.begin(), children.end());
  for (std::size_t i = 1; i < children.size(); ++i) {
    ::kill(children[i], SIGKILL);
    siginfo_t info{};
    (void)::waitid(P_PID, static_cast<id_t>(children[i]), &info, WEXITED | WNOWAIT);
  }
  // No upload gets a verdict from a decoder that died before it was its own.
  for (int i = 0; i < 5; ++i) ExpectGoodScan();
}

// Kills all children but the first, the zygote.
void KillDecoders() {
  std::vector<pid_t> children = Children();
  std::sort(children.begin(), children.end());
  for (std::size_t i = 1; i < children.size(); ++i) ::kill(children[i], SIGKILL);
}

// Killed by somebody before it showed anything: another decoder gets the upload, once.
TEST_F(DecoderPoolTest, DecoderKilledFromOutsideIsReplacedOnce) {
  config_.spare_decoders = 0;
  config_.wall_time = seconds(1);
  StartPool();
  std::thread killer([] {
    std::this_thread::sleep_for(milliseconds(200));
    KillDecoders();
  });
  const StatusOr<SampleOutcome> outcome = Sample("sleep");
  killer.join();
  // The second slept on, and ran out of time.
  ExpectReason(outcome, IncompleteCode::kDecoderTimeout, "no result within", ExitReason::kTimeout);
  EXPECT_EQ(outcome->reasons.size(), 1u);
  EXPECT_EQ(std::count(exits_.begin(), exits_.end(), ExitReason::kCrashed), 1);
  ExpectGoodScan();
}

TEST_F(DecoderPoolTest, DecodersKilledFromOutsideAgainAndAgainAreSaid) {
  StartPool();
  std::atomic<bool> done{false};
  std::thread killer([&] {
    while (!done.load()) {
      std::this_thread::sleep_for(milliseconds(50));
      KillDecoders();
    }
  });
  const StatusOr<SampleOutcome> outcome = Sample("sleep");
  done.store(true);
  killer.join();
  ExpectReason(outcome, IncompleteCode::kDecoderCrashed, "killed from outside", ExitReason::kCrashed);
  ExpectGoodScan();
}

// With frames shown it is not begun anew: the sink has them.
TEST_F(DecoderPoolTest, DecoderKilledAmidItsFramesIsSaid) {
  StartPool();
  std::uint32_t seen = 0;
  const StatusOr<SampleOutcome> outcome = Sample("endless", [&](std::unique_ptr<media::Frame>) {
    if (++seen == 2) KillDecoders();
    return true;
  });
  ExpectReason(outcome, IncompleteCode::kDecoderCrashed, "killed from outside", ExitReason::kCrashed);
  EXPECT_EQ(outcome->frames_delivered, seen);
  EXPECT_GE(seen, 2u);
  ExpectGoodScan();
}

TEST_F(DecoderPoolTest, LeavesNoProcessBehind) {
  StartPool();
  for (int i = 0; i < 10; ++i) ExpectGoodScan();
  pool_.reset();
  EXPECT_TRUE(Children().empty());
}

TEST_F(DecoderPoolTest, LeavesNoDescriptorBehind) {
  StartPool();
  const auto count = [] {
    const auto list = std::filesystem::directory_iterator("/proc/self/fd");
    return std::distance(begin(list), end(list));
  };
  ExpectGoodScan();
  const auto before = count();
  for (int i = 0; i < 50; ++i) ExpectGoodScan();
  // A spare holds a few, and one was perhaps just being made when we counted first; a leak would be of fifty
  // at least.
  const auto most = before + 10;
  const auto give_up = std::chrono::steady_clock::now() + seconds(10);
  while (count() > most && std::chrono::steady_clock::now() < give_up)
    std::this_thread::sleep_for(milliseconds(5));
  EXPECT_LE(count(), most);
}

TEST(DecoderPoolStart, SaysWhatIsMissing) {
  Config config;
  config.program = "/nonexistent/tamiz-decoder";
  const auto pool = DecoderPool::Start(config);
  EXPECT_EQ(pool.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(Message(pool.status()), HasSubstr("/nonexistent/tamiz-decoder"));
}

TEST(DecoderPoolStart, RefusesAProgramThatIsNoDecoder) {
  Config config;
  config.program = "/bin/true";
  const auto pool = DecoderPool::Start(config);
  EXPECT_EQ(pool.status().code(), StatusCode::kUnavailable);
}

TEST(DecoderPoolStart, RefusesValuesOutOfRange) {
  Config config;
  config.frame_slots = 17;
  const auto pool = DecoderPool::Start(config);
  EXPECT_EQ(pool.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Field(pool.status()), "decode.frame_slots");
}

TEST(DecoderPoolStart, RefusesALayerThatDoesNotExist) {
  Config config;
  config.required_layers = {"seccomp", "moat"};
  const auto pool = DecoderPool::Start(config);
  EXPECT_EQ(pool.status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Field(pool.status()), "decode.required_layers");
  EXPECT_THAT(Message(pool.status()), HasSubstr("'moat' is no layer of confinement; there are seccomp,"));
}

// ---- machines that give less

// From here on this process and its children get what a container engine's default policy leaves: no
// namespaces, no mounts; and with `old_kernel` no Landlock either.
void BecomeUnprivileged(bool old_kernel) {
  scmp_filter_ctx filter = ::seccomp_init(SCMP_ACT_ALLOW);
  constexpr std::uint64_t kNewNamespaces = 0x7E020000;
  bool ok = filter != nullptr;
  for (const int call :
       {SCMP_SYS(unshare), SCMP_SYS(setns), SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root)}) {
    ok = ok && ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), call, 0) == 0;
  }
  for (int bit = 17; bit < 31; ++bit) {  // any of them
    const std::uint64_t flag = std::uint64_t{1} << bit;
    if ((kNewNamespaces & flag) == 0) continue;
    ok = ok && ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, flag, flag)) == 0;
  }
  ok = ok && ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
  if (old_kernel) ok = ok && ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), 444, 0) == 0;
  if (!ok || ::seccomp_load(filter) != 0) ::_exit(99);
  ::seccomp_release(filter);
}

// Runs `check` in a process of its own, which it shall leave unprivileged. Its words are the failure's.
void ExpectUnprivileged(bool old_kernel, const std::function<std::string()>& check) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    BecomeUnprivileged(old_kernel);
    const std::string words = check();
    (void)!::write(writer.get(), words.data(), words.size());
    ::_exit(0);
  }
  writer.Reset();
  std::string words;
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(reader.get(), buffer, sizeof buffer)) > 0;)
    words.append(buffer, static_cast<std::size_t>(n));
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(words, "");
}

TEST_F(DecoderPoolTest, WorksInAnUnprivilegedContainer) {
  ExpectUnprivileged(true, [this]() -> std::string {
    StatusOr<std::unique_ptr<DecoderPool>> pool = DecoderPool::Start(config_);
    if (!pool.ok()) return pool.status().ToString();
    const std::vector<std::string> layers = (*pool)->layers();
    for (const char* layer : {"landlock", "user_namespace", "network_namespace", "mount_namespace"}) {
      if (std::find(layers.begin(), layers.end(), layer) != layers.end())
        return std::string(layer) + " is claimed";
    }
    pool_ = *std::move(pool);
    for (const auto& [behaviour, frames] :
         {std::pair("good", kPatternFrames), std::pair("connect", 0u), std::pair("good", kPatternFrames)}) {
      const StatusOr<SampleOutcome> outcome = Sample(behaviour);
      if (!outcome.ok()) return outcome.status().ToString();
      if (outcome->frames_delivered != frames) return std::string("wrong number of frames for ") + behaviour;
    }
    pool_.reset();
    return {};
  });
}

TEST_F(DecoderPoolTest, DoesNotStartBelowTheConfiguredMinimum) {
  ExpectUnprivileged(true, [this]() -> std::string {
    for (const char* layer : {"landlock", "network_namespace", "mount_namespace"}) {
      config_.required_layers = {"seccomp", layer};
      const auto pool = DecoderPool::Start(config_);
      if (pool.ok()) return std::string("started without ") + layer;
      const std::string message(Message(pool.status()));
      if (pool.status().code() != StatusCode::kUnavailable ||
          message.find(std::string("decoders cannot have ") + layer) == std::string::npos ||
          message.find("decode.required_layers") == std::string::npos) {
        return message;
      }
    }
    return {};
  });
}

// ---- one behaviour each

struct Misdeed {
  const char* behaviour;
  IncompleteCode code;
  const char* detail;
  ExitReason exit;
};

void PrintTo(const Misdeed& misdeed, std::ostream* out) { *out << misdeed.behaviour; }

class MisdeedTest : public DecoderPoolTest, public ::testing::WithParamInterface<Misdeed> {};

TEST_P(MisdeedTest, HasItsReasonAndDoesNoHarm) {
  StartPool();
  const Misdeed& misdeed = GetParam();
  std::vector<std::unique_ptr<media::Frame>> held;
  const StatusOr<SampleOutcome> outcome = Sample(misdeed.behaviour, [&](std::unique_ptr<media::Frame> frame) {
    held.push_back(std::move(frame));
    return true;
  });
  ExpectReason(outcome, misdeed.code, misdeed.detail, misdeed.exit);
  held.clear();
  ExpectGoodScan();
}

std::string Name(const ::testing::TestParamInfo<Misdeed>& info) { return info.param.behaviour; }

constexpr Misdeed Forbidden(const char* behaviour) {
  return {behaviour, IncompleteCode::kDecoderCrashed, "forbidden system call", ExitReason::kKilledBySeccomp};
}
constexpr Misdeed Refused(const char* behaviour) {
  return {behaviour, IncompleteCode::kDecodeFailed, "refused", ExitReason::kFinished};
}
constexpr Misdeed Lie(const char* behaviour, const char* rule) {
  return {behaviour, IncompleteCode::kDecoderCrashed, rule, ExitReason::kCrashed};
}

INSTANTIATE_TEST_SUITE_P(
    Escapes, MisdeedTest,
    ::testing::Values(Refused("open_file"), Refused("write_upload"), Refused("find_descriptors"),
                      Refused("read_the_server"), Refused("read_environment"), Forbidden("connect"),
                      Forbidden("fork"), Forbidden("fork_raw"), Forbidden("new_namespace"), Forbidden("exec"),
                      Forbidden("ptrace"), Forbidden("kill_parent"), Forbidden("kill"),
                      Forbidden("read_other_memory"), Forbidden("executable_memory"),
                      Forbidden("make_executable"), Forbidden("io_uring"), Forbidden("pass_descriptor"),
                      Forbidden("raise_limit"), Forbidden("become_dumpable")),
    Name);

INSTANTIATE_TEST_SUITE_P(Hogs, MisdeedTest,
                         ::testing::Values(Misdeed{"throw_bad_alloc", IncompleteCode::kMemoryLimit,
                                                   "memory limit", ExitReason::kMemoryLimit},
                                           Misdeed{"spin", IncompleteCode::kDecoderTimeout,
                                                   "1 s of processor time", ExitReason::kTimeout},
                                           Misdeed{"spin_on", IncompleteCode::kDecoderTimeout,
                                                   "1 s of processor time", ExitReason::kTimeout},
                                           Misdeed{"work_for_ever", IncompleteCode::kDecoderTimeout,
                                                   "1 s of processor time", ExitReason::kTimeout},
                                           Misdeed{"exit_quietly", IncompleteCode::kDecoderCrashed,
                                                   "exited (0) without a result", ExitReason::kCrashed},
                                           Misdeed{"exit_loudly", IncompleteCode::kDecoderCrashed,
                                                   "exited (9) without a result", ExitReason::kCrashed}),
                         Name);

#ifndef TAMIZ_SANITIZED  // there the address space has no limit, and the sanitizer takes crashes for itself
                         // and writes
INSTANTIATE_TEST_SUITE_P(
    Crashes, MisdeedTest,
    ::testing::Values(
        Misdeed{"eat_memory", IncompleteCode::kMemoryLimit, "memory limit", ExitReason::kMemoryLimit},
        Misdeed{"eat_memory_politely", IncompleteCode::kMemoryLimit, "a frame does not fit",
                ExitReason::kFinished},
        Misdeed{"bomb_of_threads", IncompleteCode::kMemoryLimit, "no more threads", ExitReason::kFinished},
        Misdeed{"write_outside_the_ring", IncompleteCode::kDecoderCrashed, "signal 7", ExitReason::kCrashed},
        Misdeed{"segfault", IncompleteCode::kDecoderCrashed, "signal 11", ExitReason::kCrashed},
        Misdeed{"overflow_stack", IncompleteCode::kDecoderCrashed, "signal 11", ExitReason::kCrashed},
        Misdeed{"throw", IncompleteCode::kDecoderCrashed, "signal", ExitReason::kCrashed},
        Misdeed{"abort", IncompleteCode::kDecoderCrashed, "signal", ExitReason::kCrashed},
        Forbidden("write_stdout")),
    Name);
#endif

INSTANTIATE_TEST_SUITE_P(
    Liars, MisdeedTest,
    ::testing::Values(
        Lie("wide", "width or height over the limit"), Lie("tall", "width or height over the limit"),
        Lie("large", "pixels over the limit"), Lie("empty", "an empty frame"),
        Lie("no_such_slot", "no such frame slot"), Lie("index_over_plan", "index over the plan"),
        Lie("negative_time", "time out of range"), Lie("no_such_variant", "no such frame variant"),
        Lie("late_time", "time out of range"), Lie("index_goes_back", "index goes back"),
        Lie("time_goes_back", "frame time goes back"), Lie("frame_twice", "a frame sent twice"),
        Lie("media_size", "media size out of range"), Lie("media_duration", "duration out of range"),
        Lie("media_orientation", "orientation out of range"), Lie("media_animated", "neither yes nor no"),
        Lie("media_codec_length", "codec name too long"),
        Lie("media_codec_text", "codec name is not plain text"), Lie("media_late", "after the first frame"),
        Lie("planned_many", "planned frames out of range"),
        Lie("progress_negative", "progress time out of range"),
        Lie("progress_goes_back", "progress goes back"), Lie("no_such_reason", "not a decoder's reason"),
        Lie("many_reasons", "too many reasons"), Lie("slot_twice", "a frame slot sent twice"),
        Lie("no_such_kind", "unknown kind"), Lie("short_message", "wrong size"),
        Lie("long_message", "wrong size"), Lie("empty_message", "closed its channel"),
        Lie("ready_twice", "ready twice"), Lie("servers_reason", "not a decoder's reason"),
        Lie("dirty_text", "not plain text"), Lie("long_text", "reason too long"),
        Lie("flood", "too many messages"), Lie("count_wrongly", "claimed differ"),
        Lie("close_channel", "closed its channel")),
    Name);

// What the decoder writes while we read is a value like any other.
TEST_F(DecoderPoolTest, ScribblingOverASentFrameIsHarmless) {
  StartPool();
  std::uint64_t sum = 0;
  const StatusOr<SampleOutcome> outcome = Sample("scribble", [&](std::unique_ptr<media::Frame> frame) {
    const media::LumaView luma = frame->luma();
    for (int round = 0; round < 20; ++round) {
      for (std::uint32_t y = 0; y < luma.height; ++y) {
        for (std::uint32_t x = 0; x < luma.width; ++x) sum += luma.data[y * luma.stride + x];
      }
    }
    return true;
  });
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->frames_delivered, 1u);
  EXPECT_GT(sum, 0u);
  ExpectGoodScan();
}

TEST_F(DecoderPoolTest, FrameThatWasNeverWrittenIsBlack) {
  StartPool();
  const StatusOr<SampleOutcome> outcome = Sample("untouched_frame", [&](std::unique_ptr<media::Frame> frame) {
    const media::LumaView luma = frame->luma();
    EXPECT_EQ(std::count(luma.data, luma.data + luma.stride * luma.height, 0),
              static_cast<std::ptrdiff_t>(luma.stride * luma.height));
    return true;
  });
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->frames_delivered, 1u);
  EXPECT_EQ(LastExit(), ExitReason::kFinished);
}

// An upload that the server keeps in an unlinked file it can still write to is not the decoder's to change.
TEST_F(DecoderPoolTest, WritableFileOfTheServerStaysAsItIs) {
  StartPool();
  std::string text = "write_upload";
  UniqueFd fd(::memfd_create("upload", MFD_CLOEXEC));
  ASSERT_EQ(::write(fd.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  media::SampleRequest request;
  request.content_fd = fd.get();
  request.size_bytes = text.size();
  request.format = media::FileFormat::kPng;
  ASSERT_TRUE(pool_->Sample(request, {}, Ignore()).ok());
  std::string after(text.size(), ' ');
  ASSERT_EQ(::pread(fd.get(), after.data(), after.size(), 0), static_cast<ssize_t>(after.size()));
  EXPECT_EQ(after, text);
}

}  // namespace
}  // namespace tamiz::sandbox
