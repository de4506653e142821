#pragma once

#include <curl/curl.h>

// Internal: libcurl, loaded when it is first needed. With the two dozen libraries that it brings,
// it takes as long as all else at the start of a program, and most of what the program does never
// asks the Hub.

namespace weightlift {

/// libcurl's functions, under their names without "curl_".
struct CurlLibrary {
  decltype(&curl_free) free;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_reset) easy_reset;
  /// Looks at its third argument by the option: a long, a curl_off_t or a pointer, and no int.
  decltype(&curl_easy_setopt) easy_setopt;
  decltype(&curl_easy_getinfo) easy_getinfo;
  decltype(&curl_easy_strerror) easy_strerror;
  decltype(&curl_multi_init) multi_init;
  decltype(&curl_multi_cleanup) multi_cleanup;
  decltype(&curl_multi_add_handle) multi_add_handle;
  decltype(&curl_multi_remove_handle) multi_remove_handle;
  decltype(&curl_multi_perform) multi_perform;
  decltype(&curl_multi_poll) multi_poll;
  decltype(&curl_multi_info_read) multi_info_read;
};

/// Loads libcurl when it is first called, from whichever thread; it stays until the process ends.
/// Throws HubError where there is none, or one that lacks a function.
const CurlLibrary& curl();

}  // namespace weightlift
