#include "weightlift/hub/lfs_upload.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <system_error>
#include <thread>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/hub/lfs.h"
#include "weightlift/hub/reply.h"
#include "weightlift/hub/url.h"

namespace weightlift {

namespace {

using OrderedJson = nlohmann::ordered_json;

constexpr const char* kLfsType = "application/vnd.git-lfs+json";
constexpr std::size_t kThreads = 4;
constexpr int kMaxRenewals = 5;
// A server may hash and copy gigabytes before it replies.
constexpr std::chrono::seconds kPatience{300};

HttpRequest make_lfs_post(std::string url, std::string body, bool authorize) {
  HttpRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers = {{"Accept", kLfsType}, {"Content-Type", kLfsType}};
  request.body = std::move(body);
  request.authorize = authorize;
  request.timeout = kPatience;
  return request;
}

/// Runs action(0) .. action(count - 1) on several threads. The first exception stops the others at
/// their next step, and run() throws it.
class Crew {
 public:
  void run(std::size_t count, const std::function<void(std::size_t)>& action) {
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex mutex;
    const auto work = [&] {
      try {
        for (std::size_t i = next++; i < count && !stopped_; i = next++) action(i);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (failure == nullptr) failure = std::current_exception();
        stopped_ = true;
      }
    };
    {
      std::vector<std::jthread> threads;
      try {
        for (std::size_t i = 1; i < std::min(count, kThreads); ++i) threads.emplace_back(work);
      } catch (const std::system_error&) {
        // A limit of processes: those that run do the rest.
      }
      work();
    }
    if (failure != nullptr) std::rethrow_exception(failure);
  }

  bool stopped() const { return stopped_; }

 private:
  std::atomic<bool> stopped_{false};
};

/// Ends a transfer because another one failed; run() throws the error of the other one.
struct Stopped : HubError {
  Stopped() : HubError("", "stopped") {}
};

class Uploader {
 public:
  Uploader(HttpClient& http, const RepoId& repo, std::string_view branch, ProgressSink& progress)
      : http_(http), repo_(repo), branch_(branch), progress_(progress) {}

  std::vector<bool> upload(std::span<const LfsObject> objects) {
    std::vector<LfsAnswer> answers;
    for (std::size_t i = 0; i < objects.size(); i += kMaxLfsBatch) {
      const auto chunk = objects.subspan(i, std::min(kMaxLfsBatch, objects.size() - i));
      const std::vector<LfsAnswer> some = batch(chunk);
      answers.insert(answers.end(), some.begin(), some.end());
    }
    announce(objects, answers);
    std::vector<std::size_t> whole, in_parts;
    std::vector<bool> present;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      present.push_back(answers[i].present);
      if (!answers[i].present) (answers[i].chunk_bytes > 0 ? in_parts : whole).push_back(i);
    }
    crew_.run(whole.size(), [&](std::size_t i) { send(objects[whole[i]], answers[whole[i]]); });
    for (const std::size_t i : in_parts) send(objects[i], answers[i]);
    return present;
  }

 private:
  std::vector<LfsAnswer> batch(std::span<const LfsObject> objects) {
    const HttpRequest request = make_lfs_post(
        fmt::format("{}/{}.git/info/lfs/objects/batch", http_.settings().endpoint, repo_.string()),
        make_lfs_batch_request(objects, branch_), true);
    const HttpResponse response = http_.send(request);
    if (!response.ok()) throw_hub_error(request, response);
    return parse_lfs_batch_reply(response, objects, http_.settings().endpoint);
  }

  void announce(std::span<const LfsObject> objects, const std::vector<LfsAnswer>& answers) {
    std::uint64_t bytes = 0;
    std::size_t count = 0;
    for (std::size_t i = 0; i < objects.size(); ++i) {
      if (answers[i].present) continue;
      bytes += objects[i].file->size_bytes();
      ++count;
    }
    if (count > 0) progress_.step(fmt::format("upload {}", repo_.string()), bytes);
  }

  /// The reply to a PUT of `size` bytes of a file. The URL is signed: no token is sent.
  HttpResponse put(const LfsObject& object, const std::string& url, std::uint64_t begin,
                   std::uint64_t size) {
    std::uint64_t reached = 0;  // a retry begins again, progress does not go back
    HttpUpload body{size, [&](std::uint64_t offset, std::span<std::byte> into) {
                      if (crew_.stopped()) throw Stopped();
                      object.file->read(begin + offset, into);
                      advance(reached, offset + into.size());
                    }};
    HttpRequest request;
    request.method = "PUT";
    request.url = url;
    request.upload = &body;
    request.authorize = false;
    request.timeout = kPatience;
    HttpResponse response = http_.send(request);
    if (!response.ok() && !is_expired(response)) throw_hub_error(request, response);
    if (is_expired(response)) take_back(reached);
    return response;
  }

  static bool is_expired(const HttpResponse& response) {
    return response.status == 403 || response.status == 410;
  }

  void advance(std::uint64_t& reached, std::uint64_t now) {
    const std::lock_guard lock(mutex_);
    progress_.check();
    if (now <= reached) return;
    done_ += now - reached;
    reached = now;
    progress_.advance(done_);
  }

  /// Subtracts bytes that the server refused from the progress.
  void take_back(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    done_ -= bytes;
    progress_.advance(done_);
  }

  /// Uploads the object. Requests new URLs where a URL has expired or the completion was refused.
  void send(const LfsObject& object, LfsAnswer answer) {
    std::vector<std::string> etags(answer.part_urls.size());
    bool carried = false;  // some parts were sent to URLs of an earlier answer
    for (int tries = 0; tries < kMaxRenewals; ++tries) {
      const bool sent = answer.chunk_bytes == 0 ? send_whole(object, answer)
                                                : send_missing_parts(object, answer, etags);
      std::exception_ptr refusal;
      if (sent && complete(object, answer, etags, refusal)) return verify(object, answer);
      LfsAnswer renewed = batch({&object, 1}).front();
      if (renewed.present) return;  // only the reply to the completion was lost
      if (refusal != nullptr && !carried) std::rethrow_exception(refusal);
      carried = refusal == nullptr && is_same_upload(answer, renewed);
      if (!carried) etags.assign(renewed.part_urls.size(), "");
      answer = std::move(renewed);
    }
    throw HubError(
        shown_url(answer.upload_url),
        fmt::format("cannot upload {}: the server refused {} upload URLs, one after the other",
                    shown(object.file->path()), kMaxRenewals));
  }

  bool send_whole(const LfsObject& object, const LfsAnswer& answer) {
    return !is_expired(put(object, answer.upload_url, 0, object.file->size_bytes()));
  }

  /// False where a URL has expired.
  bool send_missing_parts(const LfsObject& object, const LfsAnswer& answer,
                          std::vector<std::string>& etags) {
    std::vector<std::size_t> missing;
    for (std::size_t i = 0; i < etags.size(); ++i) {
      if (etags[i].empty()) missing.push_back(i);
    }
    std::atomic<bool> expired{false};
    crew_.run(missing.size(), [&](std::size_t i) {
      if (expired) return;
      const std::size_t part = missing[i];
      const std::uint64_t begin = part * answer.chunk_bytes;
      const std::uint64_t size = std::min(answer.chunk_bytes, object.file->size_bytes() - begin);
      const HttpResponse response = put(object, answer.part_urls[part], begin, size);
      if (is_expired(response)) {
        expired = true;
        return;
      }
      etags[part] = response.header("etag");
      if (etags[part].empty()) throw_missing(response, "ETag of a part");
    });
    return !expired;
  }

  /// Whether the new URLs belong to the same upload, so that the server still has the parts.
  static bool is_same_upload(const LfsAnswer& before, const LfsAnswer& now) {
    if (before.chunk_bytes != now.chunk_bytes || before.chunk_bytes == 0) return false;
    const std::string id = upload_id(before);
    return id == upload_id(now) &&
           (!id.empty() || shown_url(before.upload_url) == shown_url(now.upload_url));
  }

  /// S3's uploadId, from the URL of the completion or of the first part.
  static std::string upload_id(const LfsAnswer& answer) {
    for (const std::string& url : {answer.upload_url, answer.part_urls.front()}) {
      constexpr std::string_view kKey = "uploadId=";
      const std::size_t found = url.find(kKey);
      if (found == std::string::npos) continue;
      const std::size_t begin = found + kKey.size();
      return url.substr(begin, url.find('&', begin) - begin);
    }
    return "";
  }

  /// Joins the parts. False where the server refuses, with `refusal` unless the URL has expired.
  bool complete(const LfsObject& object, const LfsAnswer& answer,
                const std::vector<std::string>& etags, std::exception_ptr& refusal) {
    if (answer.chunk_bytes == 0) return true;
    OrderedJson parts = OrderedJson::array();
    for (std::size_t i = 0; i < etags.size(); ++i) {
      parts.push_back({{"partNumber", i + 1}, {"etag", etags[i]}});
    }
    const OrderedJson body = {{"oid", object.oid}, {"parts", std::move(parts)}};
    const HttpRequest request = make_lfs_post(
        answer.upload_url, body.dump(-1, ' ', false, OrderedJson::error_handler_t::replace), false);
    const HttpResponse response = http_.send(request);
    if (response.ok()) return true;
    if (is_expired(response)) return false;
    try {
      throw_hub_error(request, response);
    } catch (const HubError&) {
      refusal = std::current_exception();
    }
    return false;
  }

  void verify(const LfsObject& object, const LfsAnswer& answer) {
    if (answer.verify_url.empty()) return;
    const OrderedJson body = {{"oid", object.oid}, {"size", object.file->size_bytes()}};
    const HttpRequest request = make_lfs_post(answer.verify_url, body.dump(), true);
    const HttpResponse response = http_.send(request);
    if (!response.ok()) throw_hub_error(request, response);
  }

  HttpClient& http_;
  const RepoId& repo_;
  std::string_view branch_;
  ProgressSink& progress_;
  Crew crew_;
  std::mutex mutex_;
  std::uint64_t done_ = 0;  // bytes of all objects
};

}  // namespace

std::vector<bool> upload_lfs_objects(HttpClient& http, const RepoId& repo, std::string_view branch,
                                     std::span<const LfsObject> objects, ProgressSink& progress) {
  return Uploader(http, repo, branch, progress).upload(objects);
}

}  // namespace weightlift
