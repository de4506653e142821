#include "weightlift/convert/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "weightlift/base/digest.h"
#include "weightlift/base/file.h"
#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/base/temp_folder.h"
#include "weightlift/base/text.h"
#include "weightlift/base/threads.h"
#include "weightlift/convert/plan.h"
#include "weightlift/convert/provenance.h"
#include "weightlift/convert/source.h"
#include "weightlift/convert/up_to_date.h"
#include "weightlift/error.h"
#include "weightlift/export/model_card.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;

VerifiedFacts make_verified_facts(const std::optional<Verification>& verification) {
  VerifiedFacts facts;
  if (!verification) return facts;
  facts.verified = verification->verified();
  facts.tensors = verification->tensors;
  facts.operations = verification->operations;
  facts.samples = verification->options.samples;
  facts.seed = verification->options.seed;
  facts.input_shape = verification->input_shape;
  for (const OutputComparison& output : verification->outputs) {
    facts.outputs += facts.outputs.empty() ? output.name : " and " + output.name;
    facts.max_abs = std::max(facts.max_abs, static_cast<double>(output.difference.max_abs));
    facts.mean_abs = std::max(facts.mean_abs, output.mean_abs());
  }
  return facts;
}

/// Whether a change of dtype turned finite weights into infinities.
bool overflowed(const Verification& verification) {
  const bool infinite = std::ranges::any_of(verification.outputs, [](const auto& output) {
    return std::isinf(output.difference.max_abs);
  });
  return !verification.same_dtype && infinite && verification.non_finite_tensors == 0;
}

/// The checkpoint's ignored tensors, one line per kind, and whether the user allowed it.
std::vector<std::string> describe_ignored(const Source& source, Head head) {
  std::vector<std::string> lines;
  for (const IgnoredSummary& ignored : summarize(source.outside)) {
    lines.push_back(fmt::format("{}: {}", to_string(ignored.kind), ignored.names));
  }
  const bool allowed = std::ranges::any_of(
      source.outside, [](const OutsideTensor& tensor) { return tensor.consent != Consent::kNone; });
  // Unknown tensors come last.
  if (allowed && head == Head::kClassifier) {
    lines.back() += "; the user stated that the outputs do not depend on them";
  }
  return lines;
}

std::string make_card(const Plan& plan, const Conversion& result) {
  CardFacts facts;
  facts.name = plan.name;
  facts.folder = plan.content;
  facts.parameters = result.parameters;
  facts.source_dtype = plan.source.config.dtype;
  facts.provenance = result.provenance;
  facts.verified = make_verified_facts(result.verification);
  facts.labels_from = plan.labels.from;
  // card_sentence() drops the notes that do not concern the card's readers.
  facts.notes = plan.processor_notes;
  facts.notes.insert(facts.notes.end(), plan.source.notes.begin(), plan.source.notes.end());
  facts.ignored = describe_ignored(plan.source, plan.config().head);
  if (result.verification && result.verification->non_finite_tensors > 0) {
    facts.notes.push_back(non_finite_note(*result.verification));
  }
  return make_model_card(facts);
}

/// Maps the written folder and compares it with the source: the files on disk are what runs.
Verification verify_written(const VerifyOptions& options, Plan& plan, const Graph& src_graph,
                            const fs::path& folder, std::vector<ImageComparison>& images,
                            ProgressSink& progress) {
  const bool lone_file = plan.content.form == Form::kTorchvision;
  const Source written =
      open_source((lone_file ? folder / weights_file(plan.content) : folder).string());
  const auto network = make_network(written, plan.config().head);
  const Graph graph = trace(*network, plan.input);
  Verification verification = verify_networks(src_graph, graph, options, [&] {
    progress.check();
    require_intact(plan.source.checkpoint);
  });
  for (const PreparedImage& image : plan.images) {
    images.push_back(compare_on_image(*plan.src, *network, plan.config(), image));
  }
  require_intact(written.checkpoint);
  return verification;
}

/// Refuses weights whose cached copy was damaged after the download.
void require_hash_of_origin(const LocalSource& source, const Plan& plan,
                            const std::string& sha256_hex) {
  if (!source.origin || source.origin->weights_sha256.empty()) return;
  if (source.origin->weights_sha256 == sha256_hex) return;
  throw FormatError(plan.source.checkpoint.path.string(),
                    fmt::format("the cached copy is damaged: expected sha256 {} as in {}, got {}",
                                source.origin->weights_sha256, source.origin->repo_id, sha256_hex),
                    advice("remove the file and convert again to download it"));
}

/// Writes the folder. Where the source shrank meanwhile, write(2) fails with "Bad address" only, so
/// this reports the source instead.
void write_folder(const Plan& plan, const fs::path& folder, ProgressSink& progress) {
  const StateDict tensors = plan.dest->state_dict();
  progress.step("write", weights_file_bytes(plan.content, tensors));
  try {
    write_model_folder(folder, plan.content, tensors,
                       [&progress](std::uint64_t done, std::uint64_t) {
                         progress.check();
                         progress.advance(done);
                       });
  } catch (const IoError&) {
    require_intact(plan.source.checkpoint);
    throw;
  }
}

void add_note(const Note& note, ConversionResult& result, ProgressSink& progress) {
  result.notes.push_back(note);
  progress.note(note);
}

/// Checks what a conversion needs of the system before it leaves anything there, and chooses the
/// number of threads.
VerifyOptions require_means(const VerifyOptions& wanted, ConversionResult& result,
                            ProgressSink& progress) {
  constexpr int kFiles = 16;  // twice what the folder, its files and their removal need at once
  require_descriptors(kFiles);
  static_cast<void>(Hasher::sha256());  // OpenSSL allocates its tables here, not during the work
  constexpr int kThreadsBeside = 2;     // hashing, and scanning the tensors
  Notes refused;
  VerifyOptions options = wanted;
  options.threads = usable_threads(wanted.threads, kThreadsBeside, refused);
  for (const Note& note : refused) add_note(note, result, progress);
  return options;
}

TensorCounts count_tensors(const Plan& plan, const TransferReport& transfer) {
  const Source& source = plan.source;
  return {.moved = transfer.tensor_count(),
          .dropped = source.outside.size() + source.dropped.size(),
          .filled = static_cast<std::size_t>(source.counters_added) + (source.bias_added ? 1 : 0)};
}

void collect_notes(const Plan& plan, ConversionResult& result, ProgressSink& progress) {
  for (const Notes* notes :
       {&plan.labels.reading, &plan.source.notes, &plan.labels.notes, &plan.processor_notes}) {
    for (const Note& note : *notes) add_note(note, result, progress);
  }
}

/// The result where the source already is the requested folder.
Conversion already(const Plan& plan, Conversion result) {
  const Source& source = plan.source;
  result.already = true;
  result.folder = source.path;
  result.content.form = form_of(source);
  result.content.network = source.network;
  result.content.config = source.config;
  result.config = source.config;
  result.parameters = count_parameters(*source.network->make(Form::kTimm, source.config));
  result.notes.push_back({NoteCode::kAlreadyConverted,
                          shown(source.path),
                          {{"form", std::string(to_string(form_of(source)))}}});
  return result;
}

/// The members of a result that the plan knows.
Conversion describe_plan(const Plan& plan, const ConversionRequest& request) {
  Conversion result;
  result.source_file = plan.source.checkpoint.path.string();
  result.bytes_read = size_bytes(plan.source.checkpoint);
  if (!plan.src) return already(plan, std::move(result));
  result.folder = request.output / plan.name;
  result.content = plan.content;
  result.config = plan.config();
  result.files = file_names(plan.content);
  result.labels_from = plan.labels.from;
  result.outside = plan.source.outside;
  result.head = plan.source.head;
  result.bias_added = plan.source.bias_added;
  result.parameters = count_parameters(*plan.src);
  return result;
}

/// Verifies the written folder, and adds notes on what it found.
void add_verification(const VerifyOptions& options, Plan& plan, const Graph& src_graph,
                      const fs::path& folder, Conversion& result, ProgressSink& progress) {
  progress.step("verify", 0);
  result.verification = verify_written(options, plan, src_graph, folder, result.images, progress);
  if (result.verification->non_finite_tensors > 0) {
    add_note(non_finite_note(*result.verification), result, progress);
  }
  if (overflowed(*result.verification)) add_note({NoteCode::kDtypeOverflow}, result, progress);
}

/// A source and the folder that it becomes.
struct Attempt {
  const ConversionRequest& request;
  const LocalSource& source;
  std::optional<ConversionInputs> inputs;  ///< for the record
  fs::path folder;
  TempFolder::Existing existing;  ///< at the start: what another run makes meanwhile stays
  Notes again = {};               ///< why an earlier folder is not up to date
};

/// Gives the complete folder its name. Where another run of the same conversion was faster, as of a
/// job that its scheduler started twice, the result is that run's.
void publish(const Attempt& attempt, TempFolder& folder, Conversion& result) {
  const ConversionRequest& request = attempt.request;
  if (request.fsync) sync_folder(folder.path());
  try {
    result.folder = folder.publish(attempt.existing);
  } catch (const ExistsError&) {
    Notes unused;
    auto made = request.if_changed && attempt.inputs
                    ? find_unchanged(attempt.folder, request.to, *attempt.inputs, unused)
                    : std::optional<Conversion>();
    if (!made) throw;
    result = *std::move(made);
    return;
  }
  result.written = true;
  if (request.fsync) sync_names(request.output / ".");
}

/// The sha256 of the first file of the weights; `all`: also of the shards.
std::map<fs::path, std::string> hash_weights(const Plan& plan, bool all) {
  std::map<fs::path, std::string> digests;
  for (const CheckpointFile& file : plan.source.checkpoint.files) {
    const bool known = digests.empty() && !plan.sha256_hex.empty();
    digests[file.path] = known ? plan.sha256_hex : sha256(file.bytes);
    if (!all) break;
  }
  return digests;
}

Conversion convert_changed(const Attempt& attempt, ProgressSink& progress) {
  const auto& [request, source, inputs, target, existing_folder, again] = attempt;
  Plan plan = make_plan(request, source);
  Conversion result = describe_plan(plan, request);
  if (result.already) return result;
  for (const Note& note : again) add_note(note, result, progress);
  collect_notes(plan, result, progress);

  const Graph src_graph = trace(*plan.src, plan.input);
  const Graph dest_graph = trace(*plan.dest, plan.input);
  result.transfer = ModuleTransfer{*plan.src, *plan.dest}(plan.input);
  require_equal_graphs(src_graph, dest_graph);
  result.tensors = count_tensors(plan, result.transfer);
  result.logits_shape = src_graph.node(src_graph.outputs().back()).shape;
  result.provenance = make_provenance(request, source, plan.source, "");
  if (request.dry_run) return result;

  const VerifyOptions options = require_means(request.verify_options, result, progress);
  TempFolder folder(request.output, plan.name);
  auto hashing = run_beside([&plan, &attempt] {
    require_checksums(plan.source.checkpoint);
    return hash_weights(plan, attempt.inputs.has_value());
  });
  write_folder(plan, folder.path(), progress);
  if (request.verify) {
    add_verification(options, plan, src_graph, folder.path(), result, progress);
  }
  const std::map<fs::path, std::string> digests = hashing.get();
  const std::string& digest = digests.at(plan.source.checkpoint.files.front().path);
  require_hash_of_origin(source, plan, digest);
  result.provenance = make_provenance(request, source, plan.source, digest);
  require_intact(plan.source.checkpoint);
  progress.check();
  if (result.verification && !is_verified(result)) return result;
  result.card = make_card(plan, result);
  write_atomically(folder.path() / kCardFile, result.card);
  if (inputs) keep_record(folder.path(), *inputs, digests, result);
  progress.check();
  publish(attempt, folder, result);
  return result;
}

}  // namespace

bool is_verified(const ConversionResult& result) {
  if (!result.verification || !result.verification->verified()) return false;
  return !result.verification->same_dtype ||
         std::ranges::all_of(result.images, &ImageComparison::bit_equal);
}

Conversion convert_local(const ConversionRequest& request, const LocalSource& source,
                         ProgressSink& progress) {
  progress.step("read", 0);
  const fs::path folder = planned_folder(request, source.name);
  Attempt attempt{request, source, read_inputs(request, source, folder), folder,
                  existing(request, folder)};
  if (request.if_changed && attempt.inputs) {
    if (auto unchanged = find_unchanged(folder, request.to, *attempt.inputs, attempt.again)) {
      return *std::move(unchanged);
    }
  }
  return convert_changed(attempt, progress);
}

}  // namespace weightlift
