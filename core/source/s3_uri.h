// s3:// URIs.
#pragma once

#include <string>
#include <string_view>

#include "core/base/status.h"

namespace tamiz::source {

struct S3Object {
  std::string bucket;
  std::string key;         // decoded
  std::string version_id;  // empty: the newest
};

// s3://bucket/key or s3://bucket/key?versionId=id. Key and version are written as in any URI: %20 is a space,
// %2B and + are a plus, UTF-8 may stand as it is. INVALID_ARGUMENT with the reason URI_BUCKET (not 3 to 63 of
// a-z 0-9 . -), URI_KEY (empty, longer than 1024 bytes, not UTF-8, with "." or ".." for a segment),
// URI_QUERY (anything but one versionId), URI_ESCAPE, URI_FRAGMENT, URI_CONTROL_CHARACTER, URI_USER_INFO.
[[nodiscard]] StatusOr<S3Object> ParseS3Uri(std::string_view uri);

// Path and query of the request for `object`, in the one form that signatures are made over; `with_bucket`
// for path-style addresses.
[[nodiscard]] std::string TargetOf(const S3Object& object, bool with_bucket);

}  // namespace tamiz::source
