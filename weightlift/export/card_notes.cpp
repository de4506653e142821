#include "weightlift/export/card_notes.h"

#include <algorithm>
#include <array>

#include "weightlift/base/text.h"
#include "weightlift/progress.h"

namespace weightlift {

namespace {

struct Sentence {
  NoteCode code;
  std::string_view text;  ///< {name} stands for a parameter
};

constexpr auto kSentences = std::to_array<Sentence>({
    {NoteCode::kHeadRenamed,
     "the classifier is the checkpoint's '{module}'; weightlift assumed average pooling and a "
     "plain "
     "Linear layer"},
    {NoteCode::kBiasAdded, "the checkpoint's classifier has no bias; the bias here is zero"},
    {NoteCode::kHeadDropped, "the checkpoint's classifier is not here: {names}"},
    {NoteCode::kCountersAdded,
     "the checkpoint lacks {count} num_batches_tracked counters; they are 0 here"},
    {NoteCode::kNonFiniteWeights,
     "the weights contain {nan} NaN and {inf} infinities in {tensors} tensors, as in the "
     "checkpoint"},
    {NoteCode::kProcessorChosen,
     "image processor: from {which}, chosen by the user; the weights may have been trained with "
     "another"},
    {NoteCode::kProcessorDefaults,
     "the checkpoint's config does not describe its images; the image processor uses "
     "timm's defaults"},
    {NoteCode::kProcessorMismatch,
     "the image processor does not fit: its mean and std have {mean} and {std} values, the network "
     "has {channels} input channels"},
    {NoteCode::kProcessorNotInTimm,
     "timm's config cannot describe the source's image processor; timm will prepare different "
     "pixels"},
    {NoteCode::kProcessorNotInFile,
     "no image processor: a weights file does not state how its images are prepared"},
    {NoteCode::kProcessorNotInFolder, "no image processor: the source has none"},
    {NoteCode::kProcessorChannels,
     "no image processor: images have one or three channels, this network has {channels}"},
    {NoteCode::kProcessorNotSquare,
     "no image processor: ConvNextImageProcessor makes square images, timm's config states "
     "{height}x{width}"},
    {NoteCode::kProcessorInterpolation,
     "no image processor: Pillow has no interpolation '{interpolation}'"},
    {NoteCode::kProcessorStatistics,
     "no image processor: mean and std have {mean} and {std} values, the network has {channels} "
     "input channels"},
    {NoteCode::kGrayscalePipeline,
     "transformers' pipeline converts every image to RGB, but this network has one input channel; "
     "prepare grayscale images with the image processor and pass them to the model"},
    {NoteCode::kCropOffset,
     "the crop starts at pixel {transformers} of the resized image, but at pixel {timm} in timm; "
     "scores may differ from timm's by up to about 0.004"},
    {NoteCode::kCropOffsetOfSome,
     "crops match timm for square images; for one in four other images, the crop starts one pixel "
     "earlier"},
    {NoteCode::kPadOffset,
     "transformers' Pillow backend adds {pixels} pixels around the image, and places the image one "
     "pixel later than timm"},
    {NoteCode::kCropSquashed,
     "pixels differ from timm's: at {edge} pixels and above, ConvNextImageProcessor resizes to a "
     "square and ignores crop_pct"},
    {NoteCode::kCropModeUnsupported,
     "pixels differ from timm's: ConvNextImageProcessor does not support crop_mode '{mode}' and "
     "crops the center"},
});

}  // namespace

std::string card_sentence(const Note& note) {
  const auto* const found = std::ranges::find(kSentences, note.code, &Sentence::code);
  return found == kSentences.end() ? "" : fill_in(found->text, note.parameters);
}

}  // namespace weightlift
