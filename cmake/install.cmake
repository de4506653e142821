# cmake --install installs the library, its public headers, the CMake package for find_package(weightlift),
# a pkg-config file, and where it is built the program, with its man pages and completion scripts.
include(CMakePackageConfigHelpers)

set(weightlift_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weightlift)
if(TARGET weightlift_cli)
  include(install_program)
endif()
# The packages of the program take everything but this component.
install(TARGETS weightlift EXPORT weightlift COMPONENT development)
install(EXPORT weightlift NAMESPACE weightlift:: FILE weightliftTargets.cmake
        DESTINATION ${weightlift_config_dir} COMPONENT development)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/weightlift DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
        COMPONENT development)

configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/weightliftConfig.cmake.in
  ${PROJECT_BINARY_DIR}/weightliftConfig.cmake INSTALL_DESTINATION ${weightlift_config_dir}
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weightliftConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weightliftConfig.cmake ${PROJECT_BINARY_DIR}/weightliftConfigVersion.cmake
        DESTINATION ${weightlift_config_dir} COMPONENT development)
if(NOT BUILD_SHARED_LIBS)
  install(FILES ${CMAKE_CURRENT_LIST_DIR}/Finddnnl.cmake ${CMAKE_CURRENT_LIST_DIR}/FindWebP.cmake
                ${CMAKE_CURRENT_LIST_DIR}/Findlibdeflate.cmake
          DESTINATION ${weightlift_config_dir} COMPONENT development)
endif()

# For a static library, `pkg-config --static` adds what it links. Debian's oneDNN has no .pc file.
set(weightlift_pc_requires fmt libcrypto libdeflate)
if(WEIGHTLIFT_WITH_IMAGES)
  list(APPEND weightlift_pc_requires libjpeg libpng libwebpdemux zlib)
endif()
list(JOIN weightlift_pc_requires " " weightlift_pc_requires)
set(weightlift_pc_libs "-ldnnl ${OpenMP_CXX_FLAGS} ${CMAKE_THREAD_LIBS_INIT}")
foreach(library IN LISTS CMAKE_DL_LIBS)
  string(APPEND weightlift_pc_libs " -l${library}")
endforeach()
file(RELATIVE_PATH weightlift_pc_prefix "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")  # so that the prefix can be moved
configure_file(${CMAKE_CURRENT_LIST_DIR}/weightlift.pc.in ${PROJECT_BINARY_DIR}/weightlift.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/weightlift.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT development)

# What --json prints, as JSON Schema.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/docs/schema/ DESTINATION ${CMAKE_INSTALL_DATADIR}/weightlift/schema)
