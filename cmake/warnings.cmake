# weightlift_options: what every target of this project is compiled with, and no consumer sees.
add_library(weightlift_options INTERFACE)
# -Wshadow is GCC's alone: clang 19 takes [x = x] for shadowing where x is a structured binding, and
# clang 14 captures none otherwise.
target_compile_options(weightlift_options INTERFACE
  -Wall -Wextra -Wpedantic $<$<CXX_COMPILER_ID:GNU>:-Wshadow> -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-align -Wundef -Wdouble-promotion)
if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
  # clang 19 warns of what std::stable_sort of GCC 12 calls itself.
  target_compile_options(weightlift_options INTERFACE -Wno-deprecated-declarations)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC 12 warns of overlapping copies inside std::string's own operator+ (GCC bug 105651).
  target_compile_options(weightlift_options INTERFACE -Wno-restrict)
endif()
if(CMAKE_UNITY_BUILD)
  # Where files are compiled together, what one of them keeps to itself looks like a header's to the next.
  target_compile_options(weightlift_options INTERFACE
    -Wno-shadow $<$<CXX_COMPILER_ID:GNU>:-Wno-subobject-linkage>)
endif()
if(WEIGHTLIFT_WERROR)
  target_compile_options(weightlift_options INTERFACE -Werror)
endif()
if(WEIGHTLIFT_SANITIZE)
  target_compile_options(weightlift_options INTERFACE
    -fsanitize=${WEIGHTLIFT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  # A sanitizer's checks stand between a loop and its vectors: `omp simd` is not obeyed, and need not be.
  if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    target_compile_options(weightlift_options INTERFACE -Wno-pass-failed)
  endif()
  target_link_options(weightlift_options INTERFACE -fsanitize=${WEIGHTLIFT_SANITIZE})
endif()
