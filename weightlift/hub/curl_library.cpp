#include "weightlift/hub/curl_library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include "weightlift/base/message.h"
#include "weightlift/base/posix.h"
#include "weightlift/error.h"

namespace weightlift {

namespace {

// The name since 2006, for all versions.
constexpr const char* kName = "libcurl.so.4";

[[noreturn]] void throw_not_loaded(const char* reason) {
  throw HubError(kName,
                 fmt::format("cannot load the library: {}",
                             printable(reason == nullptr ? "no reason given" : reason, 300)),
                 advice("install the package libcurl4"));
}

template <class Function>
void find(void* library, Function& function, const char* name) {
  function = reinterpret_cast<Function>(::dlsym(library, name));
  if (function == nullptr) throw_not_loaded(::dlerror());
}

CurlLibrary load() {
  // What libcurl and its libraries map. Without memory, dlopen only reports a library not found.
  constexpr std::size_t kLibraryBytes = std::size_t{48} << 20;
  require_memory(kLibraryBytes);
  void* library = ::dlopen(kName, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw_not_loaded(::dlerror());
  CurlLibrary curl{};
  find(library, curl.free, "curl_free");
  find(library, curl.slist_append, "curl_slist_append");
  find(library, curl.slist_free_all, "curl_slist_free_all");
  find(library, curl.easy_init, "curl_easy_init");
  find(library, curl.easy_cleanup, "curl_easy_cleanup");
  find(library, curl.easy_reset, "curl_easy_reset");
  find(library, curl.easy_setopt, "curl_easy_setopt");
  find(library, curl.easy_getinfo, "curl_easy_getinfo");
  find(library, curl.easy_strerror, "curl_easy_strerror");
  find(library, curl.multi_init, "curl_multi_init");
  find(library, curl.multi_cleanup, "curl_multi_cleanup");
  find(library, curl.multi_add_handle, "curl_multi_add_handle");
  find(library, curl.multi_remove_handle, "curl_multi_remove_handle");
  find(library, curl.multi_perform, "curl_multi_perform");
  find(library, curl.multi_poll, "curl_multi_poll");
  find(library, curl.multi_info_read, "curl_multi_info_read");
  decltype(&curl_global_init) global_init = nullptr;
  find(library, global_init, "curl_global_init");
  if (global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw_not_loaded("curl_global_init failed");
  return curl;
}

}  // namespace

const CurlLibrary& curl() {
  static const CurlLibrary library = load();
  return library;
}

}  // namespace weightlift
