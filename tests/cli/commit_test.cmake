# Runs cmake/write_commit.cmake on a repository, a worktree of it, a source archive and a given commit.
cmake_policy(VERSION 3.22)
find_program(GIT git REQUIRED)
file(REMOVE_RECURSE ${ROOM})
set(source weightlift/cli/commit.cpp.in)
file(COPY ${TREE}/${source} DESTINATION ${ROOM}/repository/weightlift/cli)

# git(FOLDER argument...): sets `out`.
function(git folder)
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env --unset=GIT_DIR --unset=GIT_WORK_TREE --unset=GIT_INDEX_FILE
            ${GIT} -C ${folder} -c user.name=a -c user.email=a@example.com ${ARGN}
    OUTPUT_VARIABLE out OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_VARIABLE err COMMAND_ERROR_IS_FATAL ANY)
  set(out "${out}" PARENT_SCOPE)
endfunction()

# expect(FOLDER COMMIT argument...): the file for FOLDER names COMMIT, and a second run leaves it alone.
function(expect folder commit)
  set(file ${ROOM}/commit.cpp)
  set(write ${CMAKE_COMMAND} -DTREE=${folder} -DFILE=${file} ${ARGN} -P ${TREE}/cmake/write_commit.cmake)
  execute_process(COMMAND ${write} COMMAND_ERROR_IS_FATAL ANY)
  file(READ ${file} text)
  if(NOT text MATCHES "{ return \"${commit}\"; }")
    message(FATAL_ERROR "expected ${commit}, got ${text}")
  endif()
  execute_process(COMMAND touch -d 2001-01-01 ${file} COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND ${write} COMMAND_ERROR_IS_FATAL ANY)
  file(TIMESTAMP ${file} year %Y)
  if(NOT year EQUAL 2001)
    message(FATAL_ERROR "wrote the same commit again")
  endif()
endfunction()

set(repository ${ROOM}/repository)
git(${repository} init -q)
expect(${repository} unknown)  # no commit yet
git(${repository} add .)
git(${repository} commit -q -m one)
git(${repository} rev-parse HEAD)
set(first ${out})
expect(${repository} ${first})
git(${repository} commit -q --allow-empty -m two)
git(${repository} rev-parse HEAD)
expect(${repository} ${out})

git(${repository} worktree add -q ${ROOM}/worktree ${first})
expect(${ROOM}/worktree ${first})

file(COPY ${TREE}/${source} DESTINATION ${repository}/archive/weightlift/cli)
expect(${repository}/archive unknown)
expect(${repository}/archive 0123abc -DCOMMIT=0123abc)
expect(${repository} 0123abc -DCOMMIT=0123abc)
