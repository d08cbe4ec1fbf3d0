#include <gtest/gtest.h>

#include "core/sandbox/decoder_pool.h"
#include "core/sandbox/protocol.h"

namespace tamiz::sandbox {
namespace {

TEST(DecodeConfig, DefaultsAreInRange) { EXPECT_TRUE(Validate(Config{}).ok()) << Validate(Config{}); }

TEST(DecodeConfig, EachValueHasItsRange) {
  struct Row {
    const char* field;
    void (*change)(Config&);
  };
  const Row rows[] = {
      {"decode.wall_time", [](Config& c) { c.wall_time = std::chrono::milliseconds(99); }},
      {"decode.wall_time", [](Config& c) { c.wall_time = std::chrono::hours(2); }},
      {"decode.cpu_time", [](Config& c) { c.cpu_time = std::chrono::seconds(0); }},
      {"decode.still_cpu_time", [](Config& c) { c.still_cpu_time = std::chrono::seconds(3601); }},
      {"decode.memory_bytes", [](Config& c) { c.memory_bytes = 1; }},
      {"decode.max_frame_pixels", [](Config& c) { c.max_frame_pixels = 0; }},
      {"decode.max_dimension", [](Config& c) { c.max_dimension = 65'536; }},
      {"decode.max_total_pixels", [](Config& c) { c.max_total_pixels = 0; }},
      {"decode.max_packets", [](Config& c) { c.max_packets = 0; }},
      {"decode.decoder_threads", [](Config& c) { c.decoder_threads = 65; }},
      {"decode.spare_decoders", [](Config& c) { c.spare_decoders = 65; }},
      {"decode.prepared_bytes", [](Config& c) { c.prepared_bytes = (1ull << 30) + 1; }},
      {"decode.frame_slots", [](Config& c) { c.frame_slots = 0; }},
      {"decode.frame_slots", [](Config& c) { c.frame_slots = 17; }},
      {"decode.required_layers",
       [](Config& c) {
         c.required_layers = {"seccomp", "moat"};
       }},
  };
  for (const Row& row : rows) {
    Config config;
    row.change(config);
    const Status status = Validate(config);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << row.field;
    EXPECT_EQ(Field(status), row.field);
  }
}

// Sums cannot overflow anywhere within the ranges of the configuration.
TEST(Slots, LargestConfigurationIsFarFromOverflow) {
  const std::uint64_t bytes = SlotBytes(1ull << 30, 65'535) * kMaxSlots;
  EXPECT_LT(bytes, 1ull << 36);
  EXPECT_EQ(RowStride(65'535) % kRowAlignment, 0u);
  EXPECT_EQ(RowStride(0xffffffff), 0x100000000u);
  EXPECT_EQ(RowStride(64), 64u);
  EXPECT_EQ(RowStride(65), 128u);
}

}  // namespace
}  // namespace tamiz::sandbox
