# weightlift_options: compile options for all targets of this project, hidden from consumers.
add_library(weightlift_options INTERFACE)
# -Wshadow only for GCC: clang 19 reports [x = x] as shadowing where x is a structured binding, and
# clang 14 cannot capture one in another way.
target_compile_options(weightlift_options INTERFACE
  -Wall -Wextra -Wpedantic $<$<CXX_COMPILER_ID:GNU>:-Wshadow> -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wundef -Wdouble-promotion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang 19 warns about a function that std::stable_sort of GCC 12 calls.
  target_compile_options(weightlift_options INTERFACE -Wno-deprecated-declarations)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 warns about overlapping copies inside std::string's operator+ (GCC bug 105651).
  target_compile_options(weightlift_options INTERFACE -Wno-restrict)
endif()
if(CMAKE_UNITY_BUILD)
  # In a unity build, names local to one file are visible in the files after it.
  target_compile_options(weightlift_options INTERFACE
    -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
if(WEIGHTLIFT_WERROR)
  target_compile_options(weightlift_options INTERFACE -Werror)
endif()
if(WEIGHTLIFT_SANITIZE)
  target_compile_options(weightlift_options INTERFACE
    -fsanitize=${WEIGHTLIFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # A sanitizer's checks stand between a loop and its vectors: clang cannot obey `omp simd`.
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(weightlift_options INTERFACE -Wno-pass-failed)
  endif()
  target_link_options(weightlift_options INTERFACE -fsanitize=${WEIGHTLIFT_SANITIZE})
endif()
