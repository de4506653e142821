# Creates a tree that spells no option outside the program, then adds faults. The check must pass the
# first and report every fault.
cmake_policy(VERSION 3.22)

set(arguments)
include(${CMAKE_CURRENT_LIST_DIR}/bad_tree.cmake)

write(weightlift/cli/a.cpp "auto a = \"use --force\"")
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
