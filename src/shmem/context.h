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

/// One call's use of a context, for as long as it lives. With checks on, it ends the job where another thread
/// is in a call with the same SHMEM_CTX_SERIALIZED context.
class ContextUse {
 public:
    ContextUse(shmem_ctx_t ctx, const char* call) : ctx_(ctx), call_(call) {
        if (ctx != SHMEM_CTX_DEFAULT) {
            begin();
        }
    }
    ~ContextUse() {
        if (is_watched_) {
            end();
        }
    }
    ContextUse(const ContextUse&) = delete;
    ContextUse& operator=(const ContextUse&) = delete;

    /// The PE of the world that a context's PE number means.
    int world_pe(int pe) const { return ctx_ == SHMEM_CTX_DEFAULT ? pe : pe_of_team(pe); }

 private:
    void begin();
    void end();
    int pe_of_team(int pe) const;

    shmem_ctx_t ctx_;
    const char* call_;
    bool is_watched_ = false;
};

}  // namespace memfabric::shmem
