// The files that a command line names.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

namespace tamiz::cli {

// One thing to scan or hash.
struct Input {
  enum class Kind { kFile, kStdin, kUri };
  Kind kind = Kind::kFile;
  std::string name;              // path, "-" or URI, as given
  std::uint64_t size_bytes = 0;  // of a file when it was listed
};

// What arguments name, in order: "-" is standard input, "scheme://…" a URI, anything else a file; a directory
// stands for the regular files in it, by name, with `recursive` set, and is an error otherwise. A file that
// cannot be found is an Input all the same: reading it reports the error, beside the others' results.
[[nodiscard]] grpc::Status ListInputs(const std::vector<std::string>& arguments, bool recursive,
                                      std::vector<Input>& inputs);

// "-" or a path, never a URI.
[[nodiscard]] Input FileInput(const std::string& path);

// Gives the bytes of a file or of standard input in pieces of at most 1 MiB until `sink` returns false.
[[nodiscard]] grpc::Status ReadPieces(const Input& input,
                                      const std::function<bool(std::string&& piece)>& sink);

// All the bytes.
[[nodiscard]] grpc::Status ReadWhole(const Input& input, std::string& bytes);

}  // namespace tamiz::cli
