// Preloaded into the program: a file system of several machines. flock() succeeds for every
// process, as where locks stay on one machine. WEIGHTLIFT_TEST_BOOT_ID names a file that is read as
// the kernel's boot id. renameat2() knows no flags, as on NFS, where WEIGHTLIFT_TEST_NFS is set.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>

#include <cstdarg>
#include <cstdlib>
#include <string_view>

extern "C" int flock(int /*fd*/, int /*operation*/) { return 0; }

extern "C" int renameat2(int from_dir, const char* from, int to_dir, const char* to,
                         unsigned int flags) {
  if (flags != 0 && std::getenv("WEIGHTLIFT_TEST_NFS") != nullptr) {
    errno = EINVAL;
    return -1;
  }
  static const auto real = reinterpret_cast<int (*)(int, const char*, int, const char*, unsigned)>(
      ::dlsym(RTLD_NEXT, "renameat2"));
  return real(from_dir, from, to_dir, to, flags);
}

extern "C" int open(const char* path, int flags, ...) {
  std::va_list rest;
  va_start(rest, flags);
  const auto mode = static_cast<mode_t>(va_arg(rest, unsigned int));
  va_end(rest);
  const char* boot_id = std::getenv("WEIGHTLIFT_TEST_BOOT_ID");
  const bool asked = std::string_view(path) == "/proc/sys/kernel/random/boot_id";
  static const auto real =
      reinterpret_cast<int (*)(const char*, int, ...)>(::dlsym(RTLD_NEXT, "open"));
  return real(asked && boot_id != nullptr ? boot_id : path, flags, mode);
}
