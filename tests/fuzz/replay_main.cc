// Runs a fuzz target over the files of its corpus, and over every prefix and a set of bit flips of each, so
// that it is an ordinary test where there is no libFuzzer.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
    return 2;
  }
  std::size_t files = 0;
  std::size_t inputs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    std::vector<std::uint8_t> bytes(text.begin(), text.end());
    ++files;
    const auto run = [&](std::size_t size) {
      // An exact copy, so that AddressSanitizer sees a read past the end.
      const std::vector<std::uint8_t> input(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
      LLVMFuzzerTestOneInput(input.data(), input.size());
      ++inputs;
    };
    run(bytes.size());
    const std::size_t step = bytes.size() / 40 + 1;
    for (std::size_t size = 0; size < bytes.size(); size += step) run(size);
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      bytes[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
      run(bytes.size());
      bytes[at] ^= static_cast<std::uint8_t>(1u << (at % 8));
    }
  }
  std::printf("%zu inputs from %zu files\n", inputs, files);
  return files > 0 ? 0 : 1;
}
