#include "weightlift/base/threads.h"
#include "weightlift/convert/convert.h"
#include "weightlift/convert/source.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

/// The head for comparing two networks. Only transformers folders state whether they are backbones;
/// timm's support both.
Head shared_head(const Source& from, const Source& to) {
  // A network without classes equals a backbone, but its folder does not state that.
  if (from.config.head == Head::kNone && to.config.num_labels == 0) return Head::kNone;
  for (const Source* source : {&to, &from}) {
    if (source->kind == SourceKind::kTransformersFolder) return source->config.head;
  }
  return Head::kClassifier;
}

}  // namespace

FolderVerification verify_folder(const std::string& source, const SourceHints& hints,
                                 const std::string& folder, const VerifyOptions& options,
                                 ProgressSink& progress) {
  require_valid(options);
  progress.step("verify", 0);
  Source from = open_source(source, hints);
  Source to = open_source(folder);
  const Head head = shared_head(from, to);
  settle_outside(from, head);
  settle_outside(to, head);
  for (const Note& note : from.notes) progress.note(note);
  const auto src = make_network(from, head);
  const auto dest = make_network(to, head);
  const Shape input = input_shape(from);
  const Graph src_graph = trace(*src, input);
  const Graph dest_graph = trace(*dest, {1, to.config.num_channels, input[2], input[3]});
  const auto require_both_intact = [&] {
    require_intact(from.checkpoint);
    require_intact(to.checkpoint);
  };
  Notes refused;
  VerifyOptions possible = options;
  possible.threads = usable_threads(options.threads, 1, refused);
  for (const Note& note : refused) progress.note(note);
  Verification verification = verify_networks(src_graph, dest_graph, possible, [&] {
    progress.check();
    require_both_intact();
  });
  require_checksums(from.checkpoint);
  require_checksums(to.checkpoint);
  require_both_intact();
  if (verification.non_finite_tensors > 0) progress.note(non_finite_note(verification));
  SettingsComparison settings;
  if (head == Head::kClassifier) settings = compare_settings(from, to);
  return {std::move(verification), std::move(settings), std::move(from.outside)};
}

}  // namespace weightlift
