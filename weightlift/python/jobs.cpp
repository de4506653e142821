#include "weightlift/jobs.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/filesystem.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "weightlift/base/json.h"
#include "weightlift/base/posix.h"
#include "weightlift/job/conversions.h"
#include "weightlift/job/job_progress.h"
#include "weightlift/python/background.h"
#include "weightlift/python/bindings.h"
#include "weightlift/report/conversion_json.h"
#include "weightlift/report/diff_json.h"
#include "weightlift/report/hub_json.h"
#include "weightlift/report/inspection_json.h"
#include "weightlift/report/models_json.h"

// Each function returns an object of docs/json.md as a text: the results of Python are those of
// --json.

namespace weightlift {

namespace {

namespace nb = nanobind;
using Json = nlohmann::ordered_json;
using Path = std::filesystem::path;  // nanobind converts it with os.fsencode

/// The JSON text that `work` makes on a thread of its own.
template <class Work>
std::string json_of(const nb::object& events, const Work& work) {
  std::string text;
  run_in_background(events, [&](ProgressSink& sink) { text = dump_json_line(work(sink)); });
  return text;
}

/// The same for a result that has the notes which the work reports.
template <class Work>
std::string json_with_notes(const nb::object& events, const Work& work) {
  return json_of(events, [&](ProgressSink& sink) {
    JobProgress progress(sink);
    return run_job_work([&] { return work(progress); });
  });
}

/// Makes the object of one conversion.
class OneConversion : public ConversionObserver {
 public:
  OneConversion(const ConvertOptions& options, const std::string& source, ProgressSink& progress)
      : options_(options), source_(source), progress_(progress) {}

  ProgressSink& begin(std::size_t /*index*/) override { return progress_; }
  void converted(std::size_t /*index*/, const Conversion& /*result*/) override {}
  void end(std::size_t /*index*/, const ConversionRecord& record) override {
    json = to_json(source_, options_, record, failure_of(record).get());
    if (record.result) json["card"] = record.result->card;
  }

  Json json;

 private:
  const ConvertOptions& options_;
  const std::string& source_;
  ProgressSink& progress_;
};

/// `options`: a JSON object, as docs/json.md names them. `labels`: a file that is no argument of
/// the caller, instead of the option id2label; empty: none.
std::string run_convert(const Path& source_path, const Path& output, const std::string& options,
                        const Path& labels, const nb::object& events) {
  const std::string& source = source_path.native();
  return json_of(events, [&](ProgressSink& progress) {
    ConvertOptions words = parse_convert_options(Json::parse(options));
    words.request.source = source;
    words.request.output = output;
    ConversionRequest request = to_request(words);
    if (!labels.empty()) request.id2label = File{labels, "id2label"};
    OneConversion observer(words, source, progress);
    convert_all({&request, 1}, progress, observer);
    return observer.json;
  });
}

/// The name of the new folder, as a JSON text. `last_part`: of the source's path or repository.
std::string run_folder_name(const std::string& last_part, const std::string& options,
                            const nb::object& events) {
  return json_of(events, [&](ProgressSink&) -> Json {
    const ConvertOptions words = parse_convert_options(Json::parse(options));
    ConvertOptions form;  // the files of the other options may be elsewhere
    form.to = words.to;
    form.request.name = words.request.name;
    return planned_folder(to_request(form), last_part).filename().string();
  });
}

std::string run_verify(const Path& source_path, const Path& folder_path, const std::string& options,
                       const nb::object& events) {
  const std::string &source = source_path.native(), &folder = folder_path.native();
  return json_with_notes(events, [&](JobProgress& progress) {
    const ConversionRequest words = to_request(parse_convert_options(Json::parse(options)));
    const FolderVerification found =
        verify({source, folder, words.hints, words.verify_options}, progress);
    return verification_json({"verify", source}, folder, found, progress.notes());
  });
}

std::string run_diff(const Path& path_a, const Path& path_b, const std::string& a_weights_key,
                     const std::string& b_weights_key, const nb::object& events) {
  const std::string &a = path_a.native(), &b = path_b.native();
  return json_of(events, [&](ProgressSink& progress) {
    return diff_json({"diff", a}, b, diff({a, b, a_weights_key, b_weights_key}, progress));
  });
}

std::string run_inspect(const Path& source_path, const std::string& weights_key, bool hash,
                        const nb::object& events) {
  const std::string& source = source_path.native();
  return json_of(events, [&](ProgressSink& progress) {
    return inspection_json({"inspect", source}, inspect({source, weights_key, hash}, progress));
  });
}

/// A JSON array of objects.
std::string run_models(const std::string& glob, const std::string& family,
                       const nb::object& events) {
  return json_of(events, [&](ProgressSink&) {
    Json list = Json::array();
    for (const PretrainedCfg& cfg : select_models(glob, family)) list.push_back(to_json(cfg));
    return list;
  });
}

std::string run_pull(const std::string& repository, const Path& local_dir,
                     const nb::object& events) {
  return json_with_notes(events, [&](JobProgress& progress) {
    const PullResult result = pull(repository, local_dir, progress);
    return pull_json({"pull", repository}, result, progress.notes());
  });
}

/// `options`: those of publishing, by the names that `convert` gives them.
std::string run_push(const Path& folder, const std::string& options,
                     const std::vector<std::string>& include,
                     const std::vector<std::string>& exclude, bool all_files, bool dry_run,
                     const nb::object& events) {
  return json_with_notes(events, [&](JobProgress& progress) {
    PushRequest request{.folder = folder};
    request.options = parse_convert_options(Json::parse(options)).publish;
    request.include = include;
    request.exclude = exclude;
    request.training_state = all_files;
    request.dry_run = dry_run;
    const PushResult result = push(request, progress);
    return push_json({"push", shown(folder)}, request.options.revision, result, progress.notes());
  });
}

}  // namespace

void bind_jobs(nb::module_& module) {
  module.def("convert", run_convert);
  module.def("folder_name", run_folder_name);
  module.def("verify", run_verify);
  module.def("diff", run_diff);
  module.def("inspect", run_inspect);
  module.def("models", run_models);
  module.def("pull", run_pull);
  module.def("push", run_push);
}

}  // namespace weightlift
