# cmake --install installs the program, the libraries and headers of the layers, and the CMake package
# for find_package(weightlift). The target weightlift::weightlift links all layers.
include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY WEIGHTLIFT_LAYERS)
list(TRANSFORM layers PREPEND weightlift_ OUTPUT_VARIABLE libraries)
add_library(weightlift_all INTERFACE)
add_library(weightlift::weightlift ALIAS weightlift_all)
target_link_libraries(weightlift_all INTERFACE ${libraries})
set_target_properties(weightlift_all PROPERTIES EXPORT_NAME weightlift)

set(weightlift_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weightlift)
install(TARGETS weightlift RUNTIME)
install(TARGETS weightlift_all ${libraries} EXPORT weightlift)
install(EXPORT weightlift NAMESPACE weightlift:: FILE weightliftTargets.cmake
        DESTINATION ${weightlift_config_dir})

# Not installed: the program's headers, and headers that only .cpp files of one layer include.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/weightlift DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h"
  PATTERN "cli" EXCLUDE
  REGEX "/base/json\\.h$" EXCLUDE
  REGEX "/checkpoint/(checkpoint_content|pickle_machine|safetensors_header|tensor_name|zip_writer)\\.h$" EXCLUDE
  REGEX "/checkpoint/output_(elements|file|sink|stream)\\.h$" EXCLUDE
  REGEX "/image/(color|decoders|exif|orient|png_chunks)\\.h$" EXCLUDE
  REGEX "/models/(id2label|config_json|shared_modules|tensor_sizes|name_parts)\\.h$" EXCLUDE
  REGEX "/models/[^/]+/[^/]+\\.h$" EXCLUDE
  REGEX "/predict/(ascii|csv|in_order)\\.h$" EXCLUDE
  REGEX "/convert/(source_weights|label_file|plan|processor_choice|provenance|report)\\.h$" EXCLUDE
  REGEX "/export/card_(code|notes)\\.h$" EXCLUDE
  REGEX "/hub/(curl_library|reply|repo_tree)\\.h$" EXCLUDE
  REGEX "/runtime/(arena|compiler|fusion|kernels|layout|onednn|weights)\\.h$" EXCLUDE)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/weightliftConfig.cmake.in
  ${PROJECT_BINARY_DIR}/weightliftConfig.cmake INSTALL_DESTINATION ${weightlift_config_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weightliftConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weightliftConfig.cmake
              ${PROJECT_BINARY_DIR}/weightliftConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/Finddnnl.cmake
              ${CMAKE_CURRENT_LIST_DIR}/FindWebP.cmake
              ${CMAKE_CURRENT_LIST_DIR}/Findlibdeflate.cmake
        DESTINATION ${weightlift_config_dir})

# What --json prints, as JSON Schema.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/schema/ DESTINATION ${CMAKE_INSTALL_DATADIR}/weightlift/schema)
