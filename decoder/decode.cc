// The way from a format to its decoder.
#include <exception>
#include <new>

#include "decoder/container_check.h"
#include "decoder/frame_sink.h"
#include "decoder/gif.h"
#include "decoder/heif_still.h"
#include "decoder/output.h"
#include "decoder/parts.h"
#include "decoder/still_jpeg.h"
#include "decoder/still_packet.h"
#include "decoder/video.h"
#include "decoder/webp.h"

extern "C" {
#include <libavutil/log.h>
}

namespace tamiz::decoder {
namespace {

using media::FileFormat;
using media::IncompleteCode;

void Silent(void*, int, const char*, va_list) {}

// Stills are listed in `meta`, tracks in `moov`; a file may have both, and its brand is no proof of either.
// Stills beside tracks are a part of their own.
void DecodeBoxes(Output& output) {
  const auto content = output.job().content;
  const FileFormat format = output.job().format;
  const TopBoxes boxes = FindTopBoxes(content);
  media::MediaPart other;
  other.kind = media::PartKind::kEmbedded;
  other.format = format;
  if (!boxes.moov && (boxes.meta || format != FileFormat::kMp4)) return DecodeHeif(output);
  if (format == FileFormat::kMp4) {
    DecodeVideo(output);
  } else {
    DecodeAnimation(output, content, {});
  }
  if (boxes.pictures && output.LooksAtParts() && output.BeginPart(other, content)) DecodeHeif(output);
}

void Dispatch(Output& output) {
  const auto number = static_cast<std::uint32_t>(output.job().format);
  if (number < 64 && (output.job().formats_off >> number & 1) != 0)
    return output.Incomplete(IncompleteCode::kFormatDisabled, "this format is not decoded");
  switch (output.job().format) {
    case FileFormat::kJpeg:
      return DecodeJpeg(output);
    case FileFormat::kPng:
      return DecodePng(output);
    case FileFormat::kGif:
      return DecodeGif(output);
    case FileFormat::kWebp:
      return DecodeWebp(output);
    case FileFormat::kBmp:
      return DecodeBmp(output);
    case FileFormat::kTiff:
      return DecodeTiff(output);
    case FileFormat::kHeic:
    case FileFormat::kAvif:
    case FileFormat::kMp4:
      return DecodeBoxes(output);
    case FileFormat::kMatroska:
    case FileFormat::kAvi:
    case FileFormat::kMpegTs:
    case FileFormat::kFlv:
    case FileFormat::kMpegPs:
    case FileFormat::kOgg:
    case FileFormat::kMp3:
    case FileFormat::kWav:
    case FileFormat::kFlac:
    case FileFormat::kAac:
    case FileFormat::kAsf:
      return DecodeVideo(output);
    case FileFormat::kJpegXl:
    case FileFormat::kJpeg2000:
      return output.Incomplete(IncompleteCode::kFormatDisabled, "this format is not decoded");
    case FileFormat::kUnknown:
      break;
  }
  // Also numbers that are no format at all: the job came from another process.
  output.Incomplete(IncompleteCode::kFormatUnknown, "no known signature");
}

// The upload itself or a part: what goes wrong in one does not cost the others.
void DecodeOne(Output& output) {
  try {
    Dispatch(output);
    if (output.frames() == 0 && !output.stopped() && !output.HasReason()) {
      output.Incomplete(IncompleteCode::kDecodeFailed, "no picture came out");
    }
  } catch (const std::bad_alloc&) {
    output.Incomplete(IncompleteCode::kMemoryLimit, "no memory for a picture");
  } catch (const std::exception&) {
    output.Incomplete(IncompleteCode::kDecodeFailed, "a library threw");
  }
}

}  // namespace

void Decode(const DecodeJob& job, FrameSink& sink) {
  av_log_set_callback(Silent);
  try {
    const std::size_t end = FindEnd(job.format, job.content);
    DecodeJob first = job;
    first.content = job.content.first(end);
    Output output(first, sink);
    FoundParts found;
    // Whatever is behind it, the upload itself is looked at first; unless it has to leave frames for the
    // others.
    if (job.plan.spread) found = FindParts(job.format, job.content, end);
    output.ExpectParts(static_cast<std::uint32_t>(found.parts.size()));
    DecodeOne(output);
    if (!output.LooksAtParts()) return;
    if (!job.plan.spread) found = FindParts(job.format, job.content, end);
    output.Unrecognised(found.unrecognised_bytes);
    if (found.gave_up)
      output.Incomplete(IncompleteCode::kTimeBudget, "what follows its end was not looked through");
    for (const media::MediaPart& part : found.parts) {
      if (!output.BeginPart(part, job.content.subspan(part.offset, part.bytes))) break;
      DecodeOne(output);
    }
  } catch (const std::bad_alloc&) {
    sink.Incomplete(IncompleteCode::kMemoryLimit, "no memory to look for parts");
  }
}

}  // namespace tamiz::decoder
