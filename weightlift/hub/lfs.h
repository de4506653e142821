#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "weightlift/hub/http.h"
#include "weightlift/hub/local_file.h"

namespace weightlift {

/// A file for the Hub's LFS storage.
struct LfsObject {
  std::string oid;  ///< sha256
  const LocalFile* file = nullptr;
};

constexpr std::size_t kMaxLfsBatch = 256;  ///< objects in one request

/// The server's answer for one object in a batch reply.
struct LfsAnswer {
  bool present = false;           ///< the storage already has the object
  std::string upload_url;         ///< for the PUT of the whole file, or for the completion POST
  std::uint64_t chunk_bytes = 0;  ///< size of a part; 0: one PUT for the whole file
  std::vector<std::string> part_urls;  ///< in the order of the parts
  std::string verify_url;              ///< may be empty
};

/// The body of POST .../info/lfs/objects/batch. `branch` is empty for a pull request.
std::string make_lfs_batch_request(std::span<const LfsObject> objects, std::string_view branch);

/// The answers in the order of `objects`. URLs of the public Hub become URLs of `endpoint`, as
/// mirrors need it. Throws HubError, with the server's words where it refuses an object.
std::vector<LfsAnswer> parse_lfs_batch_reply(const HttpResponse& response,
                                             std::span<const LfsObject> objects,
                                             std::string_view endpoint);

}  // namespace weightlift
