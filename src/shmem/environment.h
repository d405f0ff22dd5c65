// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

namespace memfabric::shmem {

/// The variable's value; null where it is not set. Nothing here changes the environment.
inline const char* environment_variable(const char* name) {
    return std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
}

}  // namespace memfabric::shmem
