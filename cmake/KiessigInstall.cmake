# libkiessig, its headers and what find_package(kiessig) reads, as the install component `embed`. Shared or static as
# BUILD_SHARED_LIBS says. Everything is placed relative to KIESSIG_INSTALL_ROOT, so that the result can be moved.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

if(KIESSIG_INSTALL_ROOT) # a wheel: one fixed layout, and no links, which its format does not have
  set(kiessig_root "${KIESSIG_INSTALL_ROOT}/")
  set(kiessig_includedir include)
  set(kiessig_libdir lib)
  set(kiessig_bindir bin)
  set(kiessig_namelink NAMELINK_SKIP)
else()
  set(kiessig_root "")
  set(kiessig_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
  set(kiessig_libdir "${CMAKE_INSTALL_LIBDIR}")
  set(kiessig_bindir "${CMAKE_INSTALL_BINDIR}")
  set(kiessig_namelink "")
endif()
set(kiessig_cmakedir "${kiessig_root}${kiessig_libdir}/cmake/kiessig")

add_library(kiessig ${kiessig_all_objects})
# The C++ interface may change with the minor version, the C one only grows; one name serves both.
set(kiessig_abi ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
set_target_properties(
  kiessig
  PROPERTIES EXPORT_NAME core
             VERSION ${kiessig_abi}
             SOVERSION ${kiessig_abi}
             LINKER_LANGUAGE CXX)
target_link_libraries(kiessig PRIVATE ${kiessig_dependencies})
get_target_property(kiessig_type kiessig TYPE)
if(kiessig_type STREQUAL "STATIC_LIBRARY")
  target_compile_definitions(kiessig INTERFACE KIESSIG_STATIC)
elseif(UNIX AND NOT APPLE)
  # Versioned symbols, and own calls that stay within the library: two versions of it can live in one process.
  set(kiessig_map "${CMAKE_CURRENT_BINARY_DIR}/kiessig.map")
  configure_file("${PROJECT_SOURCE_DIR}/cmake/kiessig.map.in" "${kiessig_map}" @ONLY)
  target_link_options(kiessig PRIVATE "LINKER:--version-script=${kiessig_map}" LINKER:-Bsymbolic-functions)
  set_target_properties(kiessig PROPERTIES LINK_DEPENDS "${kiessig_map}")
endif()

install(
  TARGETS kiessig
  EXPORT kiessigTargets
  LIBRARY DESTINATION "${kiessig_root}${kiessig_libdir}" COMPONENT embed ${kiessig_namelink}
  ARCHIVE DESTINATION "${kiessig_root}${kiessig_libdir}" COMPONENT embed
  RUNTIME DESTINATION "${kiessig_root}${kiessig_bindir}" COMPONENT embed
  INCLUDES
  DESTINATION "${kiessig_root}${kiessig_includedir}")
install(
  DIRECTORY "${PROJECT_SOURCE_DIR}/cpp/include/kiessig"
  DESTINATION "${kiessig_root}${kiessig_includedir}"
  COMPONENT embed
  FILES_MATCHING
  PATTERN "*.h"
  PATTERN "*.hpp"
  PATTERN "tape.hpp" EXCLUDE) # its implementation is not in this library
install(
  EXPORT kiessigTargets
  NAMESPACE kiessig::
  DESTINATION "${kiessig_cmakedir}"
  COMPONENT embed)

configure_package_config_file(
  "${PROJECT_SOURCE_DIR}/cmake/kiessigConfig.cmake.in" "${CMAKE_CURRENT_BINARY_DIR}/kiessigConfig.cmake"
  INSTALL_DESTINATION "${kiessig_cmakedir}"
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/kiessigConfigVersion.cmake"
                                 COMPATIBILITY SameMinorVersion)
install(
  FILES "${CMAKE_CURRENT_BINARY_DIR}/kiessigConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/kiessigConfigVersion.cmake"
  DESTINATION "${kiessig_cmakedir}"
  COMPONENT embed)
if(NOT KIESSIG_INSTALL_ROOT) # a wheel carries its licences in its metadata
  install(
    FILES "${PROJECT_SOURCE_DIR}/LICENSE"
    DESTINATION "${CMAKE_INSTALL_DOCDIR}"
    COMPONENT embed)
endif()
