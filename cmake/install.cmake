# cmake --install gives the program, the layers' libraries, their headers as they lie, and what
# find_package(weightlift) needs: target weightlift::weightlift stands for all layers.
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

# Left out: the program's own headers, and those that only .cpp files of one layer include.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/weightlift DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h"
  PATTERN "cli" EXCLUDE
  REGEX "/base/json\\.h$" EXCLUDE
  REGEX "/checkpoint/(pickle_machine|safetensors_header|tensor_name|zip_writer)\\.h$" EXCLUDE
  REGEX "/image/(color|decoders|exif|orient|png_chunks)\\.h$" EXCLUDE
  REGEX "/predict/(ascii|csv|in_order)\\.h$" EXCLUDE
  REGEX "/convert/(source_weights|label_file|plan|processor_choice|provenance)\\.h$" EXCLUDE
  REGEX "/export/card_code\\.h$" EXCLUDE
  REGEX "/hub/curl_library\\.h$" EXCLUDE
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
