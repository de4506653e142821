#include "weightlift/convert/convert.h"
#include "weightlift/convert/diff.h"
#include "weightlift/convert/source_name.h"
#include "weightlift/job/run_with_fetcher.h"
#include "weightlift/jobs.h"

namespace weightlift {

namespace {

DiffSide open_side(const std::string& given, const std::string& weights_key, Fetcher& fetcher,
                   ProgressSink& progress) {
  const FetchedSource here = fetcher.fetch_source(parse_source_name(given), NetworkNeed::kAny);
  DiffSide side = open_diff_side(here.local.path, {.as = here.as, .weights_key = weights_key});
  for (const Note& note : side.notes) progress.note(note);
  return side;
}

}  // namespace

FolderVerification verify(const VerifyRequest& request, ProgressSink& progress,
                          const HubSettings* hub) {
  return run_with_fetcher(progress, hub, [&](Fetcher& fetcher, ProgressSink& shared) {
    const auto fetch = [&](const std::string& given) {
      return fetcher.fetch_source(parse_source_name(given), NetworkNeed::kSupported);
    };
    const FetchedSource folder = fetch(request.folder);
    const FetchedSource source = fetch(request.source);
    SourceHints hints = request.hints;
    if (!hints.as && hints.config.empty()) hints.as = source.as;
    return verify_folder(source.local.path, hints, folder.local.path, request.options, shared);
  });
}

DiffResult diff(const DiffRequest& request, ProgressSink& progress, const HubSettings* hub) {
  return run_with_fetcher(progress, hub, [&](Fetcher& fetcher, ProgressSink& shared) {
    DiffSide a = open_side(request.a, request.a_weights_key, fetcher, shared);
    DiffSide b = open_side(request.b, request.b_weights_key, fetcher, shared);
    CheckpointDiff differences = diff_checkpoints(a, b, shared);
    return DiffResult{std::move(a), std::move(b), std::move(differences)};
  });
}

}  // namespace weightlift
