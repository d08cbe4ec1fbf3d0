// Where uploads may be fetched from over the network, as configured.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tamiz::source {

// One `[[source.http]]`: hosts that http:// and https:// URIs may name, and how they are spoken to. What no
// source names is refused.
struct HttpSource {
  // For messages, metrics and logs. Unique; letters, digits, '-' and '_'.
  std::string name;
  // Exact names ("media.example.com"), all names below one ("*.example.com", not the name itself) or IP
  // addresses ("192.0.2.7", "[2001:db8::7]"). The first source that names a host is used.
  std::vector<std::string> hosts;
  // "https", "http".
  std::vector<std::string> schemes = {"https"};
  // Ports; empty: the scheme's own, 443 and 80.
  std::vector<std::string> ports;
  // Whether the host's address may be one of this machine or of a private network. Link-local, metadata,
  // multicast and reserved addresses stay refused.
  bool allow_private = false;
  // PEM file of the authorities that vouch for its certificate; empty: the system's.
  std::string ca_file;
  // File with the value of the Authorization header ("Bearer …", "Basic …"), read at each fetch; sent to this
  // source's hosts by https only and never after a redirect to another host. Empty: none.
  std::string authorization_file;
};

// One `[[source.s3]]`: buckets that s3:// URIs may name.
struct S3Source {
  // As HttpSource::name.
  std::string name;
  // "https://s3.eu-central-1.amazonaws.com", "http://minio.internal:9000": scheme, host and port, no path.
  std::string endpoint;
  std::string region = "us-east-1";
  // Names, or "*" for all that no other source names.
  std::vector<std::string> buckets;
  // Files with the credentials, each one line, read at each fetch so that they can be rotated; both or
  // neither (unsigned requests, for public buckets). The token is of temporary credentials.
  std::string access_key_id_file, secret_access_key_file, session_token_file;
  // true: https://endpoint/bucket/key; false: https://bucket.endpoint/key.
  bool path_style = false;
  // As HttpSource.
  bool allow_private = false;
  std::string ca_file;
};

}  // namespace tamiz::source
