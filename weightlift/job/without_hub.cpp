// Stands for fetching and publishing in a build without the layer `hub`: local files only.

#include <fmt/format.h>

#include <variant>

#include "weightlift/base/message.h"
#include "weightlift/job/fetch.h"
#include "weightlift/job/publisher.h"
#include "weightlift/jobs.h"

namespace weightlift {

/// Nothing of either exists without the Hub; their owners need a type.
class HttpClient {};
struct Account {};

namespace {

[[noreturn]] void refuse(const std::string& where) {
  throw UnsupportedError(printable(where, 400), "this build of weightlift cannot reach the Hub",
                         advice("give a local file or folder"));
}

template <class From>
From require_local(const From& from) {
  if (const auto* repository = std::get_if<Repository>(&from)) refuse(repository->address);
  return from;
}

}  // namespace

Fetcher::Fetcher(ProgressSink& progress, const HubSettings* settings)
    : progress_(progress), settings_(settings) {}

Fetcher::~Fetcher() = default;

HttpClient& Fetcher::http() { refuse("Hub"); }

FetchedSource Fetcher::fetch_source(const SourceName& name, NetworkNeed /*need*/) {
  if (name.kind != SourceName::Kind::kPath) refuse(name.given);
  return {{name.given, name.last_part}};
}

std::optional<FetchedSource> Fetcher::find_source(const SourceName& name) {
  return fetch_source(name, NetworkNeed::kAny);
}

DownloadPlan Fetcher::list_source(const SourceName& name) { refuse(name.given); }

LabelsFrom Fetcher::fetch_labels(const LabelsFrom& from) { return require_local(from); }

ProcessorFrom Fetcher::fetch_processor(const ProcessorFrom& from) { return require_local(from); }

std::filesystem::path Fetcher::fetch_model(const std::string& given) {
  return fetch_source(parse_source_name(given), NetworkNeed::kSupported).local.path;
}

Publisher::Publisher(Fetcher& fetcher, ProgressSink& progress)
    : fetcher_(fetcher), progress_(progress) {}

Publisher::~Publisher() = default;

std::string Publisher::choose(const PublishOptions& options, const std::string& /*folder_name*/) {
  refuse(options.repo_id);
}

std::string Publisher::plan(const PublishOptions& options, const std::string& folder_name) {
  return choose(options, folder_name);
}

Publication Publisher::publish(const std::filesystem::path& /*folder*/, const std::string& repo_id,
                               const PublishOptions& /*options*/, const std::string& /*license*/) {
  refuse(repo_id);
}

PushResult push(const PushRequest& request, ProgressSink& /*progress*/,
                const HubSettings* /*hub*/) {
  refuse(request.options.repo_id);
}

PullResult pull(const std::string& repository, const std::filesystem::path& /*local_dir*/,
                ProgressSink& /*progress*/, const HubSettings* /*hub*/) {
  refuse(repository);
}

}  // namespace weightlift
