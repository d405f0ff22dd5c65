# SPDX-License-Identifier: Apache-2.0
# Usage: cmake -DNM=nm -DOBJECTS="a.o;b.o" -DOUTPUT=file -P profiling_names.cmake
# Writes linker options that give each function shmem_x of the objects its second name pshmem_x, by which profiling libraries
# that define shmem_x themselves reach it (OpenSHMEM 1.5, profiling interface).
execute_process(COMMAND ${NM} --extern-only --defined-only --portability ${OBJECTS}
  OUTPUT_VARIABLE listing COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "(^|\n)shmem_[A-Za-z0-9_]+ T " functions "${listing}")
list(TRANSFORM functions REPLACE "\n" "")
list(TRANSFORM functions REPLACE " T $" "")
list(SORT functions)
list(TRANSFORM functions REPLACE "(.+)" "--defsym=p\\1=\\1")
list(JOIN functions "\n" text)
file(WRITE ${OUTPUT} "${text}\n")
