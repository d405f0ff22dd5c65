# SPDX-License-Identifier: Apache-2.0
if(MEMFABRIC_SANITIZER)
  add_compile_options(-fsanitize=${MEMFABRIC_SANITIZER} -fno-omit-frame-pointer -g)
  add_link_options(-fsanitize=${MEMFABRIC_SANITIZER})
  if(MEMFABRIC_SANITIZER STREQUAL "undefined")
    # C programs may pass any number for an enumerator; the C edge takes it and refuses what it does not know.
    # (Only -fstrict-enums would let the compiler assume otherwise.)
    add_compile_options(-fno-sanitize-recover=all -fno-sanitize=enum)
    # It finds out through a pipe whether an object has the right type: tests that take all descriptors ask for this.
    add_compile_definitions(MEMFABRIC_SANITIZES_UNDEFINED)
  endif()
  # The sanitizers' instrumentation gives gcc false -Wmaybe-uninitialized and -Wtsan reports.
  add_compile_options($<$<CXX_COMPILER_ID:GNU>:-Wno-maybe-uninitialized> $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
endif()
