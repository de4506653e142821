# Creates a tree whose sources include what they use, then adds faults. The check must pass the first
# and report every fault.
cmake_policy(VERSION 3.22)

set(arguments "-DFOLDERS=weightlift\\;tests")
include(${CMAKE_CURRENT_LIST_DIR}/bad_tree.cmake)

write(weightlift/a.h "#include <cstdint>" "#include \"weightlift/b.h\"" "std::uint8_t a()  // std::map")
write(weightlift/b.h "#include \"weightlift/a.h\"" "#  include <vector>")
write(weightlift/a.cpp "#include \"weightlift/a.h\"" "std::vector<std::uint8_t> v[2]  // [")
write(tests/a_test.cpp "#include <fmt/ranges.h>" "auto text = fmt::join(\"ab\", \", \")")
check()
if(NOT result EQUAL 0 OR NOT output MATCHES "4 files include what they use")
  message(FATAL_ERROR "a good tree did not pass: ${output}")
endif()

write(weightlift/c.h "#include <vector>" "std::vector<std::uint8_t> v")
write(tests/c_test.cpp "#include <fmt/format.h>" "#include \"weightlift/a.h\""
      "auto text = fmt::format(\"{}\", fmt::join(v, std::string(\", \")))")
check()
if(result EQUAL 0)
  message(FATAL_ERROR "a bad tree passed: ${output}")
endif()
foreach(fault
    "weightlift/c.h: uses std::uint8_t, but does not include <cstdint>"
    "tests/c_test.cpp: uses fmt::join, but does not include <fmt/ranges.h>"
    "tests/c_test.cpp: uses std::string, but does not include <string>")
  string(FIND "${output}" "${fault}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "missing: ${fault}\ngot: ${output}")
  endif()
endforeach()
string(REGEX MATCHALL "does not include" faults "${output}")
list(LENGTH faults count)
if(NOT count EQUAL 3)
  message(FATAL_ERROR "expected 3 faults, got: ${output}")
endif()
