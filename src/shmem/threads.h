// SPDX-License-Identifier: Apache-2.0
// With checks on: which threads call, against the level that the program asked for (SHMEM_THREAD_SINGLE and
// others).
#pragma once

#include "shmem/state.h"

namespace memfabric::shmem {

/// Called by the thread that initializes SHMEM: the main thread of the levels below SHMEM_THREAD_SERIALIZED.
void set_thread_level(int level);
int thread_level();

/// As the kernel numbers threads; the texts name them by it.
int thread_number();

/// Ends the job where this thread may not call now.
void check_thread(const char* call);

/// For as long as it lives, no other thread may call under SHMEM_THREAD_SERIALIZED. Calls that wait, copy or
/// change the heap have one; those of a few instructions only check_thread(), as nobody would ever meet them.
class LongCall {
 public:
    explicit LongCall(const char* call) {
        if (state().watches_threads) [[unlikely]] {
            begin(call);
        }
    }
    ~LongCall() {
        if (is_outermost_) [[unlikely]] {
            end();
        }
    }
    LongCall(const LongCall&) = delete;
    LongCall& operator=(const LongCall&) = delete;

 private:
    void begin(const char* call);
    static void end();

    bool is_outermost_ = false;
};

}  // namespace memfabric::shmem
