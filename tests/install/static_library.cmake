# Installs the project into an empty prefix, and builds and runs the examples with only this prefix.
include(${CMAKE_CURRENT_LIST_DIR}/consumer.cmake)

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${ROOM}/prefix)
run(${ROOM}/prefix/bin/weightlift --version)
if(NOT out STREQUAL "weightlift ${VERSION}\n")
  message(FATAL_ERROR "expected version ${VERSION}, got ${out}")
endif()

# The manual has a page for each command.
run(${ROOM}/prefix/bin/weightlift --help)
string(REGEX REPLACE "^.*(Subcommands|SUBCOMMANDS):" "" commands "${out}")
string(REGEX MATCHALL "\n  [a-z]+" commands "${commands}")
list(TRANSFORM commands REPLACE "\n  (.*)" "weightlift-\\1.1")
list(APPEND commands weightlift.1)
file(GLOB pages RELATIVE ${ROOM}/prefix/share/man/man1 ${ROOM}/prefix/share/man/man1/*)
list(SORT commands)
list(SORT pages)
if(NOT pages STREQUAL commands)
  message(FATAL_ERROR "expected the man pages ${commands}, got ${pages}")
endif()
foreach(file bash-completion/completions/weightlift zsh/site-functions/_weightlift
        fish/vendor_completions.d/weightlift.fish)
  file(READ ${ROOM}/prefix/share/${file} text)
  if(NOT text MATCHES "image-processor")
    message(FATAL_ERROR "${file} does not name --image-processor")
  endif()
endforeach()

build_and_run_examples()
build_with_pkg_config(--static)

# The snippets of the pages compile.
find_program(PYTHON python3 REQUIRED)
foreach(page README.md docs/library.md)
  run(${PYTHON} ${CMAKE_CURRENT_LIST_DIR}/snippets.py ${SOURCE}/${page})
  file(WRITE ${ROOM}/snippets.cpp "${out}")
  run(${COMPILER} -std=c++20 -fsyntax-only -I${ROOM}/prefix/include ${ROOM}/snippets.cpp)
endforeach()

file(GLOB_RECURSE headers RELATIVE ${ROOM}/prefix/include ${ROOM}/prefix/include/*.h)
list(LENGTH headers count)
if(count GREATER 15)
  message(FATAL_ERROR "expected at most 15 public headers, got ${count}: ${headers}")
endif()
# Each compiles alone, without the headers of any other library.
foreach(header IN LISTS headers)
  file(WRITE ${ROOM}/alone.cpp "#include <${header}>\n")
  run(${COMPILER} -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I${ROOM}/prefix/include ${ROOM}/alone.cpp)
  file(READ ${ROOM}/prefix/include/${header} text)
  if(text MATCHES "nlohmann|fmt/|dnnl|curl|CLI/")
    message(FATAL_ERROR "${header} names another library: ${CMAKE_MATCH_0}")
  endif()
endforeach()
