// All that is looked up of one picture: itself, and what people may have put around it or done to it.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/hash/pdq_hasher.h"
#include "core/media/luma.h"

namespace tamiz::hash {

enum class LookKind : std::uint8_t {
  kWhole = 1,          // the picture as it is
  kBorderRemoved = 2,  // without border, letterbox or padding
  kRegion = 3,         // a picture within the picture
  kStraightened = 4,   // turned back by some degrees
};

// Which looks are wanted. The whole picture always is.
struct LookOptions {
  bool orientations = true;  // false: hashes[0] is all that anybody will ask for
  bool borders = true;
  bool regions = true;
  bool straighten = true;
};

struct PictureLook {
  LookKind kind = LookKind::kWhole;
  media::PixelRect rect;      // what was looked at; for kStraightened the bounds of the turned picture
  double turned_degrees = 0;  // kStraightened: by how much the picture was found turned, clockwise
  // Those of pdq.hashes that are there: all of the whole picture and of a certain border's inside, fewer of
  // parts, which nobody turns within an upright frame.
  OrientationSet orientations = OrientationSet::kAll;
  PdqOrientations pdq;
};

// One object a thread, as it keeps working memory; not thread-safe.
class PictureLooker {
 public:
  PictureLooker();
  ~PictureLooker();
  PictureLooker(const PictureLooker&) = delete;
  PictureLooker& operator=(const PictureLooker&) = delete;

  // The whole picture first: hashes[0] and quality are PdqHasher's, bit by bit. Others follow only where
  // there is something to look at, at most 16 in all. The same pixels give the same answer. What it costs
  // beside PdqHasher: docs/adr/0031, bench/variants. Qualities are not judged. Reads pixels as values only.
  [[nodiscard]] std::vector<PictureLook> Look(const media::LumaView& luma, const LookOptions& options);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace tamiz::hash
