#include <cstdlib>

#include "core/media/file_format.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace tamiz::media;
  const FileFormat format = DetectFormat({data, size});
  // Whatever is recognised has a name, and is recognised again.
  if (format != FileFormat::kUnknown && FindFormat(format) == nullptr) std::abort();
  if (DetectFormat({data, size}) != format) std::abort();
  return 0;
}
