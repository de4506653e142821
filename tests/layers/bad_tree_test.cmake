# Creates a tree without faults, then adds one fault of each kind. The check must report every fault.
cmake_policy(VERSION 3.22)

set(arguments "-DARROWS=base:|tensor:base|nn:tensor|runtime:base")
include(${CMAKE_CURRENT_LIST_DIR}/bad_tree.cmake)

write(weightlift/base/good.h "#include <string>")
write(weightlift/tensor/good.h "#include \"weightlift/base/good.h\"" "#include \"weightlift/tensor/own.h\"")
write(weightlift/runtime/onednn_good.cpp "#include <oneapi/dnnl/dnnl.hpp>")
write(weightlift/base/good.cpp "#include <nlohmann/json.hpp>" "#include \"weightlift/face.h\"")
write(include/weightlift/face.h "// Layer: base" "#include <string>")
write(include/weightlift/tensors.h "// Layer: tensor" "#include \"weightlift/face.h\"")
check()
if(NOT result EQUAL 0 OR NOT output MATCHES "6 files include only allowed layers")
  message(FATAL_ERROR "a good tree did not pass: ${output}")
endif()

write(weightlift/base/up.cpp "#include \"weightlift/tensor/good.h\"")
write(weightlift/nn/through.h "#  include \"weightlift/base/good.h\"")
write(weightlift/nn/relative.cpp "#include \"through.h\"")
write(weightlift/runtime/program.cpp "#include <dnnl.hpp>")
write(weightlift/runtime/onednn.h "#include <oneapi/dnnl/dnnl.hpp>")
write(weightlift/base/json.h "#include <nlohmann/json.hpp>")
write(weightlift/attic/old.h "#include <string>")
write(weightlift/base/upper.cpp "#include \"weightlift/tensors.h\"")
write(weightlift/base/absent.cpp "#include \"weightlift/absent.h\"")
write(include/weightlift/inner.h "// Layer: tensor" "#include \"weightlift/base/good.h\"")
write(include/weightlift/heavy.h "// Layer: tensor" "#include <fmt/format.h>")
write(include/weightlift/homeless.h "#include <string>")
check()
if(result EQUAL 0)
  message(FATAL_ERROR "a bad tree passed: ${output}")
endif()
foreach(fault
    "base/up.cpp: includes weightlift/tensor/good.h, but base does not name tensor in SEES"
    "nn/through.h: includes weightlift/base/good.h, but nn does not name base in SEES"
    "nn/relative.cpp: includes through.h by a path that does not begin at the root"
    "runtime/program.cpp: includes dnnl.hpp, which belongs in runtime/onednn"
    "runtime/onednn.h: includes oneapi/dnnl/dnnl.hpp, which belongs in runtime/onednn"
    "base/json.h: includes nlohmann/json.hpp, which belongs in .cpp files"
    "attic/old.h: is in no declared layer"
    "base/upper.cpp: includes weightlift/tensors.h, but base does not name tensor in SEES"
    "base/absent.cpp: includes weightlift/absent.h, which is no public header"
    "inner.h: includes weightlift/base/good.h, but a public header may include only public headers and std"
    "heavy.h: includes fmt/format.h, but a public header may include only public headers and std"
    "homeless.h: is in no declared layer")
  string(FIND "${output}" "${fault}" at)
  if(at EQUAL -1)
    message(FATAL_ERROR "missing: ${fault}\ngot: ${output}")
  endif()
endforeach()
if(output MATCHES "good")
  string(REGEX REPLACE "weightlift/(base|tensor)/good.h, but" "" rest "${output}")
  if(rest MATCHES "good")
    message(FATAL_ERROR "the check reported a good file: ${output}")
  endif()
endif()
