// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "memfabric-shmem/shmem.h"

namespace memfabric::shmem {

/// Ends the job where the context is none of this process.
void check_made_context(shmem_ctx_t ctx, const char* call);

inline void check_context(shmem_ctx_t ctx, const char* call) {
    if (ctx != SHMEM_CTX_DEFAULT) {
        check_made_context(ctx, call);
    }
}

/// The PE of the world that a context's PE number means.
int world_pe(shmem_ctx_t ctx, int pe, const char* call);

}  // namespace memfabric::shmem
