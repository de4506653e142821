#include "weightlift/report/phrase.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "weightlift/base/text.h"

namespace weightlift {

namespace {

struct Text {
  NoteCode code;
  std::string_view text;  ///< {name} stands for a parameter
};

constexpr auto kTexts = std::to_array<Text>({
    {NoteCode::kWrongExtension, "contains {format} data, despite its name"},
    {NoteCode::kHeaderWhitespace, "the header begins with white space; other readers refuse it"},
    {NoteCode::kNoTensors, "contains no tensors"},
    {NoteCode::kMetadataFormatMissing,
     "the metadata has no format; huggingface_hub refuses such a file"},
    {NoteCode::kMetadataFormatUnknown, "the metadata's format is '{format}', read as 'pt'"},
    {NoteCode::kZipTrailingBytes, "ignored {bytes} bytes after the end of the archive"},
    {NoteCode::kZipUnusedBytes, "ignored {bytes} bytes between the archive's entries"},
    {NoteCode::kZipUnusedStorages, "ignored {count} storages that no tensor uses"},
    {NoteCode::kZipWithoutChecksums, "saved without checksums; damage cannot be detected"},
    {NoteCode::kBytesAfterStorages, "ignored {bytes} bytes after the last storage"},
    {NoteCode::kBigEndianMark,
     "marked as big-endian; read as little-endian, as torch writes it on every machine"},
    {NoteCode::kIndexMetadataMissing, "the index has no metadata; transformers refuses it"},
    {NoteCode::kIndexTotalSizeInvalid, "ignored total_size, which is {got}"},
    {NoteCode::kIndexTotalSizeWrong, "total_size is {got}, but the tensors have {expected} bytes"},
    {NoteCode::kIndexUnlistedTensor, "'{tensor}' in {file} is not in the index's weight_map"},
    {NoteCode::kPythonObjectsIgnored, "contains Python objects, none of them loaded: {names}"},
    {NoteCode::kTensorsIgnored, "ignored tensors, {kind}: {names}"},
    {NoteCode::kUnknownTensorsIgnored, "ignored tensors, {kind}: {names}"},
    {NoteCode::kCountersAdded, "added {count} missing num_batches_tracked as 0"},
    {NoteCode::kCountersConverted, "converted {count} num_batches_tracked to int64 scalars"},
    {NoteCode::kDtypesMixed, "weights have several dtypes, {dtypes}; read as {dtype}"},
    {NoteCode::kZeroTail,
     "the weights are zero from '{tensor}' to the end of the file ({bytes} bytes); the download "
     "may "
     "be incomplete"},
    {NoteCode::kHeadRenamed,
     "using '{module}' as the classifier, assuming average pooling and a plain Linear layer"},
    {NoteCode::kBiasAdded, "the classifier has no bias; added a bias of zeros"},
    {NoteCode::kHeadDropped, "a backbone without the classifier: dropped {names}"},
    {NoteCode::kLabelsRead, "labels: {form}; first '{first}', last '{last}'"},
    {NoteCode::kLabelsUnknown, "no labels for the {classes} classes; named LABEL_0, LABEL_1, ..."},
    {NoteCode::kLabelDuplicated,
     "two classes have the label '{label}'; label2id keeps the last, as in transformers"},
    {NoteCode::kMoreLabelsDuplicated, "{count} more labels are duplicates"},
    {NoteCode::kClassNamesInvalid,
     "ignored the checkpoint's class names; they contain control characters or invalid UTF-8"},
    {NoteCode::kClassNamesMismatch,
     "ignored the checkpoint's {names} class names; the network has {classes} classes"},
    {NoteCode::kNoClassifier, "the network has no classifier; a pipeline cannot use it"},
    {NoteCode::kProblemTypeDropped, "dropped problem_type; this format has no place for it"},
    {NoteCode::kLabelIdsDropped, "ignored labels of id2label whose ids are outside the classes"},
    {NoteCode::kProcessorChosen,
     "image processor from {which}; the weights may have been trained with another"},
    {NoteCode::kProcessorDefaults,
     "the config does not describe its images; the image processor has timm's defaults"},
    {NoteCode::kProcessorMismatch,
     "the image processor does not fit: mean and std have {mean} and {std} values, the network has "
     "{channels} input channels"},
    {NoteCode::kProcessorNotInTimm,
     "timm's config cannot describe this image processor; timm will prepare different pixels"},
    {NoteCode::kProcessorNotInFile,
     "no image processor; a weights file does not state how its images are prepared"},
    {NoteCode::kProcessorNotInFolder, "no image processor; the source has none"},
    {NoteCode::kProcessorChannels,
     "no image processor; images have one or three channels, this network has {channels}"},
    {NoteCode::kProcessorNotSquare,
     "no image processor; ConvNextImageProcessor makes square images, timm's config states "
     "{height}x{width}"},
    {NoteCode::kProcessorInterpolation,
     "no image processor; Pillow has no interpolation '{interpolation}'"},
    {NoteCode::kProcessorStatistics,
     "no image processor; mean and std have {mean} and {std} values, the network has {channels} "
     "input channels"},
    {NoteCode::kGrayscalePipeline,
     "transformers' pipeline makes every image RGB, but this network has one input channel"},
    {NoteCode::kCropOffset,
     "the crop starts at another pixel than in timm; scores may differ by up to about 0.004; "
     "nothing to do"},
    {NoteCode::kCropOffsetOfSome,
     "crop matches timm for square images; other images may start one pixel earlier; nothing to "
     "do"},
    {NoteCode::kPadOffset,
     "transformers' Pillow backend pads the image by one pixel more on one side than timm"},
    {NoteCode::kCropSquashed,
     "pixels differ from timm's: from {edge} pixels on, ConvNextImageProcessor resizes to a square "
     "and ignores crop_pct"},
    {NoteCode::kCropModeUnsupported,
     "pixels differ from timm's: crop_mode '{mode}' is unsupported; ConvNextImageProcessor crops "
     "the center"},
    {NoteCode::kNonFiniteWeights,
     "the weights contain {nan} NaN and {inf} infinities in {tensors} tensors; weightlift keeps "
     "them"},
    {NoteCode::kDtypeOverflow,
     "weights overflow to infinity in the output dtype; the converted model is useless"},
    {NoteCode::kAlreadyConverted, "already has the form of {form}; nothing to do"},
    {NoteCode::kUpToDate, "up to date; nothing to do"},
    {NoteCode::kConvertedAgain, "converting again: {reason}"},
    {NoteCode::kTemporaryFoldersFound,
     "has temporary folders of other machines, containers or crashed replacements, which "
     "weightlift "
     "keeps: {names}"},
    {NoteCode::kFetched, "from the Hub, commit {commit}"},
    {NoteCode::kFetchedWithoutConfig,
     "from the Hub, commit {commit}; config from weightlift's registry"},
    {NoteCode::kTorchCacheUsed, "using {file} from torch's cache"},
    {NoteCode::kCacheUsed, "{reason}; using the cached copy"},
    {NoteCode::kCacheRepaired, "the cached copy was damaged; downloaded again: {files}"},
    {NoteCode::kHubWarning, "the Hub warns: {text}"},
    {NoteCode::kFilesIgnoredByGit,
     "not published, because the repository's .gitignore lists them: {files}"},
    {NoteCode::kMetadataSkipped,
     "skipped {count} files of the repository in .cache/huggingface, where weightlift keeps its "
     "own"},
    {NoteCode::kFilesNotPublished,
     "not published: hidden files ({hidden}), files that are not part of a model ({others})"},
    {NoteCode::kTrainingStateSkipped, "skipped training state: {files}"},
    {NoteCode::kNoncommercialLicense,
     "the weights' license is {license}: no commercial use; the published copy keeps it"},
    {NoteCode::kCardNamesRepository, "the published copy names {repository} in its title and code"},
    {NoteCode::kFewerThreads, "the system refuses more threads; using {used} instead of {wanted}"},
    {NoteCode::kImageAnimated, "animated image; using the first of {frames} frames"},
    {NoteCode::kImageDamaged, "damaged image: {text}"},
    {NoteCode::kImageEndDamaged, "damaged after the pixels"},
    {NoteCode::kImageEndMissing, "the end marker is missing"},
    {NoteCode::kImageTrailingBytes, "ignored {bytes} bytes after the image"},
    {NoteCode::kExifInvalid, "ignored invalid EXIF data; the image may be rotated"},
});

Words& words() {
  static Words words;
  return words;
}

std::string_view find_value(const Note& note, std::string_view name) {
  for (const auto& [key, value] : note.parameters) {
    if (key == name) return value;
  }
  return "";
}

/// "using 'state_dict', stripped prefix 'module.' (DataParallel); ignored: epoch (int)"
std::string describe_choice(const Note& note) {
  std::vector<std::string> parts;
  const std::string_view dict = find_value(note, "dict"), prefix = find_value(note, "prefix");
  const std::string_view wrappers = find_value(note, "wrappers");
  if (!dict.empty()) parts.push_back(fmt::format("using '{}'", dict));
  if (!prefix.empty()) {
    parts.push_back(fmt::format("stripped prefix '{}'{}", prefix,
                                wrappers.empty() ? "" : fmt::format(" ({})", wrappers)));
  }
  if (const auto naming = find_value(note, "naming"); !naming.empty()) {
    parts.push_back(fmt::format("renamed tensors ({})", naming));
  }
  if (parts.empty()) parts.emplace_back("using the tensors at the top level");
  const std::string_view ignored = find_value(note, "ignored");
  return fmt::format("{}{}{}", fmt::join(parts, ", "),
                     ignored.empty() ? "" : "; ignored: ", ignored);
}

/// "no config.json; assuming a standard timm resnet18"
std::string describe_assumption(const Note& note) {
  const std::string_view arch = find_value(note, "arch"), config = find_value(note, "config");
  return fmt::format(
      "{}; assuming a standard timm {}",
      config.empty() ? "no config.json" : fmt::format("{} is not read for a single file", config),
      arch.empty() ? find_value(note, "family") : arch);
}

std::string text_of(const Note& note) {
  if (note.code == NoteCode::kWeightsChosen) return describe_choice(note);
  if (note.code == NoteCode::kNoConfig) return describe_assumption(note);
  const auto* const found = std::ranges::find(kTexts, note.code, &Text::code);
  return found == kTexts.end() ? std::string(to_string(note.code))
                               : fill_in(found->text, note.parameters);
}

}  // namespace

std::string advice_only(const Hints& hints) {
  std::string text;
  for (const Hint& hint : hints) {
    if (hint.code == HintCode::kAdvice) text += "; " + first_value(hint);
  }
  return text;
}

void set_words(const Words& chosen) { words() = chosen; }

std::string first_value(const Hint& hint) { return hint.values.empty() ? "" : hint.values.front(); }

std::string phrase(const Hints& hints) { return words().hints(hints); }

std::string phrase_place(const std::string& where) { return words().place(where); }

std::string phrase_message(const Error& error) { return error.message() + phrase(error.hints()); }

std::string phrase_message(const Note& note) { return text_of(note) + phrase(note.hints); }

std::string phrase(const Error& error) {
  return join_places(phrase_place(error.where()), phrase_message(error));
}

std::string phrase(const Note& note) { return join_places(note.where, phrase_message(note)); }

}  // namespace weightlift
