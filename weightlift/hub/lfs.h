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

/// Content that goes to the Hub's store of large files.
struct LfsObject {
  std::string oid;  ///< sha256
  const LocalFile* file = nullptr;
};

constexpr std::size_t kMaxLfsBatch = 256;  ///< objects of one request

/// What the batch call says of one object.
struct LfsAnswer {
  bool present = false;                ///< the store has it: nothing to send
  std::string upload_url;              ///< PUT of the whole, or the completion's POST
  std::uint64_t chunk_bytes = 0;       ///< of a part; 0: the whole goes in one PUT
  std::vector<std::string> part_urls;  ///< in their order
  std::string verify_url;              ///< may be empty
};

std::string make_lfs_batch_request(std::span<const LfsObject> objects, std::string_view branch);

/// In the order of `objects`. Throws HubError with the server's words where it refuses an object.
/// URLs of the public Hub are turned to `endpoint`, as mirrors need it.
std::vector<LfsAnswer> parse_lfs_batch_reply(const HttpResponse& response,
                                             std::span<const LfsObject> objects,
                                             std::string_view endpoint);

}  // namespace weightlift
