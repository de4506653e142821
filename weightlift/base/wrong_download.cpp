#include "weightlift/base/wrong_download.h"

#include <algorithm>
#include <array>
#include <string>

namespace weightlift {

namespace {

struct WrongDownloadRow {
  std::string_view start;  ///< in lower case, after white space
  WrongDownload download;
};

constexpr std::string_view kDownload = "download the file again";

constexpr std::array<WrongDownloadRow, 7> kWrongDownloads = {{
    {"version https://git-lfs", {"a git-lfs pointer", "run `git lfs pull`"}},
    {"version https://hawser", {"a git-lfs pointer", "run `git lfs pull`"}},
    {"<!doctype html", {"an HTML page", kDownload}},
    {"<html", {"an HTML page", kDownload}},
    {"<head", {"an HTML page", kDownload}},
    {"<!--", {"an HTML page", kDownload}},
    {"<?xml", {"an XML document", kDownload}},
}};

}  // namespace

WrongDownload find_wrong_download(std::string_view text) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";  // of UTF-8
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  std::string start(text.substr(0, 64));
  std::ranges::transform(start, start.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const auto* const row = std::ranges::find_if(kWrongDownloads, [&](const WrongDownloadRow& known) {
    return start.starts_with(known.start);
  });
  return row == kWrongDownloads.end() ? WrongDownload{} : row->download;
}

}  // namespace weightlift
