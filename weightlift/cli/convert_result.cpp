#include "weightlift/cli/convert_result.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "weightlift/base/error.h"
#include "weightlift/cli/print.h"

namespace weightlift {

namespace {

/// What a dry run says beside the rest: what is read, and what the card would state.
void print_claims(const ConversionResult& result) {
  const Provenance& from = result.provenance;
  fmt::print("  reads: {}\n", printable(result.source_file, 400));
  if (!from.license.empty()) {
    fmt::print("  licence: {}\n", printable(from.license));
  } else {
    fmt::print("  licence: not known{}\n",
               from.claimed_license.empty()
                   ? ""
                   : fmt::format(", the source claims {}", printable(from.claimed_license)));
  }
}

/// The likeliest classes of both networks, side by side.
void print_picture(const PictureComparison& picture) {
  fmt::print("  {}: logits {}\n", printable(picture.file, 400),
             picture.bit_equal ? "bit-equal" : "differ");
  constexpr std::size_t kMostBytes = 48;
  std::size_t width = 0;
  for (const Prediction& a : picture.src) {
    width = std::max(width, printable(a.label, kMostBytes).size());
  }
  for (std::size_t i = 0; i < picture.src.size(); ++i) {
    const Prediction& a = picture.src[i];
    const Prediction& b = picture.dest[i];
    fmt::print("    {:.4f} {:<{}}  {:.4f} {}\n", a.score, printable(a.label, kMostBytes), width,
               b.score, printable(b.label, kMostBytes));
  }
}

}  // namespace

void print_result(const std::string& source, const ConversionRequest& request,
                  const ConversionResult& result) {
  const ResNetConfig& config = result.content.config;
  if (result.already) {
    fmt::print("{}: is in the form of {} already; nothing is done\n", printable(source, 400),
               to_string(request.to));
    return;
  }
  fmt::print("{} -> {}\n", printable(source, 400), printable(result.folder.string(), 400));
  fmt::print("  network: {} [{}], channels [{}], {} in, {} out, {} parameters, {}\n",
             to_string(config.layer_type), fmt::join(config.depths, ", "),
             fmt::join(config.hidden_sizes, ", "), config.num_channels,
             config.head == Head::kKeep ? fmt::format("{} classes", config.num_labels) : "features",
             with_commas(result.parameters), torch_name(config.dtype));
  fmt::print("  {}: {} operations with parameters, {} tensors\n",
             request.dry_run ? "would move" : "moved", result.transfer.operations.size(),
             result.transfer.tensor_count());
  for (const std::string& line : summarize(result.outside)) fmt::print("  ignored, {}\n", line);
  fmt::print("  labels: {}\n", result.labels_from);
  if (request.dry_run) print_claims(result);
  if (result.verification) {
    fmt::print("{}", describe(*result.verification));
  } else {
    fmt::print("  not verified{}\n", request.dry_run ? " (dry run)" : "");
  }
  for (const PictureComparison& picture : result.pictures) print_picture(picture);
  fmt::print("  {} {}\n",
             result.written    ? "wrote"
             : request.dry_run ? "would write"
                               : "NOT written:",
             fmt::join(file_names(result.content), ", "));
}

}  // namespace weightlift
