# Makes a tree of sources that include what they use, and one that does not, and expects the check to
# tell them apart.
cmake_policy(VERSION 3.22)

function(write path)
  list(JOIN ARGN "\n" text)
  file(WRITE ${ROOM}/${path} "${text}\n")
endfunction()

function(check)
  execute_process(COMMAND ${CMAKE_COMMAND} -DTREE=${ROOM} "-DFOLDERS=weightlift;tests" -P ${CHECK}
                  RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
  # message() wraps its lines.
  string(REGEX REPLACE "[ \n]+" " " said "${out}${err}")
  set(result ${result} PARENT_SCOPE)
  set(said "${said}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${ROOM})
check()
if(result EQUAL 0 OR NOT said MATCHES "has no files to check")
  message(FATAL_ERROR "an empty tree passed: ${said}")
endif()

write(weightlift/a.h "#include <cstdint>" "#include \"weightlift/b.h\"" "std::uint8_t a()  // std::map")
write(weightlift/b.h "#include \"weightlift/a.h\"" "#  include <vector>")
write(weightlift/a.cpp "#include \"weightlift/a.h\"" "std::vector<std::uint8_t> v[2]  // [")
write(tests/a_test.cpp "#include <fmt/ranges.h>" "auto text = fmt::join(\"ab\", \", \")")
check()
if(NOT result EQUAL 0 OR NOT said MATCHES "4 files include what they use")
  message(FATAL_ERROR "a good tree did not pass: ${said}")
endif()

write(weightlift/c.h "#include <vector>" "std::vector<std::uint8_t> v")
write(tests/c_test.cpp "#include <fmt/format.h>" "#include \"weightlift/a.h\""
      "auto text = fmt::format(\"{}\", fmt::join(v, std::string(\", \")))")
check()
if(result EQUAL 0)
  message(FATAL_ERROR "a bad tree passed: ${said}")
endif()
foreach(fault
    "weightlift/c.h: uses std::uint8_t, but does not include <cstdint>"
    "tests/c_test.cpp: uses fmt::join, but does not include <fmt/ranges.h>"
    "tests/c_test.cpp: uses std::string, but does not include <string>")
  string(FIND "${said}" "${fault}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "not told: ${fault}\nsaid: ${said}")
  endif()
endforeach()
string(REGEX MATCHALL "does not include" faults "${said}")
list(LENGTH faults count)
if(NOT count EQUAL 3)
  message(FATAL_ERROR "expected 3 faults, got: ${said}")
endif()
