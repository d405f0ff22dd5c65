# SPDX-License-Identifier: Apache-2.0
# Warnings are errors, for every target of the project.
add_library(memfabric_warnings INTERFACE)
target_compile_options(memfabric_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror
  $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>)
