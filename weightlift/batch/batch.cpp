#include "weightlift/batch/batch.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "weightlift/base/json.h"
#include "weightlift/base/message.h"
#include "weightlift/batch/ledger.h"
#include "weightlift/batch/workers.h"
#include "weightlift/report/conversion_json.h"

namespace weightlift {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// Stops the work on one item where the program stops.
class ItemProgress : public ProgressSink {
 public:
  explicit ItemProgress(const std::function<void()>& check) : check_(check) {}
  void check() override { check_(); }

 private:
  const std::function<void()>& check_;
};

/// What became of an item.
struct Outcome {
  int code = 0;
  bool stopped = false;  ///< by a signal: it has no record, and does not leave its worker
  Json json;
};

std::string pack(const Outcome& outcome) {
  return dump_json_line({{"code", outcome.code}, {"json", outcome.json}});
}

Outcome unpack(const std::string& text) {
  Json packed = Json::parse(text);
  return {packed.at("code"), false, std::move(packed.at("json"))};
}

Outcome make_outcome(const BatchItem& item, const ConvertOptions& options,
                     const ConversionRecord& record, const BatchHooks& hooks) {
  const auto error = failure_of(record);
  Outcome outcome;
  outcome.code = error ? hooks.exit_code(record, *error) : 0;
  outcome.stopped = error && error->kind() == ErrorKind::kInterrupted;
  outcome.json = to_json(item.source, options, record, error.get());
  if (!item.name.empty()) outcome.json["name"] = item.name;
  outcome.json["line"] = item.line;
  outcome.json["time"] = utc_now();
  return outcome;
}

/// Converts items one after the other in one process.
class ItemConverter {
 public:
  ItemConverter(const BatchRequest& request, const BatchHooks& hooks)
      : request_(request), hooks_(hooks) {}

  Outcome run(const BatchItem& item) {
    ConvertOptions options = request_.defaults;
    ConversionRecord record;
    try {
      options = parse_item(item, request_.manifest.kind, request_.defaults);
      ItemProgress progress(hooks_.check);
      record = converter_.run(to_request(options), progress);
    } catch (const std::exception& error) {
      record.error = to_error(error);
    }
    return make_outcome(item, options, record, hooks_);
  }

 private:
  const BatchRequest& request_;
  const BatchHooks& hooks_;
  Converter converter_;
};

/// One run over the items of a shard.
class BatchRun {
 public:
  BatchRun(const BatchRequest& request, const BatchHooks& hooks)
      : request_(request), hooks_(hooks) {
    const auto& items = request.manifest.items;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (request.shard.has(i)) items_.push_back(&items[i]);
    }
    summary_.items = items_.size();
    summary_.shards = request.shard.count;
    if (!request.defaults.request.dry_run) {
      ledger_.emplace(request.defaults.request.output, request.manifest, request.shard);
    }
  }

  BatchSummary run() {
    if (request_.jobs > 1 && items_.size() > 1) {
      run_workers();
    } else {
      ItemConverter converter(request_, hooks_);
      for (const BatchItem* item : items_) {
        hooks_.check();
        take(*item, converter.run(*item));
        hooks_.check();
      }
    }
    if (ledger_) ledger_->finish();
    return std::move(summary_);
  }

 private:
  void run_workers() {
    std::optional<ItemConverter> converter;  // each worker's own
    const WorkerTasks tasks{.count = items_.size(),
                            .need = [this](std::size_t i) { return memory_need(*items_[i]); },
                            .prepare =
                                [&] {
                                  hooks_.prepare_worker();
                                  converter.emplace(request_, hooks_);
                                },
                            .work =
                                [&](std::size_t i) {
                                  const Outcome outcome = converter->run(*items_[i]);
                                  // Where only this process was stopped, another one does the item.
                                  if (outcome.stopped) ::_exit(1);
                                  return pack(outcome);
                                },
                            .done =
                                [&](std::size_t i, const WorkerAnswer& answer) {
                                  take(*items_[i], answer.ended_by
                                                       ? killed(*items_[i], *answer.ended_by)
                                                       : unpack(answer.text));
                                },
                            .check = hooks_.check};
    run_in_workers(tasks, {request_.jobs, request_.memory_bytes});
  }

  /// What a conversion may take. Measured were 40 MB with weights of 100 MB, and 282 MB with 2.6
  /// GB, whose largest layers are packed.
  static std::uint64_t memory_need(const BatchItem& item) {
    constexpr std::uint64_t kBaseBytes = std::uint64_t{96} << 20;
    std::error_code error;
    const std::uintmax_t size = fs::file_size(item.source, error);
    return kBaseBytes + (error ? 0 : size / 8);
  }

  /// The record of an item whose worker was ended twice.
  Outcome killed(const BatchItem& item, int signal) const {
    ConversionRecord record;
    if (signal == SIGKILL) {
      record.error = std::make_shared<NoMemoryError>(
          printable(item.source),
          "the system killed its process twice (SIGKILL), as it does where memory is short",
          advice("run fewer at once, or one with more memory"));
    } else {
      const char* const name = ::sigabbrev_np(signal);
      record.error = std::make_shared<Error>(
          ErrorKind::kInternal, printable(item.source),
          signal == 0
              ? std::string("its process ended early")
              : fmt::format("its process was ended by SIG{}", name == nullptr ? "?" : name));
    }
    ConvertOptions options = request_.defaults;
    options.request.name = item.name;
    return make_outcome(item, options, record, hooks_);
  }

  void take(const BatchItem& item, const Outcome& outcome) {
    if (outcome.stopped) return;
    const std::string status = outcome.json.at("status");
    const std::string key = key_of(item.name, item.line);
    if (ledger_) ledger_->append(outcome.json, key);
    if (auto line = read_line(outcome.json); line && status != "skipped") {
      summary_.count(*std::move(line));
    }
    hooks_.done(item, outcome.json, outcome.code);
  }

  const BatchRequest& request_;
  const BatchHooks& hooks_;
  std::vector<const BatchItem*> items_;
  std::optional<Ledger> ledger_;
  BatchSummary summary_;
};

}  // namespace

std::size_t count_items(const BatchRequest& request) {
  const std::size_t all = request.manifest.items.size(), index = request.shard.index;
  return all <= index ? 0 : (all - index - 1) / request.shard.count + 1;
}

BatchSummary run_batch(const BatchRequest& request, const BatchHooks& hooks) {
  return BatchRun(request, hooks).run();
}

}  // namespace weightlift
