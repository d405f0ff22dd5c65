// SPDX-License-Identifier: Apache-2.0
// Contexts. What is not done when a call returns is waited for together, whichever context it was begun in:
// so they have nothing to keep but whose they are.
#include "shmem/context.h"

#include <array>
#include <atomic>

#include "shmem/remote.h"
#include "shmem/state.h"
#include "shmem/team.h"
#include "shmem/threads.h"

namespace memfabric::shmem {
namespace {

constexpr uint32_t kContexts = 4096;
constexpr long kOptions = SHMEM_CTX_SERIALIZED | SHMEM_CTX_PRIVATE | SHMEM_CTX_NOSTORE;

struct Context {
    std::atomic<uint32_t> generation{0};  // odd: in use
    long options = 0;
    int owner = 0;  // thread that made it
    // The thread that is in a call with it, where that is watched, 0 for none; and which call.
    std::atomic<int> user{0};
    std::atomic<const char*> running{nullptr};
    shmem_team_t team = SHMEM_TEAM_WORLD;
};
std::array<Context, kContexts> contexts;

// Slot number + 1 and, above, its generation: a destroyed one is never taken for a later one.
shmem_ctx_t handle_of(uint32_t slot, uint32_t generation) {
    return reinterpret_cast<shmem_ctx_t>(uintptr_t{generation} << 16 | (slot + 1));
}

Context* find(shmem_ctx_t ctx) {
    const auto number = reinterpret_cast<uintptr_t>(ctx);
    const uint32_t slot = static_cast<uint32_t>(number & 0xffff) - 1;
    const bool exists =
        slot < kContexts && contexts[slot].generation.load(std::memory_order_acquire) == number >> 16;
    return exists ? &contexts[slot] : nullptr;
}

int create(shmem_team_t team, long options, shmem_ctx_t* ctx) {
    for (uint32_t slot = 0; slot < kContexts; ++slot) {
        uint32_t generation = contexts[slot].generation.load();
        if (generation % 2 != 0 ||
            !contexts[slot].generation.compare_exchange_strong(generation, generation + 1)) {
            continue;
        }
        contexts[slot].options = options;
        contexts[slot].owner = thread_number();
        contexts[slot].team = team;
        contexts[slot].user = 0;
        *ctx = handle_of(slot, generation + 1);
        return 0;
    }
    *ctx = SHMEM_CTX_INVALID;
    return -1;
}

/// PEs outside a team have SHMEM_CTX_INVALID for its contexts: there is nothing to order.
void order(shmem_ctx_t ctx, const char* call, void (*order_all)()) {
    if (ctx == SHMEM_CTX_INVALID) {
        check_up(call);
        return;
    }
    const ContextUse use(ctx, call);
    order_all();
}

}  // namespace

void check_made_context(shmem_ctx_t ctx, const char* call) {
    check_up(call);
    const Context* found = find(ctx);
    if (ctx == SHMEM_CTX_INVALID || found == nullptr) {
        fail(call, "context {} does not exist: it was destroyed, or never made", static_cast<void*>(ctx));
    }
    if (state().checks && (found->options & SHMEM_CTX_PRIVATE) != 0 && found->owner != thread_number()) {
        fail(call, "context {} is SHMEM_CTX_PRIVATE to thread {}, which made it, and is used by thread {}",
             static_cast<void*>(ctx), found->owner, thread_number());
    }
}

void ContextUse::begin() {
    check_made_context(ctx_, call_);
    Context& context = *find(ctx_);
    if (!state().checks || (context.options & SHMEM_CTX_SERIALIZED) == 0) {
        return;
    }
    int other = 0;
    if (!context.user.compare_exchange_strong(other, thread_number())) {
        const char* running = context.running;
        fail(call_, "context {} is SHMEM_CTX_SERIALIZED, thread {} uses it while thread {} is in {} with it",
             static_cast<void*>(ctx_), thread_number(), other, running == nullptr ? "another call" : running);
    }
    context.running = call_;
    is_watched_ = true;
}

void ContextUse::end() {
    if (Context* context = find(ctx_); context != nullptr) {  // null: it was destroyed in this call
        context->running = nullptr;
        context->user = 0;
    }
}

int ContextUse::pe_of_team(int pe) const {
    const Team* team = find_team(find(ctx_)->team);
    if (team == nullptr) {
        fail(call_, "the team of context {} was destroyed", static_cast<void*>(ctx_));
    }
    if (pe < 0 || pe >= team->size) {
        fail(call_, "PE {} is outside 0 to {} of the context's team", pe, team->size - 1);
    }
    return team->start + pe * team->stride;
}

}  // namespace memfabric::shmem

using namespace memfabric::shmem;

extern "C" {

int shmem_ctx_create(long options, shmem_ctx_t* ctx) {
    return shmem_team_create_ctx(SHMEM_TEAM_WORLD, options, ctx);
}

int shmem_team_create_ctx(shmem_team_t team, long options, shmem_ctx_t* ctx) {
    constexpr const char* kCall = "shmem_team_create_ctx";
    check_up(kCall);
    if ((options & ~kOptions) != 0) {
        fail(kCall, "options {:#x} are unknown", options);
    }
    if (team == SHMEM_TEAM_INVALID) {
        *ctx = SHMEM_CTX_INVALID;
        return -1;
    }
    static_cast<void>(team_of(team, kCall));
    return create(team, options, ctx);
}

int shmem_ctx_get_team(shmem_ctx_t ctx, shmem_team_t* team) {
    check_up("shmem_ctx_get_team");
    if (ctx == SHMEM_CTX_INVALID) {
        *team = SHMEM_TEAM_INVALID;
        return -1;
    }
    check_context(ctx, "shmem_ctx_get_team");
    *team = ctx == SHMEM_CTX_DEFAULT ? SHMEM_TEAM_WORLD : find(ctx)->team;
    return 0;
}

void shmem_ctx_destroy(shmem_ctx_t ctx) {
    check_up("shmem_ctx_destroy");
    if (ctx == SHMEM_CTX_INVALID) {
        return;
    }
    if (ctx == SHMEM_CTX_DEFAULT) {
        fail("shmem_ctx_destroy", "the default context cannot be destroyed");
    }
    const ContextUse use(ctx, "shmem_ctx_destroy");
    finish_begun("shmem_ctx_destroy");
    std::atomic_thread_fence(std::memory_order_seq_cst);
    find(ctx)->generation.fetch_add(1);
}

void shmem_fence(void) {
    check_up("shmem_fence");
    finish_begun("shmem_fence");
    std::atomic_thread_fence(std::memory_order_release);
}

void shmem_quiet(void) {
    check_up("shmem_quiet");
    finish_begun("shmem_quiet");
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

void shmem_ctx_fence(shmem_ctx_t ctx) {
    order(ctx, "shmem_ctx_fence", shmem_fence);
}

void shmem_ctx_quiet(shmem_ctx_t ctx) {
    order(ctx, "shmem_ctx_quiet", shmem_quiet);
}

}  // extern "C"
