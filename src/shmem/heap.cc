// SPDX-License-Identifier: Apache-2.0
#include "shmem/heap.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <mutex>
#include <optional>

#include "capi/private_api.h"
#include "memfabric-shmem/shmem.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/team.h"
#include "smem.h"

namespace memfabric::shmem {
namespace {

constexpr uint64_t kUnit = 64;  // so that neighbours share no cache line
constexpr uint64_t kCommitStep = uint64_t{2} << 20;

/// Where what is and what is free; offsets from the heap's begin.
struct Blocks {
    std::mutex mutex;
    std::map<uint64_t, uint64_t> free;  // offset -> size
    std::map<uint64_t, uint64_t> used;
    uint64_t committed = 0;  // [0, committed) of the heap has memory

    std::optional<uint64_t> take(uint64_t size, uint64_t alignment);
    bool give_back(uint64_t offset);
};

Blocks& blocks() {
    static Blocks all;
    return all;
}

/// The smallest free block that fits.
std::optional<uint64_t> Blocks::take(uint64_t size, uint64_t alignment) {
    auto best = free.end();
    uint64_t best_at = 0;
    for (auto block = free.begin(); block != free.end(); ++block) {
        const uint64_t begin = state().heap_begin + block->first;
        const uint64_t at = (begin + alignment - 1) / alignment * alignment - state().heap_begin;
        const uint64_t end = block->first + block->second;
        if (at < end && end - at >= size && (best == free.end() || block->second < best->second)) {
            best = block;
            best_at = at;
        }
    }
    if (best == free.end()) {
        return std::nullopt;
    }
    const auto [begin, whole] = *best;
    free.erase(best);
    if (best_at > begin) {
        free[begin] = best_at - begin;
    }
    if (begin + whole > best_at + size) {
        free[best_at + size] = begin + whole - best_at - size;
    }
    used[best_at] = size;
    return best_at;
}

bool Blocks::give_back(uint64_t offset) {
    const auto found = used.find(offset);
    if (found == used.end()) {
        return false;
    }
    uint64_t size = found->second;
    used.erase(found);
    auto next = free.lower_bound(offset);
    if (next != free.end() && next->first == offset + size) {
        size += next->second;
        next = free.erase(next);
    }
    if (next != free.begin()) {
        const auto before = std::prev(next);
        if (before->first + before->second == offset) {
            before->second += size;
            return true;
        }
    }
    free[offset] = size;
    return true;
}

void* address(uint64_t offset) {
    return reinterpret_cast<void*>(state().heap_begin + offset);
}

void tell_full(const char* call, uint64_t size) {
    uint64_t largest = 0;
    for (const auto& [offset, room] : blocks().free) {
        largest = room > largest ? room : largest;
    }
    std::fprintf(
        stderr,
        "SHMEM PE %d: %s: no %llu bytes: the heap has %llu bytes, its largest free block %llu; raise "
        "SHMEM_SYMMETRIC_SIZE\n",
        state().me, call, static_cast<unsigned long long>(size),
        static_cast<unsigned long long>(state().heap_size), static_cast<unsigned long long>(largest));
}

/// Memory up to `end`, at all PEs or at none. All come here for the same block, so all have as much.
bool commit_up_to(const char* call, uint64_t end) {
    Blocks& all = blocks();
    if (end <= all.committed) {
        return true;
    }
    const State& now = state();
    const uint64_t wanted = std::min(now.heap_size, (end + kCommitStep - 1) / kCommitStep * kCommitStep);
    const uint64_t offset = now.heap_begin - now.region.begin + all.committed;
    const int32_t code = mf_private_shm_commit(heap_object(), offset, wanted - all.committed);
    if (code != 0) {
        std::fprintf(stderr, "SHMEM PE %d: %s: %s\n", now.me, call, smem_get_last_err_msg());
    }
    if (!all_of_world(code == 0)) {
        return false;  // where there was memory it stays, for the next that fits
    }
    all.committed = wanted;
    return true;
}

void* allocate(const char* call, uint64_t size, uint64_t alignment) {
    check_up(call);
    agree_in_world(call, size, alignment);
    if (size == 0) {
        return nullptr;
    }
    const uint64_t whole = (size + kUnit - 1) / kUnit * kUnit;
    const std::lock_guard lock(blocks().mutex);
    const auto found = whole < size ? std::nullopt : blocks().take(whole, alignment);
    if (!found) {
        tell_full(call, size);
        return nullptr;
    }
    if (!commit_up_to(call, *found + whole)) {
        blocks().give_back(*found);
        return nullptr;
    }
    return address(*found);
}

/// The block that begins there; ends the job where none does.
uint64_t size_of(const char* call, const void* pointer) {
    const uint64_t offset = reinterpret_cast<uint64_t>(pointer) - state().heap_begin;
    const std::lock_guard lock(blocks().mutex);
    const auto& used = blocks().used;
    if (const auto found = used.find(offset); found != used.end()) {
        return found->second;
    }
    if (offset >= state().heap_size) {
        fail(call, "{} does not lie in the symmetric heap", pointer);
    }
    const auto after = used.upper_bound(offset);
    if (after != used.begin()) {
        const auto& [begin, size] = *std::prev(after);
        if (offset < begin + size) {
            fail(call, "{} lies {} bytes behind the begin of the block at {}; give the block's begin",
                 pointer, offset - begin, address(begin));
        }
    }
    fail(call, "{} is not allocated: it was freed already, or never", pointer);
}

void release(const void* pointer) {
    const std::lock_guard lock(blocks().mutex);
    blocks().give_back(reinterpret_cast<uint64_t>(pointer) - state().heap_begin);
}

}  // namespace

void open_heap() {
    const std::lock_guard lock(blocks().mutex);
    blocks().used.clear();
    blocks().free = {{0, state().heap_size}};
    blocks().committed = 0;
}

}  // namespace memfabric::shmem

using memfabric::shmem::allocate;
using memfabric::shmem::barrier_of_world;
using memfabric::shmem::check_up;
using memfabric::shmem::fail;

extern "C" {

void* shmem_malloc(size_t size) {
    return allocate("shmem_malloc", size, memfabric::shmem::kUnit);
}

void* shmem_malloc_with_hints(size_t size, long) {
    return allocate("shmem_malloc_with_hints", size, memfabric::shmem::kUnit);
}

void* shmem_calloc(size_t count, size_t size) {
    size_t bytes = 0;
    if (__builtin_mul_overflow(count, size, &bytes)) {
        bytes = SIZE_MAX;
    }
    void* made = allocate("shmem_calloc", bytes, memfabric::shmem::kUnit);
    if (made != nullptr) {
        std::memset(made, 0, bytes);
    }
    check_up("shmem_calloc");
    barrier_of_world();
    return made;
}

void* shmem_align(size_t alignment, size_t size) {
    check_up("shmem_align");
    if (!std::has_single_bit(alignment) || alignment % sizeof(void*) != 0) {
        fail("shmem_align", "alignment {} is no power of two that pointers divide", alignment);
    }
    return allocate("shmem_align", size,
                    alignment < memfabric::shmem::kUnit ? memfabric::shmem::kUnit : alignment);
}

void shmem_free(void* ptr) {
    check_up("shmem_free");
    uint64_t offset = 0;
    if (ptr != nullptr) {
        memfabric::shmem::size_of("shmem_free", ptr);
        offset = reinterpret_cast<uint64_t>(ptr) - memfabric::shmem::state().heap_begin;
    }
    memfabric::shmem::agree_in_world("shmem_free", offset, 0);
    if (ptr != nullptr) {
        memfabric::shmem::release(ptr);
    }
}

void* shmem_realloc(void* ptr, size_t size) {
    check_up("shmem_realloc");
    if (ptr == nullptr) {
        return allocate("shmem_realloc", size, memfabric::shmem::kUnit);
    }
    const size_t before = memfabric::shmem::size_of("shmem_realloc", ptr);
    void* made = allocate("shmem_realloc", size, memfabric::shmem::kUnit);
    if (made == nullptr && size != 0) {
        return nullptr;
    }
    if (made != nullptr) {
        std::memcpy(made, ptr, before < size ? before : size);
    }
    barrier_of_world();
    memfabric::shmem::release(ptr);
    return made;
}

void* shmalloc(size_t size) {
    return shmem_malloc(size);
}

void shfree(void* ptr) {
    shmem_free(ptr);
}

void* shrealloc(void* ptr, size_t size) {
    return shmem_realloc(ptr, size);
}

void* shmemalign(size_t alignment, size_t size) {
    return shmem_align(alignment, size);
}

}  // extern "C"
