// Files made by tests/media/make_media.sh.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace tamiz::decoder {

inline std::string EnvironmentOr(const char* name, const std::string& otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : otherwise;
}

inline bool IsContinuousIntegration() { return EnvironmentOr("CI", "") == "true"; }

// Empty if the file is not there.
inline std::vector<std::uint8_t> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

inline std::string TestMediaPath(const std::string& name) {
  return EnvironmentOr("TAMIZ_TEST_MEDIA_DIR", "test_media") + "/" + name;
}

inline std::vector<std::uint8_t> TestMedia(const std::string& name) { return ReadFile(TestMediaPath(name)); }

}  // namespace tamiz::decoder

// Loads a generated file into `variable`; skips the test, naming what is missing, if it could not be made on
// this machine. In continuous integration nothing may be missing.
#define TAMIZ_LOAD_OR_SKIP(variable, name)                                                         \
  const std::vector<std::uint8_t> variable = ::tamiz::decoder::TestMedia(name);                    \
  if (variable.empty()) {                                                                          \
    ASSERT_FALSE(::tamiz::decoder::IsContinuousIntegration()) << "missing test media: " << (name); \
    GTEST_SKIP() << "missing test media " << (name) << ": see missing.txt beside the others";      \
  }
