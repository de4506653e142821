#pragma once

#include <string_view>

namespace weightlift {

/// What often lies in place of a file: what it is, and what to do.
struct WrongDownload {
  std::string_view what;    ///< "a git-lfs pointer"; empty: none
  std::string_view advice;  ///< "run `git lfs pull`"
};

/// Recognizes a git-lfs pointer, a web page and an XML document by their first bytes. Downloads
/// without the right tool or permission save them under the name of the wanted file.
WrongDownload find_wrong_download(std::string_view text);

}  // namespace weightlift
