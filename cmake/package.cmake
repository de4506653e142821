# `cpack -G DEB` in the build folder makes the Debian package of the program, without the library. What it loads at
# run time, libcurl and the certificates, is named here; dpkg-shlibdeps finds the rest.
set(CPACK_PACKAGE_NAME weightlift)
set(CPACK_PACKAGE_VENDOR weightlift)
set(CPACK_PACKAGE_CONTACT "weightlift maintainers <maintainers@weightlift.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "convert timm checkpoints into transformers models")
set(CPACK_PACKAGE_DESCRIPTION "weightlift converts timm checkpoints of ResNet and RegNet into
transformers models. It verifies that the weights, the operations and the
outputs did not change, and publishes the result on the Hugging Face Hub. It
needs neither Python nor torch.")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libcurl4 | libcurl4t64, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# The files that Debian's policy requires, in the package alone.
set(debian_files ${PROJECT_BINARY_DIR}/debian)
string(TIMESTAMP debian_date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # of SOURCE_DATE_EPOCH, where it is set
string(TIMESTAMP debian_year "%Y" UTC)
configure_file(${CMAKE_CURRENT_LIST_DIR}/debian_changelog.in ${debian_files}/changelog @ONLY)
configure_file(${CMAKE_CURRENT_LIST_DIR}/debian_copyright.in ${debian_files}/copyright @ONLY)
install(CODE "execute_process(COMMAND gzip -9nc changelog WORKING_DIRECTORY \"${debian_files}\"
                              OUTPUT_FILE changelog.gz COMMAND_ERROR_IS_FATAL ANY)"
        COMPONENT debian EXCLUDE_FROM_ALL)
install(FILES ${debian_files}/changelog.gz ${debian_files}/copyright
        DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/weightlift COMPONENT debian EXCLUDE_FROM_ALL)
set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_CURRENT_LIST_DIR}/compress_man_pages.cmake)

# One package of everything but the library.
get_cmake_property(CPACK_COMPONENTS_ALL COMPONENTS)
list(REMOVE_ITEM CPACK_COMPONENTS_ALL development)
set(CPACK_COMPONENTS_GROUPING ALL_COMPONENTS_IN_ONE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
include(CPack)
