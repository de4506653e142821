# Creates a tree that spells no option outside the program, then adds faults. The check must pass the
# first and report every fault.
cmake_policy(VERSION 3.22)

function(check)
  execute_process(COMMAND ${CMAKE_COMMAND} -DTREE=${ROOM} -P ${CHECK}
                  RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
  set(result ${result} PARENT_SCOPE)
  set(output "${out}${err}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${ROOM})
check()
if(result EQUAL 0 OR NOT output MATCHES "no files to check")
  message(FATAL_ERROR "an empty tree passed: ${output}")
endif()

file(WRITE ${ROOM}/weightlift/cli/a.cpp "auto a = \"use --force\";\n")
file(WRITE ${ROOM}/weightlift/base/a.cpp "// use --force\nauto a = \"a -- b\"; --i;\nauto b = \"made by weightlift\";\n")
check()
if(NOT result EQUAL 0)
  message(FATAL_ERROR "a good tree failed: ${output}")
endif()

foreach(fault "\"use --force to replace it\"" "\"--force\"" "\"run: weightlift convert a\"")
  file(WRITE ${ROOM}/weightlift/base/b.cpp "auto text = ${fault};\n")
  check()
  if(result EQUAL 0 OR NOT output MATCHES "b.cpp")
    message(FATAL_ERROR "not detected: ${fault}\n${output}")
  endif()
endforeach()
