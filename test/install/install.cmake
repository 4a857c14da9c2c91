# Installs a build, then moves the tree: nothing in it may depend on the prefix that it was installed to.
# Usage: cmake -DBUILD=<build folder> -DWORK=<folder> -P install.cmake; the tree ends up in <folder>/prefix.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
file(REMOVE_RECURSE ${WORK})
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE files ${WORK}/installed/*.cmake ${WORK}/installed/*.pc)
foreach(file ${files})
  file(READ ${file} text)
  foreach(folder ${WORK} ${BUILD})
    if(text MATCHES "${folder}")
      message(FATAL_ERROR "${file} names ${folder}")
    endif()
  endforeach()
endforeach()
file(RENAME ${WORK}/installed ${WORK}/prefix)
