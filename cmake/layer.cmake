# weightlift_layer(NAME SOURCES file... [SEES layer...] [LIBRARIES target...])
# Defines one target for one layer in one folder: the library of all layers is made of its objects, and
# tests link it alone. SEES: the layers whose headers this layer may include. They are linked, so that an
# undeclared dependency fails to link, and listed for the layer check. LIBRARIES: external libraries,
# hidden from other layers.
function(weightlift_layer name)
  cmake_parse_arguments(arg "" "" "SOURCES;SEES;LIBRARIES" ${ARGN})
  add_library(weightlift_${name} STATIC ${arg_SOURCES})
  add_library(weightlift::${name} ALIAS weightlift_${name})
  # The public headers are in include/, all others beside their sources.
  target_include_directories(weightlift_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/include)
  target_compile_features(weightlift_${name} PUBLIC cxx_std_20)
  set_target_properties(weightlift_${name} PROPERTIES
    POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  target_link_libraries(weightlift_${name} PRIVATE weightlift_options ${arg_LIBRARIES})
  foreach(layer IN LISTS arg_SEES)
    target_link_libraries(weightlift_${name} PUBLIC weightlift_${layer})
  endforeach()
  set_property(GLOBAL APPEND PROPERTY WEIGHTLIFT_LAYERS ${name})
  set_property(GLOBAL APPEND PROPERTY WEIGHTLIFT_LIBRARIES ${arg_LIBRARIES})
  list(JOIN arg_SEES "," sees)
  set_property(GLOBAL APPEND PROPERTY WEIGHTLIFT_ARROWS "${name}:${sees}")
endfunction()

# weightlift_test(NAME SOURCES file... [LABEL label] [LIBRARIES target...])
# Defines one executable and one ctest entry per test case. LABEL: a ctest label (default: unit).
# LIBRARIES: the targets to link.
function(weightlift_test name)
  cmake_parse_arguments(arg "" "LABEL" "SOURCES;LIBRARIES" ${ARGN})
  if(NOT arg_LABEL)
    set(arg_LABEL unit)
  endif()
  add_executable(${name}_test ${arg_SOURCES})
  set_target_properties(${name}_test PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  target_compile_definitions(${name}_test PRIVATE
    WEIGHTLIFT_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
    WEIGHTLIFT_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  # Tests are compiled more often than run; with sanitizers, -O1 compiles three times as long as -O0.
  if(WEIGHTLIFT_SANITIZE)
    target_compile_options(${name}_test PRIVATE -O0)
  else()
    target_compile_options(${name}_test PRIVATE $<IF:$<CONFIG:Debug>,-O0,-O1>)
  endif()
  target_link_libraries(${name}_test PRIVATE
    weightlift_options weightlift_test_support ${arg_LIBRARIES} GTest::gmock GTest::gtest_main)
  # Without precompiled headers, a test file spends half of its time on these.
  set(headers <gmock/gmock.h> <gtest/gtest.h>)
  if(fmt::fmt IN_LIST arg_LIBRARIES)
    list(APPEND headers <fmt/format.h>)
  endif()
  if(nlohmann_json::nlohmann_json IN_LIST arg_LIBRARIES)
    list(APPEND headers <nlohmann/json.hpp>)
  endif()
  target_precompile_headers(${name}_test PRIVATE ${headers})
  # On a busy machine, OpenMP threads that spin at a barrier block the thread that they wait for.
  gtest_discover_tests(${name}_test
    PROPERTIES LABELS ${arg_LABEL} ENVIRONMENT OMP_WAIT_POLICY=passive DISCOVERY_TIMEOUT 60)
endfunction()
