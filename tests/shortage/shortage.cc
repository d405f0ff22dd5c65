// SPDX-License-Identifier: Apache-2.0
// The allocation functions of the whole test program: malloc, and now and then nothing. So of its threads.
#include "tests/shortage/shortage.h"

#include <dlfcn.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>

namespace memfabric::shortage {
namespace {

using Clock = std::chrono::steady_clock;
using Time = Clock::time_point;

// Constant-initialized: used before any constructor has run.
constinit std::atomic<bool> active{false};
constinit std::atomic<uint64_t> made{0};
constinit std::atomic<uint64_t> failed{0};
constinit std::atomic<uint64_t> first{0};
constinit std::atomic<uint64_t> count{0};
constinit std::atomic<size_t> least{0};
constinit std::atomic<Time> until{Time::max()};

bool is_stores_thread() {
    char name[16] = {};
    return pthread_getname_np(pthread_self(), name, sizeof name) == 0 && std::strcmp(name, "mf-store") == 0;
}

bool is_refused(size_t size) {
    if (!active || size < least || is_stores_thread()) {
        return false;
    }
    const uint64_t number = made++;
    const bool refused = number >= first && number - first < count &&
                         (until.load() == Time::max() || Clock::now() < until.load());
    failed += refused ? 1 : 0;
    return refused;
}

void* take(size_t size, size_t alignment) {
    // Blocks of at least a byte, as the functions that are replaced give.
    const size_t whole = (std::max<size_t>(size, 1) + alignment - 1) / alignment * alignment;
    return is_refused(whole) ? nullptr : std::aligned_alloc(alignment, whole);
}

void* take_or_throw(size_t size, size_t alignment) {
    void* const memory = take(size, alignment);
    if (memory == nullptr) {
        throw std::bad_alloc();
    }
    return memory;
}

void begin(uint64_t after, uint64_t length, Time end, size_t least_size = 0) {
    made = 0;
    failed = 0;
    least = least_size;
    first = after;
    count = length;
    until = end;
    active = true;
}

constinit std::atomic<const LibraryFiles*> short_library{nullptr};
constinit std::atomic<uint64_t> made_by_library{0};
constinit std::atomic<uint64_t> refused_to_library{0};
constinit std::atomic<uint64_t> left_to_library{0};
constinit std::atomic<size_t> least_refused{0};

[[maybe_unused]] bool is_refused_to(const void* caller, size_t size) {
    const LibraryFiles* const library = short_library;
    Dl_info info{};
    if (library == nullptr || ::dladdr(caller, &info) == 0 || info.dli_fname == nullptr) {
        return false;
    }
    const auto is_its_file = [&](const char* name) { return std::strstr(info.dli_fname, name) != nullptr; };
    if (std::ranges::none_of(*library, is_its_file) || is_stores_thread()) {
        return false;
    }
    const bool refused = made_by_library++ >= left_to_library && size >= least_refused;
    if (refused) {
        ++refused_to_library;
        errno = ENOMEM;  // as the C library says
    }
    return refused;
}

constinit std::atomic<bool> are_threads_short{false};
constinit std::atomic<uint64_t> threads_asked{0};
constinit std::atomic<uint64_t> threads_left{0};

[[maybe_unused]] bool is_thread_refused() {
    return are_threads_short && threads_asked++ >= threads_left;
}

}  // namespace

ThreadShortage::ThreadShortage(uint64_t after) {
    threads_asked = 0;
    threads_left = after;
    are_threads_short = true;
}

ThreadShortage::~ThreadShortage() {
    are_threads_short = false;
}

bool ThreadShortage::has_struck() {
    return threads_asked > threads_left;
}

LibraryShortage::LibraryShortage(const LibraryFiles& library, uint64_t after, size_t least) {
    made_by_library = 0;
    refused_to_library = 0;
    left_to_library = after;
    least_refused = least;
    short_library = &library;
}

LibraryShortage::~LibraryShortage() {
    short_library = nullptr;
}

bool LibraryShortage::has_struck() {
    return refused_to_library != 0;
}

Shortage::Shortage(uint64_t after, uint64_t length) {
    begin(after, length, Time::max());
}

Shortage Shortage::of_large(size_t least) {
    begin(0, std::numeric_limits<uint64_t>::max(), Time::max(), least);
    return {};
}

Shortage::Shortage(std::chrono::milliseconds time) {
    begin(0, std::numeric_limits<uint64_t>::max(), Clock::now() + time);
}

Shortage::~Shortage() {
    active = false;
}

bool Shortage::has_struck() const {
    return failed != 0;
}

}  // namespace memfabric::shortage

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)

bool memfabric::shortage::LibraryShortage::is_possible() {
    return false;
}

#else

bool memfabric::shortage::LibraryShortage::is_possible() {
    return true;
}

using memfabric::shortage::is_refused_to;
using memfabric::shortage::is_thread_refused;

extern "C" {

// What the C library's own functions go by.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* memory, size_t size);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

void* malloc(size_t size) {
    return is_refused_to(__builtin_return_address(0), size) ? nullptr : __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
    return is_refused_to(__builtin_return_address(0), count * size) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* memory, size_t size) {
    return is_refused_to(__builtin_return_address(0), size) ? nullptr : __libc_realloc(memory, size);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) noexcept {
    using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
    static const auto create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
    return is_thread_refused() ? EAGAIN : create(thread, attributes, body, argument);
}
}

#endif

using memfabric::shortage::take;
using memfabric::shortage::take_or_throw;

constexpr size_t kAlignment = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

void* operator new(size_t size) {
    return take_or_throw(size, kAlignment);
}
void* operator new[](size_t size) {
    return take_or_throw(size, kAlignment);
}
void* operator new(size_t size, const std::nothrow_t& /*unused*/) noexcept {
    return take(size, kAlignment);
}
void* operator new[](size_t size, const std::nothrow_t& /*unused*/) noexcept {
    return take(size, kAlignment);
}
void* operator new(size_t size, std::align_val_t alignment) {
    return take_or_throw(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
    return take_or_throw(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, size_t /*size*/) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, size_t /*size*/) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::align_val_t /*alignment*/) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::align_val_t /*alignment*/) noexcept {
    std::free(memory);
}
void operator delete(void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, size_t /*size*/, std::align_val_t /*alignment*/) noexcept {
    std::free(memory);
}
