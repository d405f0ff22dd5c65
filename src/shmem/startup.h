// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "smem_shm_def.h"

namespace memfabric::shmem {

struct StartRequest {
    int me = 0;
    int pes = 1;
    uint64_t heap_size = 0;       // 0: SHMEM_SYMMETRIC_SIZE, or the default
    std::string store_url;        // empty: that of the environment; of a single PE: its own
    uint32_t init_timeout = 120;  // seconds
    uint32_t create_timeout = 120;
    uint32_t control_timeout = 120;
    int thread_level = 0;  // SHMEM_THREAD_SINGLE or above
};

/// What the launcher says; a single PE where nobody says anything.
StartRequest request_of_environment();

/// Collective. Empty, or why it failed; `code` has the library's code then.
std::string start(const StartRequest& request, int32_t& code);

/// Collective.
void stop();

smem_shm_t heap_object();

/// Ends this process, with the files gone that an exit would remove.
[[noreturn]] void leave_with(int status);

}  // namespace memfabric::shmem
