// SPDX-License-Identifier: Apache-2.0
#include "shmem/static_data.h"

#include <link.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "shmem/state.h"

namespace memfabric::shmem {
namespace {

// Memory may be short for a moment.
constexpr int kAttempts = 1000;
constexpr long kPause = 10'000'000;  // nanoseconds

StaticData shared;         // what share_static_data() has put there
void* snapshot = nullptr;  // between a fork's two handlers: what the child gets

uint64_t page_size() {
    static const uint64_t size = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
    return size;
}

int look_at_program(dl_phdr_info* info, size_t, void* result) {
    StaticData& found = *static_cast<StaticData*>(result);
    uint64_t begin = 0;
    uint64_t end = 0;
    uint64_t read_only_end = 0;
    for (int i = 0; i < info->dlpi_phnum; ++i) {
        const auto& part = info->dlpi_phdr[i];
        const uint64_t at = info->dlpi_addr + part.p_vaddr;
        if (part.p_type == PT_LOAD && (part.p_flags & PF_W) != 0) {
            begin = begin == 0 ? at : std::min<uint64_t>(begin, at);
            end = std::max<uint64_t>(end, at + part.p_memsz);
        } else if (part.p_type == PT_GNU_RELRO) {
            read_only_end = at + part.p_memsz;
        }
    }
    const uint64_t mask = ~(page_size() - 1);
    begin = std::max(begin & mask, read_only_end & mask);
    end = (end + page_size() - 1) & mask;
    if (end > begin) {
        found = {begin, end - begin};
    }
    return 1;  // the program comes first, and nothing else is wanted
}

/// Word by word: a sanitizer's memcpy would complain of the gaps between variables.
__attribute__((no_sanitize("address", "thread", "undefined"))) void copy_words(uint64_t to, uint64_t from,
                                                                               uint64_t size) {
    auto* target = reinterpret_cast<volatile uint64_t*>(to);
    const auto* source = reinterpret_cast<const volatile uint64_t*>(from);
    for (uint64_t i = 0; i < size / sizeof(uint64_t); ++i) {
        const uint64_t word = source[i];
        if (word != 0 || target[i] != 0) {  // what is zero already takes no memory
            target[i] = word;
        }
    }
}

void* private_copy() {
    void* copy = mmap(nullptr, shared.size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (copy == MAP_FAILED) {
        return nullptr;
    }
    copy_words(reinterpret_cast<uint64_t>(copy), shared.begin, shared.size);
    return copy;
}

void put_in_place(void* copy) {
    static_cast<void>(mremap(copy, shared.size, shared.size, MREMAP_MAYMOVE | MREMAP_FIXED,
                             reinterpret_cast<void*>(shared.begin)));
    shared = {};
}

// The copy is made before the fork, so that the child has the data of that moment.
void before_fork() {
    snapshot = shared.size == 0 ? nullptr : private_copy();
}

void after_fork_in_parent() {
    if (snapshot != nullptr) {
        munmap(snapshot, shared.size);
        snapshot = nullptr;
    }
}

void after_fork_in_child() {
    if (snapshot != nullptr) {
        put_in_place(snapshot);
        snapshot = nullptr;
    }
    the_state.is_up = false;
    the_state.is_free = false;
    the_state.is_over = true;
    the_state.is_child = true;
    the_state.pes = 0;
    the_state.count_here = 0;
}

}  // namespace

StaticData find_static_data() {
    StaticData found;
    dl_iterate_phdr(look_at_program, &found);
    return found;
}

int share_static_data(const StaticData& data, uint64_t window) {
    static const int watched = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    if (watched != 0 || data.size == 0) {
        return watched;
    }
    copy_words(window, data.begin, data.size);
    // With an old size of 0 it is a second mapping of the same pages.
    if (mremap(reinterpret_cast<void*>(window), 0, data.size, MREMAP_MAYMOVE | MREMAP_FIXED,
               reinterpret_cast<void*>(data.begin)) == MAP_FAILED) {
        return errno;
    }
    shared = data;
    return 0;
}

void unshare_static_data() {
    if (shared.size == 0) {
        return;
    }
    void* copy = private_copy();
    // What the variables hold goes with the object's memory, and the program's standard streams are among
    // them.
    for (int i = 0; copy == nullptr && i < kAttempts; ++i) {
        const timespec pause{0, kPause};
        nanosleep(&pause, nullptr);
        copy = private_copy();
    }
    if (copy == nullptr) {
        fail("shmem_finalize", "for 10 s there was no memory for the {} bytes of the program's static data",
             shared.size);
    }
    put_in_place(copy);
}

}  // namespace memfabric::shmem
