# The CppAD headers: from the system, or from the Python package cmeel-cppad, which ships no CMake configuration.
set(_cppad_hints ${KIESSIG_CPPAD_INCLUDE_DIR})
if(NOT _cppad_hints)
  find_package(Python COMPONENTS Interpreter QUIET)
  if(Python_Interpreter_FOUND)
    execute_process(
      COMMAND "${Python_EXECUTABLE}" -c
              "import sys; print(';'.join(f'{p}/cmeel.prefix/include' for p in sys.path if p.endswith('-packages')))"
      OUTPUT_VARIABLE _cppad_hints
      OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
endif()
# A build in an isolated environment finds its build requirements on CMAKE_PREFIX_PATH.
foreach(prefix IN LISTS CMAKE_PREFIX_PATH)
  list(APPEND _cppad_hints "${prefix}/cmeel.prefix/include")
endforeach()
find_path(CppAD_INCLUDE_DIR cppad/cppad.hpp HINTS ${_cppad_hints})
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CppAD REQUIRED_VARS CppAD_INCLUDE_DIR)
if(CppAD_FOUND AND NOT TARGET CppAD::headers)
  add_library(CppAD::headers INTERFACE IMPORTED)
  set_target_properties(
    CppAD::headers PROPERTIES INTERFACE_INCLUDE_DIRECTORIES "${CppAD_INCLUDE_DIR}"
                              INTERFACE_SYSTEM_INCLUDE_DIRECTORIES "${CppAD_INCLUDE_DIR}"
                              INTERFACE_COMPILE_DEFINITIONS NDEBUG) # else CppAD wants its own library at link time
endif()
