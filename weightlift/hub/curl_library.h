#pragma once

#include <curl/curl.h>

// Internal: libcurl, loaded with the first request. With its two dozen dependencies it takes as
// long as everything else at the start of the program, and most commands never use the Hub.

namespace weightlift {

/// libcurl's functions, by their names without "curl_".
struct CurlLibrary {
  decltype(&curl_free) free;
  decltype(&curl_slist_append) slist_append;
  decltype(&curl_slist_free_all) slist_free_all;
  decltype(&curl_easy_init) easy_init;
  decltype(&curl_easy_cleanup) easy_cleanup;
  decltype(&curl_easy_reset) easy_reset;
  /// The option decides the type of the third argument: long, curl_off_t or pointer, never int.
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

/// The functions of libcurl. The first call loads it, from any thread; it stays until the process
/// ends. Throws HubError where libcurl is missing or lacks a function.
const CurlLibrary& curl();

}  // namespace weightlift
