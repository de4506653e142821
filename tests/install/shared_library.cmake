# Builds a project that contains this one by add_subdirectory(), as a shared library, and runs its examples.
# Then installs that library, and builds and runs the examples with only the prefix.
include(${CMAKE_CURRENT_LIST_DIR}/consumer.cmake)

if(CCACHE)
  list(APPEND settings -DCMAKE_CXX_COMPILER_LAUNCHER=${CCACHE})
endif()
run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR}/superproject -B ${ROOM}/build ${settings}
    -DWEIGHTLIFT_SOURCE=${SOURCE} -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_CXX_FLAGS_RELEASE=-O0)  # compiled more often than run
run(${CMAKE_COMMAND} --build ${ROOM}/build)
run(${CMAKE_COMMAND} -E env EXAMPLES=${ROOM}/build/examples OMP_WAIT_POLICY=passive ${RUNNER} --gtest_brief=1)

run(${CMAKE_COMMAND} --install ${ROOM}/build --prefix ${ROOM}/prefix)
build_and_run_examples()
build_with_pkg_config()

# It exports its own names, and nothing of the libraries that it links.
file(GLOB_RECURSE library ${ROOM}/prefix/*/libweightlift.so)
run(nm --dynamic --defined-only --demangle ${library})
string(REGEX MATCHALL "[^\n]+" symbols "${out}")
set(internal ${symbols})
list(FILTER internal INCLUDE REGEX " weightlift::((parse_source_name|make_plan|printable|crc32|nearest|shown)[([]|Graph::)")
list(FILTER symbols EXCLUDE REGEX " (weightlift::|(typeinfo|typeinfo name|vtable|guard variable) for |.*(std|__gnu_cxx)::)")
list(APPEND symbols ${internal})
if(symbols)
  list(JOIN symbols "\n" text)
  message(FATAL_ERROR "the shared library also exports:\n${text}")
endif()
