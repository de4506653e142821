# What the tests of the tree checks share. They set `arguments`, of the check besides TREE; ROOM is the
# tree and CHECK the script.

# write(PATH line...)
function(write path)
  list(JOIN ARGN "\n" text)
  file(WRITE ${ROOM}/${path} "${text}\n")
endfunction()

# check(): sets `result` and `output`.
function(check)
  execute_process(COMMAND ${CMAKE_COMMAND} -DTREE=${ROOM} ${arguments} -P ${CHECK}
                  RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
  # message() wraps lines.
  string(REGEX REPLACE "[ \n]+" " " output "${out}${err}")
  set(result ${result} PARENT_SCOPE)
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${ROOM})
check()
if(result EQUAL 0 OR NOT output MATCHES "no files to check")
  message(FATAL_ERROR "an empty tree passed: ${output}")
endif()
