# Finds MLIR and gives the helpers that every compiler directory uses. Rondo links MLIR's and LLVM's shared libraries:
# mixing them with their static archives silently duplicates global state.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
find_package(MLIR 22.1 REQUIRED CONFIG)
message(STATUS "MLIR ${LLVM_PACKAGE_VERSION} in ${MLIR_DIR}")

set(MLIR_LINK_MLIR_DYLIB ON) # not exported by MLIRConfig, whose default is static
set(LLVM_RUNTIME_OUTPUT_INTDIR ${CMAKE_BINARY_DIR}/bin)
set(LLVM_LIBRARY_OUTPUT_INTDIR ${CMAKE_BINARY_DIR}/lib)
set(MLIR_BINARY_DIR ${CMAKE_BINARY_DIR}) # add_mlir_doc writes here

list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
include(TableGen)
include(AddLLVM)
include(AddMLIR)
include(HandleLLVMOptions)
# It asks shared libraries for all that they use, but a sanitizer's own functions come from the executable.
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  foreach(kind SHARED MODULE)
    string(REPLACE "-Wl,-z,defs" "" CMAKE_${kind}_LINKER_FLAGS "${CMAKE_${kind}_LINKER_FLAGS}")
  endforeach()
endif()

include_directories(SYSTEM ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
include_directories(${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
# rondo/abi.h, the contract with the runtime: its structures and function table, in plain C.
include_directories(${PROJECT_SOURCE_DIR}/runtime/include)
separate_arguments(LLVM_DEFINITIONS_LIST NATIVE_COMMAND ${LLVM_DEFINITIONS})
add_definitions(${LLVM_DEFINITIONS_LIST})

# rondo_tablegen(<target> <file.td> <output> <flags> [<output> <flags> ...])
# Generates each output from the file with mlir-tblgen, next to the file's place in the build tree.
function(rondo_tablegen target file)
  set(LLVM_TARGET_DEFINITIONS ${file})
  set(rest ${ARGN})
  while(rest)
    list(POP_FRONT rest output flags)
    separate_arguments(flags)
    mlir_tablegen(${output} ${flags})
  endwhile()
  add_public_tablegen_target(${target})
endfunction()

# rondo_library(<name> SOURCES ... [LINK_LIBS ...] [MLIR_LIBS ...] [DEPENDS ...])
function(rondo_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK_LIBS;MLIR_LIBS;DEPENDS" ${ARGN})
  add_mlir_library(${name} ${ARG_SOURCES}
    EXCLUDE_FROM_LIBMLIR DISABLE_INSTALL
    DEPENDS ${ARG_DEPENDS}
    LINK_LIBS PUBLIC ${ARG_LINK_LIBS})
  mlir_target_link_libraries(${name} PUBLIC ${ARG_MLIR_LIBS})
endfunction()
