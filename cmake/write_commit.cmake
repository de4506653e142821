# Writes the source of commit() (weightlift/cli/commit.h), unless the file has the same content.
#   cmake -DTREE=<root> -DCOMMIT=<commit, empty: that of TREE> -DFILE=<commit.cpp> -P write_commit.cmake
cmake_policy(VERSION 3.22)

if("${COMMIT}" STREQUAL "")
  set(COMMIT unknown)
  find_program(GIT git)
  # --git-dir: a source archive inside another repository does not take the commit of that one.
  if(GIT AND EXISTS ${TREE}/.git)
    execute_process(COMMAND ${GIT} --git-dir=${TREE}/.git rev-parse --verify HEAD
      OUTPUT_VARIABLE found OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE status)
    if(status EQUAL 0)
      set(COMMIT ${found})
    endif()
  endif()
endif()
configure_file(${TREE}/weightlift/cli/commit.cpp.in ${FILE} @ONLY)
