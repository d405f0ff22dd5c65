// SPDX-License-Identifier: Apache-2.0
// Where symmetric objects lie: what look_quickly() leaves.
#include "shmem/hosts.h"
#include "shmem/state.h"
#include "shmem/threads.h"

namespace memfabric::shmem {
namespace {

[[noreturn]] void fail_address(const char* call, const void* address, size_t size) {
    const State& now = state();
    const auto place = reinterpret_cast<uint64_t>(address);
    if (contains({now.heap_begin, now.heap_size, 0}, place, size)) {
        fail(call, "{} + {} bytes lies in the symmetric heap, but not in one block that is allocated",
             address, size);
    }
    fail(call,
         "{} + {} bytes is not symmetric: the heap is {:#x} to {:#x}, static data of the program {:#x} to "
         "{:#x}",
         address, size, now.heap_begin, now.heap_begin + now.heap_size, now.all_statics.begin,
         now.all_statics.begin + now.all_statics.size);
}

/// Of the region, what may be used.
bool is_usable(uint64_t address, size_t size) {
    const State& now = state();
    if (!now.checks) {
        return contains(now.whole_region, address, size);
    }
    return contains(now.before_heap, address, size) || is_allocated(address, size);
}

}  // namespace

void fail_not_up(const char* call) {
    fail(call, "{}",
         state().is_over ? "SHMEM is over in this process: it was finalized, or the process was forked"
                         : "SHMEM is not initialized: call shmem_init first");
}

void look_at_call(const char* call) {
    if (!state().is_up) {
        fail_not_up(call);
    }
    check_thread(call);
}

uint64_t find_in_window(const void* object, size_t size, int pe) {
    const State& now = state();
    const auto address = reinterpret_cast<uint64_t>(object);
    if (contains(now.all_statics, address, size)) {
        return place_in_window(now.all_statics, address - now.all_statics.begin, pe);
    }
    return is_usable(address, size) ? place_in_window(now.whole_region, address - now.whole_region.begin, pe)
                                    : 0;
}

uint64_t window_address(const void* object, size_t size, int pe, const char* call) {
    check_up(call);
    if (pe < 0 || pe >= state().pes) {
        fail(call, "PE {} is outside 0 to {}", pe, state().pes - 1);
    }
    const uint64_t found = find_in_window(object, size, pe);
    if (found == 0 && size != 0) {
        fail_address(call, object, size);
    }
    return found;
}

void* locate_here(const void* object, size_t size, int pe, const char* call) {
    const uint64_t found = window_address(object, size, pe, call);
    if (!is_here(pe)) {
        fail(call, "PE {} lives on another host: its memory has no pointer here", pe);
    }
    return reinterpret_cast<void*>(found);
}

}  // namespace memfabric::shmem
