// SPDX-License-Identifier: Apache-2.0
#include "shmem/threads.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "memfabric-shmem/shmem.h"

namespace memfabric::shmem {
namespace {

int level = SHMEM_THREAD_SINGLE;
int main_thread = 0;

// The thread that is in a long call, 0 for none, and which call.
std::atomic<int> caller{0};
std::atomic<const char*> running{nullptr};

[[noreturn]] void fail_other(const char* call, int other) {
    const char* other_call = running.load();
    fail(call,
         "thread {} calls while thread {} is in {}; SHMEM was initialized with SHMEM_THREAD_SERIALIZED, one "
         "thread at a time: ask for SHMEM_THREAD_MULTIPLE",
         thread_number(), other, other_call == nullptr ? "another call" : other_call);
}

}  // namespace

void set_thread_level(int requested) {
    level = requested;
    main_thread = thread_number();
    caller = 0;
}

int thread_level() {
    return level;
}

int thread_number() {
    thread_local const int number = static_cast<int>(syscall(SYS_gettid));
    return number;
}

void check_thread(const char* call) {
    const int self = thread_number();
    if (level < SHMEM_THREAD_SERIALIZED && self != main_thread) {
        fail(call,
             "thread {} calls, and SHMEM was initialized with {} by thread {}, which alone may call: ask for "
             "SHMEM_THREAD_SERIALIZED or SHMEM_THREAD_MULTIPLE",
             self, level == SHMEM_THREAD_SINGLE ? "SHMEM_THREAD_SINGLE" : "SHMEM_THREAD_FUNNELED",
             main_thread);
    }
    const int other = caller.load();
    if (level == SHMEM_THREAD_SERIALIZED && other != 0 && other != self) {
        fail_other(call, other);
    }
}

void LongCall::begin(const char* call) {
    check_thread(call);
    if (level != SHMEM_THREAD_SERIALIZED) {
        return;
    }
    int other = 0;
    if (caller.compare_exchange_strong(other, thread_number())) {
        running = call;
        is_outermost_ = true;
    } else if (other != thread_number()) {
        fail_other(call, other);
    }
}

void LongCall::end() {
    running = nullptr;
    caller = 0;
}

}  // namespace memfabric::shmem
