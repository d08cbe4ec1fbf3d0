// Bases of snapshots in files, so that a start need not read and index whole lists.
#pragma once

#include <filesystem>
#include <memory>

#include "core/base/clock.h"
#include "core/base/status.h"
#include "core/lists/list_snapshot.h"

namespace tamiz::lists {

// Writes the base of `snapshot`, without what stands beside it, beside `path` and puts it there when it is
// whole and on disk. Mode 0600. The format is described in docs/adr/0020-saved-snapshots.md. UNAVAILABLE with
// the cause.
[[nodiscard]] Status SaveSnapshot(const ListSnapshot& snapshot, const std::filesystem::path& path);

// The snapshot in `path`, of the list `list` as it was then: its info has the version, digest and count that
// were saved, the rest from `list`. All bytes are checked against their digest, by `threads` threads. What is
// searched is copied into memory, the rest stays mapped. NOT_FOUND if there is no file, DATA_LOSS if it is
// damaged, FAILED_PRECONDITION if it is of another list, quality floor or format.
[[nodiscard]] StatusOr<std::shared_ptr<const ListSnapshot>> LoadSnapshot(const std::filesystem::path& path,
                                                                         const ListInfo& list, WallTime now,
                                                                         unsigned threads);

// `snapshot`, whose base was just saved in `path`, with what is only read for answers mapped from there: its
// memory is free for others when it is not read.
[[nodiscard]] StatusOr<std::shared_ptr<const ListSnapshot>> MapAnswers(const ListSnapshot& snapshot,
                                                                       const std::filesystem::path& path);

}  // namespace tamiz::lists
