// SPDX-License-Identifier: Apache-2.0
#include "base/fork_guard.h"

#include <pthread.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace memfabric {

std::atomic<bool> fork_detail::forked_child{false};

namespace {

constexpr size_t kWordBits = 64;
constexpr size_t kMaxDescriptors = size_t{1} << 20;  // the kernel's default ceiling (fs.nr_open)

/// One bit a descriptor, since the child of a fork may neither lock nor allocate. Untouched pages take no
/// memory.
constinit std::array<std::atomic<uint64_t>, kMaxDescriptors / kWordBits> own_descriptors{};
constinit std::atomic<size_t> words_in_use{0};
constinit std::atomic<bool> has_threads{false};

void enter_forked_child() {
    if (!has_threads.load(std::memory_order_relaxed)) {
        return;
    }
    fork_detail::forked_child.store(true, std::memory_order_relaxed);
    for (size_t word = 0; word < words_in_use.load(); ++word) {
        for (uint64_t bits = own_descriptors.at(word).exchange(0); bits != 0; bits &= bits - 1) {
            ::close(static_cast<int>(word * kWordBits) + std::countr_zero(bits));
        }
    }
}

}  // namespace

void close_in_forked_child(int descriptor) {
    const auto number = static_cast<size_t>(descriptor);
    if (descriptor < 0 || number >= kMaxDescriptors) {
        return;
    }
    prepare_for_fork();
    const size_t word = number / kWordBits;
    own_descriptors.at(word).fetch_or(uint64_t{1} << (number % kWordBits));
    size_t used = words_in_use.load();
    while (used <= word && !words_in_use.compare_exchange_weak(used, word + 1)) {
    }
}

void forget_in_forked_child(int descriptor) {
    const auto number = static_cast<size_t>(descriptor);
    if (descriptor >= 0 && number < kMaxDescriptors) {
        own_descriptors.at(number / kWordBits).fetch_and(~(uint64_t{1} << (number % kWordBits)));
    }
}

void watch_for_fork() {
    prepare_for_fork();
    has_threads.store(true, std::memory_order_relaxed);
}

void prepare_for_fork() {
    static const int registered = pthread_atfork(nullptr, nullptr, enter_forked_child);
    static_cast<void>(registered);
}

}  // namespace memfabric
