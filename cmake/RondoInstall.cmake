# What `cmake --install` puts where: tools, libraries, headers, and the files by which CMake and pkg-config find them.
# The component `runtime` is all that an application needs to run programs; `compiler` is the rest.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
include(CMakePackageConfigHelpers)

set(RONDO_INSTALL_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/Rondo)

# rondo_install(<component> <library> <header folder> <tools>...)
function(rondo_install component library headers)
  install(TARGETS ${library} EXPORT Rondo_${component}
    LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT ${component}
    INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(TARGETS ${ARGN} EXPORT Rondo_${component}
    RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${component})
  install(DIRECTORY ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT ${component}
    FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
  install(EXPORT Rondo_${component} NAMESPACE Rondo:: FILE Rondo_${component}.cmake
    DESTINATION ${RONDO_INSTALL_PACKAGE_DIR} COMPONENT ${component})
endfunction()

# rondo_install_pkgconfig(<component> <name>)
function(rondo_install_pkgconfig component name)
  configure_file(cmake/package/${name}.pc.in ${PROJECT_BINARY_DIR}/package/${name}.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/package/${name}.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
    COMPONENT ${component})
endfunction()

# The pkg-config files name the prefix relative to themselves, so that an installed tree can be moved.
file(RELATIVE_PATH RONDO_PREFIX_FROM_PKGCONFIG ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})

rondo_install(runtime rondo_runtime runtime/include/rondo rondo-run)
rondo_install_pkgconfig(runtime rondo)
if(TARGET rondo_mpi)
  install(TARGETS rondo_mpi LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime)
endif()
if(RONDO_BUILD_COMPILER)
  rondo_install(compiler rondo_compiler tools/librondo_compiler/include/rondo
    rondo-compile rondo-lsp-server rondo-opt rondo-reduce)
  rondo_install_pkgconfig(compiler rondo-compiler)
endif()

configure_package_config_file(cmake/package/RondoConfig.cmake.in ${PROJECT_BINARY_DIR}/package/RondoConfig.cmake
  INSTALL_DESTINATION ${RONDO_INSTALL_PACKAGE_DIR} NO_SET_AND_CHECK_MACRO)
# Before 1.0, minor versions may break each other.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/RondoConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/RondoConfig.cmake ${PROJECT_BINARY_DIR}/package/RondoConfigVersion.cmake
  DESTINATION ${RONDO_INSTALL_PACKAGE_DIR} COMPONENT runtime)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
