// SPDX-License-Identifier: Apache-2.0
// Counts what is done to the memory of PEs of this host. Other hosts' PEs are reached by the library, which
// counts by itself.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "capi/private_api.h"
#include "observe/counters.h"
#include "shmem/state.h"

namespace memfabric::shmem {

inline const CounterPlace& place_of(Counter counter) {
    return state().counters[static_cast<size_t>(counter)];
}

void make_counters(int pes);

/// The number, from a thread's first on, of the one of PE `pe`.
template <typename T>
uint32_t number_behind(ptrdiff_t at, int pe) {
    return static_cast<uint32_t>(static_cast<size_t>(at) / sizeof(T)) + static_cast<uint32_t>(pe);
}

// None of this may refer to what libmemfabric.so does not export, also where nothing is inlined.

/// Counts an operation on a PE of this host; whether it is to be measured.
inline bool note(Counter counter, int pe, size_t bytes) {
#if MEMFABRIC_COUNTERS
    const CounterPlace& place = place_of(counter);
    observe::Cell* const cells = mf_private_counter_cells;
    if (bytes == observe::kWordBytes) {
        const uint32_t word = number_behind<uint64_t>(place.words, pe);
        return cells != nullptr ? observe::bump(observe::word_at(cells, word), 1) % observe::kSampled == 0
                                : mf_private_count_word_slowly(word) != 0;
    }
    const uint32_t cell = number_behind<observe::Cell>(place.cells, pe);
    return cells != nullptr ? observe::add_to(cells[cell], bytes) : mf_private_count_slowly(cell, bytes) != 0;
#else
    static_cast<void>(counter);
    static_cast<void>(pe);
    static_cast<void>(bytes);
    return false;
#endif
}

/// The same for most operations; false, and nothing counted, where that takes more, or the time is to be
/// taken: then note() is to follow.
[[gnu::always_inline]] inline bool note_quickly(Counter counter, int pe, size_t bytes) {
#if MEMFABRIC_COUNTERS
    const CounterPlace& place = place_of(counter);
    return bytes == observe::kWordBytes ? observe::count_word_quickly(place.words, pe)
                                        : observe::count_quickly(place.cells, pe, bytes);
#else
    static_cast<void>(counter);
    static_cast<void>(pe);
    static_cast<void>(bytes);
    return true;
#endif
}

/// What one operation does to PE `pe`.
struct Noted {
    Counter counter = Counter::kPut;
    int pe = 0;
    size_t bytes = 0;
};

/// Takes the time of `work`.
template <typename Work>
[[gnu::noinline]] auto measured(Noted what, Work work) {
    class Watch {
     public:
        explicit Watch(Noted what) : what_(what) {}
        ~Watch() {
            const auto time = std::chrono::steady_clock::now() - begun_;
            mf_private_shmem_time(static_cast<uint32_t>(what_.counter), what_.pe, what_.bytes,
                                  static_cast<uint64_t>(time.count()));
        }
        Watch(const Watch&) = delete;
        Watch& operator=(const Watch&) = delete;

     private:
        Noted what_;
        std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
    };
    const Watch watch(what);
    return work();
}

/// Does `work` on memory of PE `pe`, which is here, and counts it.
template <typename Work>
auto counted(Counter counter, int pe, size_t bytes, const Work& work) {
    return note(counter, pe, bytes) ? measured({counter, pe, bytes}, work) : work();
}

/// look_quickly() for operations that are counted. `otherwise` counts by itself.
template <typename T, typename Here, typename Otherwise>
[[gnu::always_inline]] inline auto count_quickly(Counter counter, T* object, size_t size, int pe,
                                                 const Here& here, const Otherwise& otherwise) {
    return look_quickly(
        object, size, pe,
        [&](T* found) MF_INLINE { return note_quickly(counter, pe, size) ? here(found) : otherwise(); },
        otherwise);
}

}  // namespace memfabric::shmem
