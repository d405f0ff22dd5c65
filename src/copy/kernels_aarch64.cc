// SPDX-License-Identifier: Apache-2.0
#include "copy/kernels_arch.h"

#if defined(__aarch64__)

#include <atomic>
#include <cstdint>
#include <cstring>

namespace memfabric::copy {
namespace {

constexpr size_t kLine = 64;

/// Bytes of one round: two lines, since pairs of 16-byte registers are loaded and stored without allocating
/// in the caches.
constexpr size_t kRound = 2 * kLine;

void stream_round(std::byte* destination, const std::byte* source) {
    asm volatile(
        "ldnp q0, q1, [%1]\n"
        "ldnp q2, q3, [%1, #32]\n"
        "ldnp q4, q5, [%1, #64]\n"
        "ldnp q6, q7, [%1, #96]\n"
        "stnp q0, q1, [%0]\n"
        "stnp q2, q3, [%0, #32]\n"
        "stnp q4, q5, [%0, #64]\n"
        "stnp q6, q7, [%0, #96]\n"
        :
        : "r"(destination), "r"(source)
        : "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7");
}

void copy_small(std::byte* destination, const std::byte* source, size_t size) {
    if (size > 0) {
        std::memcpy(destination, source, size);
    }
}

void copy_stnp(std::byte* destination, const std::byte* source, size_t size) {
    const size_t misaligned = reinterpret_cast<uintptr_t>(destination) % kLine;
    size_t done = misaligned == 0 ? 0 : kLine - misaligned;
    if (done >= size) {
        copy_small(destination, source, size);
        return;
    }
    copy_small(destination, source, done);
    for (; size - done >= kRound; done += kRound) {
        stream_round(destination + done, source + done);
    }
    copy_small(destination + done, source + done, size - done);
}

}  // namespace

void append_nontemporal_kernels(std::vector<Kernel>& list) {
    list.push_back({.name = "nontemporal-stnp", .copy = &copy_stnp, .nontemporal = true});
}

// STNP needs no fence of its own kind: it is ordered like any other store.
void store_fence() {
    std::atomic_thread_fence(std::memory_order_release);
}

}  // namespace memfabric::copy

#endif  // __aarch64__
