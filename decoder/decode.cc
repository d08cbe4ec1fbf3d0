// The way from a format to its decoder.
#include <exception>
#include <new>

#include "decoder/container_check.h"
#include "decoder/frame_sink.h"
#include "decoder/gif.h"
#include "decoder/heif_still.h"
#include "decoder/output.h"
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
void DecodeBoxes(Output& output) {
  const TopBoxes boxes = FindTopBoxes(output.job().content);
  if (output.job().format == FileFormat::kMp4) {
    if (boxes.meta && !boxes.moov) {
      DecodeHeif(output);
    } else {
      DecodeVideo(output);
    }
    return;
  }
  if (boxes.meta || !boxes.moov) DecodeHeif(output);
  if (boxes.moov && !output.stopped()) DecodeAnimation(output, output.job().content, {});
}

void Dispatch(Output& output) {
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

}  // namespace

void Decode(const DecodeJob& job, FrameSink& sink) {
  av_log_set_callback(Silent);
  Output output(job, sink);
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

}  // namespace tamiz::decoder
