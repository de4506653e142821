# Checks that only the program spells options and commands: string literals of the other layers
# contain neither " --option" nor "weightlift <command>". Python and other front ends show these texts.
#   cmake -DTREE=<root> -P check_spelling_of_options.cmake
cmake_policy(VERSION 3.22)

file(GLOB_RECURSE sources LIST_DIRECTORIES false ${TREE}/weightlift/*.cpp ${TREE}/weightlift/*.h
     ${TREE}/include/*.h)
list(FILTER sources EXCLUDE REGEX "^${TREE}/weightlift/cli/")
set(commands "convert|batch|verify|diff|inspect|models|preprocess|classify|evaluate|pull|push|env|completion|man|help")
set(faults "")
set(count 0)
foreach(source IN LISTS sources)
  math(EXPR count "${count} + 1")
  # Semicolons and brackets would end a list's element here.
  file(STRINGS ${source} lines REGEX "\"[^\"]*(--[a-z]|weightlift (${commands}))")
  foreach(line IN LISTS lines)
    string(STRIP "${line}" line)
    if(line MATCHES "^(//|#include)")
      continue()
    endif()
    if(line MATCHES "\"([^\"]* )?--[a-z][^\"]*\"" OR line MATCHES "\"[^\"]*weightlift (${commands})[^\"]*\"")
      list(APPEND faults "  ${source}: ${line}")
    endif()
  endforeach()
endforeach()

if(count EQUAL 0)
  message(FATAL_ERROR "no files to check in ${TREE}/weightlift")
endif()
if(faults)
  list(JOIN faults "\n" text)
  message(FATAL_ERROR "only weightlift/cli spells options and commands:\n${text}")
endif()
message(STATUS "${count} files spell no option")
