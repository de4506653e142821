# What the tests of the installed library share.
set(settings -G Ninja -DCMAKE_CXX_COMPILER=${COMPILER} "-DCMAKE_CXX_FLAGS=${FLAGS}"
    -Ddnnl_INCLUDE_DIR=${dnnl_INCLUDE_DIR} -Ddnnl_LIBRARY=${dnnl_LIBRARY})
file(REMOVE_RECURSE ${ROOM}/prefix ${ROOM}/examples)

# run(COMMAND argument...): sets `out`. Fails where the command does.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${result}\n${out}\n${err}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

# build_and_run_examples(): the examples with only the prefix.
function(build_and_run_examples)
  run(${CMAKE_COMMAND} -S ${SOURCE}/examples/library -B ${ROOM}/examples ${settings}
      -DCMAKE_PREFIX_PATH=${ROOM}/prefix)
  run(${CMAKE_COMMAND} --build ${ROOM}/examples)
  run(${CMAKE_COMMAND} -E env EXAMPLES=${ROOM}/examples OMP_WAIT_POLICY=passive ${RUNNER} --gtest_brief=1)
endfunction()

# build_with_pkg_config([--static]): an example with only the prefix and pkg-config.
function(build_with_pkg_config)
  find_program(PKG_CONFIG pkg-config REQUIRED)
  file(GLOB_RECURSE pc ${ROOM}/prefix/*/weightlift.pc)
  run(${PKG_CONFIG} --modversion ${pc})
  string(STRIP "${out}" out)
  if(NOT out STREQUAL VERSION)
    message(FATAL_ERROR "expected version ${VERSION}, got ${out}")
  endif()
  run(${PKG_CONFIG} --cflags --libs ${ARGN} ${pc})
  string(STRIP "${out}" out)
  separate_arguments(words UNIX_COMMAND "${out}")
  separate_arguments(more UNIX_COMMAND "${FLAGS}")
  run(${COMPILER} -std=c++20 ${more} ${SOURCE}/examples/library/list_tensors.cpp -o ${ROOM}/by_pkg_config ${words})
endfunction()
