# The CppAD headers as the target CppAD::headers. They are looked for, in this order, in
#   KIESSIG_CPPAD_INCLUDE_DIR               the folder that holds cppad/cppad.hpp; nowhere else when it is set
#   CMAKE_PREFIX_PATH                       <prefix>/include, and <prefix>/cmeel.prefix/include, where the Python package
#                                           cmeel-cppad (no CMake configuration) puts them: a Python build passes the
#                                           site-packages of its own build environment here
#   the active virtual environment          the same place, by the environment variable alone: no Python is run, so that
#                                           no foreign one can answer
#   the system
# CppAD_VERSION is the release, as in 20250000.2.
if(CppAD_INCLUDE_DIR AND NOT EXISTS "${CppAD_INCLUDE_DIR}/cppad/cppad.hpp")
  unset(CppAD_INCLUDE_DIR CACHE) # remembered from a build environment that is gone
endif()
if(KIESSIG_CPPAD_INCLUDE_DIR)
  unset(CppAD_INCLUDE_DIR CACHE)
  find_path(CppAD_INCLUDE_DIR cppad/cppad.hpp PATHS "${KIESSIG_CPPAD_INCLUDE_DIR}" NO_DEFAULT_PATH)
else()
  set(_cppad_site_packages ${CMAKE_PREFIX_PATH})
  if(DEFINED ENV{VIRTUAL_ENV})
    file(GLOB _cppad_environment LIST_DIRECTORIES TRUE "$ENV{VIRTUAL_ENV}/lib/python3*/site-packages")
    list(APPEND _cppad_site_packages ${_cppad_environment})
  endif()
  find_path(CppAD_INCLUDE_DIR cppad/cppad.hpp HINTS ${_cppad_site_packages} PATH_SUFFIXES cmeel.prefix/include)
endif()
mark_as_advanced(CppAD_INCLUDE_DIR)

set(CppAD_VERSION "")
if(EXISTS "${CppAD_INCLUDE_DIR}/cppad/configure.hpp")
  file(STRINGS "${CppAD_INCLUDE_DIR}/cppad/configure.hpp" _cppad_line REGEX "define CPPAD_PACKAGE_STRING")
  string(REGEX MATCH "[0-9]+(\\.[0-9]+)*" CppAD_VERSION "${_cppad_line}")
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  CppAD
  REQUIRED_VARS CppAD_INCLUDE_DIR
  VERSION_VAR CppAD_VERSION
  REASON_FAILURE_MESSAGE
    "cppad/cppad.hpp not found: run `python -m pip install cmeel-cppad` and set CMAKE_PREFIX_PATH to the output of `python -m cmeel cmake`, or KIESSIG_CPPAD_INCLUDE_DIR to the folder that holds cppad/"
)
if(CppAD_FOUND AND NOT TARGET CppAD::headers)
  add_library(CppAD::headers INTERFACE IMPORTED)
  set_target_properties(
    CppAD::headers
    PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${CppAD_INCLUDE_DIR}"
               INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${CppAD_INCLUDE_DIR}"
               INTERFACE_COMPILE_DEFINITIONS NDEBUG) # else CppAD wants its own library at link time
endif()
