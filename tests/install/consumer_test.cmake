# Installs the project into an empty prefix, builds examples/consumer with only this prefix, and runs it.
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
  if(NOT result EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "${command}: ${result}\n${out}\n${err}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

function(expect text)
  string(FIND "${out}" "${text}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "expected '${text}', got:\n${out}")
  endif()
endfunction()

file(REMOVE_RECURSE ${ROOM})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${ROOM}/prefix)
run(${ROOM}/prefix/bin/weightlift --version)
expect("weightlift 0.")

run(${CMAKE_COMMAND} -S ${SOURCE}/examples/consumer -B ${ROOM}/build -G Ninja
    -DCMAKE_PREFIX_PATH=${ROOM}/prefix -DCMAKE_CXX_COMPILER=${COMPILER} "-DCMAKE_CXX_FLAGS=${FLAGS}"
    -Ddnnl_INCLUDE_DIR=${dnnl_INCLUDE_DIR} -Ddnnl_LIBRARY=${dnnl_LIBRARY})
run(${CMAKE_COMMAND} --build ${ROOM}/build)
run(${ROOM}/build/consumer ${SOURCE}/examples/digits ${ROOM}/out)
expect("logits: 1 10\nverified\nfolder: ${ROOM}/out/digits\n")
if(NOT EXISTS ${ROOM}/out/digits/model.safetensors)
  message(FATAL_ERROR "${ROOM}/out/digits/model.safetensors: not found")
endif()

# Installed headers include only installed headers.
file(GLOB_RECURSE headers RELATIVE ${ROOM}/prefix/include ${ROOM}/prefix/include/*.h)
list(JOIN headers ">\n#include <" includes)
file(WRITE ${ROOM}/all.cpp "#include <${includes}>\n")
run(${COMPILER} -std=c++20 -fsyntax-only -I${ROOM}/prefix/include ${ROOM}/all.cpp)
