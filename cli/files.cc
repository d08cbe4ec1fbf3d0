#include "cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fmt/format.h>

#include "core/base/unique_fd.h"

namespace tamiz::cli {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kPieceBytes = 1u << 20;

bool IsUri(const std::string& argument) {
  const std::size_t colon = argument.find("://");
  return colon != std::string::npos && colon > 0 &&
         std::all_of(
             argument.begin(), argument.begin() + static_cast<std::ptrdiff_t>(colon),
             [](unsigned char c) { return std::isalnum(c) != 0 || c == '+' || c == '-' || c == '.'; });
}

grpc::Status ListDirectory(const std::string& directory, std::vector<Input>& inputs) {
  std::error_code error;
  std::vector<Input> found;
  // Symbolic links to directories are not followed: a link upwards would make it endless.
  fs::recursive_directory_iterator it(directory, fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    std::error_code ignored;
    if (!it->is_regular_file(ignored)) continue;
    found.push_back({Input::Kind::kFile, it->path().string(), it->file_size(ignored)});
  }
  if (error) {
    return {grpc::StatusCode::INVALID_ARGUMENT,
            fmt::format("cannot list {}: {}", directory, error.message())};
  }
  std::sort(found.begin(), found.end(), [](const Input& a, const Input& b) { return a.name < b.name; });
  inputs.insert(inputs.end(), found.begin(), found.end());
  return grpc::Status::OK;
}

}  // namespace

grpc::Status ListInputs(const std::vector<std::string>& arguments, bool recursive,
                        std::vector<Input>& inputs) {
  for (const std::string& argument : arguments) {
    if (argument == "-") {
      inputs.push_back({Input::Kind::kStdin, argument, 0});
    } else if (IsUri(argument)) {
      inputs.push_back({Input::Kind::kUri, argument, 0});
    } else {
      struct stat info {};
      const bool found = stat(argument.c_str(), &info) == 0;
      if (found && S_ISDIR(info.st_mode)) {
        if (!recursive) {
          return {grpc::StatusCode::INVALID_ARGUMENT,
                  fmt::format("{} is a directory; add -r for its files", argument)};
        }
        if (grpc::Status status = ListDirectory(argument, inputs); !status.ok()) return status;
        continue;
      }
      inputs.push_back({Input::Kind::kFile, argument, found ? static_cast<std::uint64_t>(info.st_size) : 0});
    }
  }
  return grpc::Status::OK;
}

Input FileInput(const std::string& path) {
  if (path == "-") return {Input::Kind::kStdin, path, 0};
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  return {Input::Kind::kFile, path, error ? 0 : static_cast<std::uint64_t>(size)};
}

grpc::Status ReadPieces(const Input& input, const std::function<bool(std::string&& piece)>& sink) {
  UniqueFd file;
  int fd = STDIN_FILENO;
  if (input.kind == Input::Kind::kFile) {
    file = UniqueFd(open(input.name.c_str(), O_RDONLY | O_CLOEXEC));
    fd = file.get();
    if (fd < 0) {
      return {grpc::StatusCode::NOT_FOUND,
              fmt::format("cannot open {}: {}", input.name, std::strerror(errno))};
    }
  }
  while (true) {
    std::string piece(kPieceBytes, '\0');
    std::size_t used = 0;
    while (used < piece.size()) {
      const ssize_t got = read(fd, piece.data() + used, piece.size() - used);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) {
        return {grpc::StatusCode::DATA_LOSS,
                fmt::format("cannot read {}: {}", input.name, std::strerror(errno))};
      }
      if (got == 0) break;
      used += static_cast<std::size_t>(got);
    }
    if (used == 0) return grpc::Status::OK;
    const bool last = used < piece.size();
    piece.resize(used);
    if (!sink(std::move(piece)) || last) return grpc::Status::OK;
  }
}

grpc::Status ReadWhole(const Input& input, std::string& bytes) {
  bytes.clear();
  return ReadPieces(input, [&bytes](std::string&& piece) {
    bytes += piece;
    return true;
  });
}

}  // namespace tamiz::cli
