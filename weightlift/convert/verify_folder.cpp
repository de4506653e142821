#include "weightlift/convert/convert.h"
#include "weightlift/convert/source.h"
#include "weightlift/models/resnet.h"

namespace weightlift {

namespace {

/// Of two networks that are held against each other. Only transformers' folders say whether they
/// are backbones; timm's are what they are asked to be.
Head shared_head(const Source& from, const Source& to) {
  // A backbone beside a network without classes: the latter's folder cannot say that it is one.
  if (from.config.head == Head::kNone && to.config.num_labels == 0) return Head::kNone;
  for (const Source* source : {&to, &from}) {
    if (source->kind == SourceKind::kTransformersFolder) return source->config.head;
  }
  return Head::kKeep;
}

}  // namespace

FolderVerification verify_folder(const std::string& source, const SourceHints& hints,
                                 const std::string& folder, const VerifyOptions& options,
                                 ProgressSink& progress) {
  progress.step("verify", 0);
  Source from = open_source(source, hints);
  Source to = open_source(folder);
  const Head head = shared_head(from, to);
  settle_outside(from, head);
  settle_outside(to, head);
  for (const std::string& note : from.notes) progress.note(note);
  const auto src = make_network(from, head);
  const auto dest = make_network(to, head);
  const Shape input = input_shape(from);
  const Graph src_graph = trace(*src, input);
  const Graph dest_graph = trace(*dest, {1, to.config.num_channels, input[2], input[3]});
  const auto require_both_intact = [&] {
    require_intact(from.checkpoint);
    require_intact(to.checkpoint);
  };
  Verification verification = verify_networks({*src, src_graph}, {*dest, dest_graph}, options, [&] {
    progress.check();
    require_both_intact();
  });
  require_checksums(from.checkpoint);
  require_checksums(to.checkpoint);
  require_both_intact();
  const std::string note = non_finite_note(verification);
  if (!note.empty()) progress.note(note);
  SettingsComparison settings;
  if (head == Head::kKeep) settings = compare_settings(from, to);
  return {std::move(verification), std::move(settings), std::move(from.outside)};
}

}  // namespace weightlift
