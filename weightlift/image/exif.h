#pragma once

#include <string>
#include <vector>

namespace weightlift {

/// What a file says about its picture beside the pixels, as far as it can say how to turn it.
struct PictureMetadata {
  std::string exif;  ///< a TIFF structure, with "Exif\0\0" before it or not; empty: none
  std::string xmp;   ///< XML; empty: none
};

/// EXIF's orientation, 1 to 8, from EXIF or, where that has none, from XMP; 1 where nobody gives a
/// valid one. Broken EXIF data has none and adds a note.
int find_orientation(const PictureMetadata& metadata, std::vector<std::string>& notes);

}  // namespace weightlift
