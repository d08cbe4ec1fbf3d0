#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "core/config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = [] {
    char name[] = "/tmp/tamiz-config-fuzz-XXXXXX";
    const int fd = mkstemp(name);
    if (fd < 0) std::abort();
    close(fd);
    static const std::string made = name;
    std::atexit([] { unlink(made.c_str()); });
    return made;
  }();
  std::ofstream(path, std::ios::binary | std::ios::trunc)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  const auto loaded = tamiz::config::Load(path, {}, {});
  if (!loaded.ok()) return 0;
  // What was accepted can be printed and read again, and is then the same.
  const std::string printed = tamiz::config::Print(*loaded);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << printed;
  const auto again = tamiz::config::Load(path, {}, {});
  if (!again.ok() || !tamiz::config::Difference(*loaded, *again).empty()) std::abort();
  return 0;
}
