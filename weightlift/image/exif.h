#pragma once

#include <string>
#include <vector>

#include "weightlift/progress.h"

namespace weightlift {

/// The metadata of an image that can contain its orientation.
struct ImageMetadata {
  std::string exif;  ///< a TIFF structure, with or without "Exif\0\0" before it; empty: none
  std::string xmp;   ///< XML; empty: none
};

/// Returns EXIF's orientation, 1 to 8: from EXIF, or from XMP where EXIF has none, or 1 where
/// neither has a valid one. Broken EXIF data has none and adds a note.
int find_orientation(const ImageMetadata& metadata, Notes& notes);

}  // namespace weightlift
