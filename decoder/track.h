// One track of pictures in a container, and the frames taken from it.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "decoder/ffmpeg_handles.h"
#include "decoder/frame_luma.h"
#include "decoder/group_planner.h"
#include "decoder/guarded_codec.h"
#include "decoder/output.h"
#include "decoder/repeat.h"
#include "decoder/sampler.h"
#include "decoder/scene.h"

namespace tamiz::decoder {

// Decodes what the plan needs. Packets are kept until their group of pictures is whole (or too large), so
// that what is wanted of it is known before anything is decoded; where packets carry no times, everything is
// decoded and frames are chosen as they come out. Not thread-safe.
class Track {
 public:
  struct Traits {
    SamplingRules rules;
    bool exact = true;
    std::uint64_t max_skipped = 1;
    std::chrono::microseconds duration{0};  // as stated; zero: unknown
    bool animation = false;                 // FFmpeg composes its frames: each needs the one before
    bool late_start = false;  // transport streams begin in the middle of things: early errors are no damage
  };

  // Both outlive this.
  Track(Output& output, AVStream& stream, const Traits& traits);

  [[nodiscard]] bool Open();
  // Takes over the packet's contents.
  void Add(AVPacket& packet);
  void Drain();

  [[nodiscard]] const AVStream& stream() const { return stream_; }
  [[nodiscard]] std::uint64_t frames() const { return counts_.seen; }
  [[nodiscard]] const char* codec_name() const { return avcodec_get_name(stream_.codecpar->codec_id); }

 private:
  // A picture that is wanted and has not come out of the decoder yet.
  struct Wanted {
    std::int64_t stated;
    std::chrono::microseconds time;
  };

  [[nodiscard]] bool IsPlannable() const;
  [[nodiscard]] std::int64_t Stated(std::int64_t timestamp) const;
  [[nodiscard]] std::chrono::microseconds FrameStep(std::int64_t duration) const;
  void Flush(const GroupEnd& end);
  void DecodePlanned(const std::vector<PacketOrder>& orders);
  void DecodePacket(const AVPacket* packet);
  // Lets the decoder give what it holds back and begin anew.
  void Restart();
  void GiveUpPlanning();
  void TakeFrames();
  void TakeFrame();
  void ChooseAsItComes(std::int64_t stated);
  void TakeWanted(std::int64_t stated);
  void DeliverFrame(const AVFrame& frame, std::chrono::microseconds time);
  void NoteGap(std::chrono::microseconds until);
  [[nodiscard]] bool ReportEncrypted();
  void Damaged(std::string_view detail);
  void NoteError(int error);

  Output& output_;
  AVStream& stream_;
  const Traits traits_;
  GuardedCodec codec_;
  FrameLuma luma_;
  RepeatDetector repeats_;
  std::uint32_t hashed_index_ = 0;  // of the frame that is kept there
  FramePtr frame_;
  bool usable_ = false;

  // By group.
  GroupPlanner planner_;
  bool planned_ = false;
  std::vector<PacketPtr> group_;
  std::size_t group_bytes_ = 0;
  std::deque<Wanted> wanted_;   // by time
  bool decoder_holds_ = false;  // packets went in since the decoder was empty

  // As frames come.
  SceneDetector scenes_;
  FramePtr held_;
  std::chrono::microseconds held_time_{0};

  std::chrono::microseconds last_duration_{0};
  std::chrono::microseconds last_taken_{0};
  bool trouble_ = false;  // since the frame taken last
  media::DecodeCounts counts_;
  std::uint64_t sent_ = 0;
  int last_error_ = 0;
  int receive_errors_ = 0;
};

}  // namespace tamiz::decoder
