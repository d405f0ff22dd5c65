// SPDX-License-Identifier: Apache-2.0
#include "shmem/heap.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <optional>
#include <vector>

#include "capi/private_api.h"
#include "memfabric-shmem/shmem.h"
#include "shmem/blocks.h"
#include "shmem/remote.h"
#include "shmem/short_memory.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/team.h"
#include "shmem/threads.h"
#include "smem.h"

namespace memfabric::shmem {
namespace {

constexpr uint64_t kUnit = 64;  // so that neighbours share no cache line

struct Heap {
    std::mutex mutex;  // guards blocks; not held while waiting for other PEs
    Blocks blocks;
};

Heap& heap() {
    static Heap only;
    return only;
}

void* address(uint64_t offset) {
    return reinterpret_cast<void*>(state().heap_begin + offset);
}

/// What divides the distance of two PEs' regions: only up to it an offset is aligned at all PEs or at none.
uint64_t largest_alignment() {
    return uint64_t{1} << std::countr_zero(state().stride);
}

uint64_t offset_of(const void* pointer) {
    return reinterpret_cast<uint64_t>(pointer) - state().heap_begin;
}

/// In whole units; none where no number can say it.
std::optional<uint64_t> in_units(uint64_t size) {
    const uint64_t whole = (size + kUnit - 1) / kUnit * kUnit;
    return whole < size ? std::nullopt : std::optional(whole);
}

void tell(const char* call, const std::string& text) {
    std::fprintf(stderr, "SHMEM PE %d: %s: %s\n", state().me, call, text.c_str());
}

void tell_full(const char* call, uint64_t size, uint64_t largest) {
    tell(call, fmt::format("no {} bytes: the heap has {} bytes, its largest free block {}; raise "
                           "SHMEM_SYMMETRIC_SIZE",
                           size, state().heap_size, largest));
}

/// Memory for all of the range, at all PEs or at none. All come here for the same range, and have memory at
/// the same places.
bool take_memory(const char* call, HeapRange range) {
    std::vector<HeapRange> missing;
    {
        const std::lock_guard lock(heap().mutex);
        missing = heap().blocks.without_memory(range);
    }
    if (missing.empty()) {
        return true;
    }
    const uint64_t before_heap = state().heap_begin - state().region.begin;
    bool has_all = true;
    for (const HeapRange& part : missing) {
        has_all = has_all && mf_private_shm_commit(heap_object(), before_heap + part.offset, part.size) == 0;
    }
    if (!has_all) {
        tell(call, smem_get_last_err_msg());
    }
    if (all_of_world(has_all)) {
        const std::lock_guard lock(heap().mutex);
        heap().blocks.has_memory_now(missing);
        return true;
    }
    // Others may need what this PE got for a block that is smaller.
    for (const HeapRange& part : missing) {
        static_cast<void>(mf_private_shm_discard(heap_object(), before_heap + part.offset, part.size));
    }
    barrier_of_world();
    return false;
}

void* allocate_now(const char* call, uint64_t size, uint64_t alignment) {
    const LongCall whole_call(call);
    check_up(call);
    finish_begun(call);
    agree_in_world(call, size, alignment);
    if (size == 0) {
        return nullptr;
    }
    if (alignment > largest_alignment()) {
        tell(call, fmt::format("alignment {}: not all PEs can have more than {}; raise SHMEM_SYMMETRIC_SIZE",
                               alignment, largest_alignment()));
        return nullptr;
    }
    const std::optional<uint64_t> whole = in_units(size);
    std::optional<uint64_t> found;
    {
        const std::lock_guard lock(heap().mutex);
        found = whole ? heap().blocks.take(*whole, alignment, state().heap_begin) : std::nullopt;
        if (!found) {
            tell_full(call, size, heap().blocks.largest_free());
            return nullptr;
        }
    }
    if (!take_memory(call, {*found, *whole})) {
        const std::lock_guard lock(heap().mutex);
        heap().blocks.give_back(*found);
        return nullptr;
    }
    return address(*found);
}

void* allocate(const char* call, uint64_t size, uint64_t alignment) {
    return take_memory_or_end(call, [&] { return allocate_now(call, size, alignment); });
}

/// The block that begins there; ends the job where none does.
HeapRange block_of(const char* call, const void* pointer) {
    const uint64_t offset = offset_of(pointer);
    if (offset >= state().heap_size) {
        fail(call, "{} does not lie in the symmetric heap", pointer);
    }
    std::optional<HeapRange> block;
    {
        const std::lock_guard lock(heap().mutex);
        block = heap().blocks.block_at(offset);
    }
    if (!block) {
        fail(call, "{} is not allocated: it was freed already, or never", pointer);
    }
    if (block->offset != offset) {
        fail(call, "{} lies {} bytes behind the begin of the block at {}; give the block's begin", pointer,
             offset - block->offset, address(block->offset));
    }
    return *block;
}

void release(uint64_t offset) {
    const std::lock_guard lock(heap().mutex);
    heap().blocks.give_back(offset);
}

/// Whether the block has that size now, where it is.
bool resize(const char* call, HeapRange block, uint64_t size) {
    const std::optional<uint64_t> whole = in_units(size);
    {
        const std::lock_guard lock(heap().mutex);
        if (!whole || !heap().blocks.resize(block.offset, *whole)) {
            return false;
        }
    }
    if (take_memory(call, {block.offset, *whole})) {
        return true;
    }
    const std::lock_guard lock(heap().mutex);
    heap().blocks.resize(block.offset, block.size);
    return false;
}

void* move(const char* call, HeapRange block, uint64_t size) {
    void* made = allocate(call, size, kUnit);
    if (made != nullptr) {
        std::memcpy(made, address(block.offset), std::min(block.size, size));
        barrier_of_world();
        release(block.offset);
    }
    return made;
}

}  // namespace

void open_heap() {
    const std::lock_guard lock(heap().mutex);
    heap().blocks = Blocks(state().heap_size);
}

bool is_allocated(uint64_t place, size_t size) {
    const uint64_t offset = place - state().heap_begin;
    if (offset >= state().heap_size) {
        return false;
    }
    const std::lock_guard lock(heap().mutex);
    const std::optional<HeapRange> block = heap().blocks.block_at(offset);
    return block && size <= block->end() - offset;
}

}  // namespace memfabric::shmem

using memfabric::shmem::allocate;
using memfabric::shmem::barrier_of_world;
using memfabric::shmem::check_up;
using memfabric::shmem::fail;
using memfabric::shmem::LongCall;
using memfabric::shmem::take_memory_or_end;

extern "C" {

void* shmem_malloc(size_t size) {
    return allocate("shmem_malloc", size, memfabric::shmem::kUnit);
}

void* shmem_malloc_with_hints(size_t size, long) {
    return allocate("shmem_malloc_with_hints", size, memfabric::shmem::kUnit);
}

void* shmem_calloc(size_t count, size_t size) {
    const LongCall whole("shmem_calloc");
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
    const LongCall whole("shmem_free");
    check_up("shmem_free");
    const uint64_t offset = ptr == nullptr ? 0 : memfabric::shmem::block_of("shmem_free", ptr).offset;
    memfabric::shmem::finish_begun("shmem_free");
    memfabric::shmem::agree_in_world("shmem_free", offset, 0);
    if (ptr != nullptr) {
        take_memory_or_end("shmem_free", [&] { memfabric::shmem::release(offset); });
    }
}

void* shmem_realloc(void* ptr, size_t size) {
    constexpr const char* kCall = "shmem_realloc";
    const LongCall whole(kCall);
    check_up(kCall);
    if (ptr == nullptr) {
        return allocate(kCall, size, memfabric::shmem::kUnit);
    }
    const auto block = memfabric::shmem::block_of(kCall, ptr);
    memfabric::shmem::finish_begun(kCall);
    memfabric::shmem::agree_in_world(kCall, size, block.offset);
    return take_memory_or_end(kCall, [&]() -> void* {
        if (size == 0) {
            memfabric::shmem::release(block.offset);
            return nullptr;
        }
        return memfabric::shmem::resize(kCall, block, size) ? ptr
                                                            : memfabric::shmem::move(kCall, block, size);
    });
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
