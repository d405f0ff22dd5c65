// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <new>

namespace memfabric {

namespace per_thread_detail {

/// What is to be done when the thread ends. In the thread's own static memory.
struct AtEnd {
    void (*end)(AtEnd& self) = nullptr;
    AtEnd* next = nullptr;
};

/// Where there is no memory for it the thread ends without it: its object stays until the process ends.
void do_at_thread_end(AtEnd& what) noexcept;

template <typename T>
struct Place : AtEnd {
    T& get() {
        if (!is_made) [[unlikely]] {
            new (storage) T();
            is_made = true;
            end = [](AtEnd& self) {
                auto& place = static_cast<Place&>(self);
                place.is_made = false;
                place.object().~T();
            };
            do_at_thread_end(*this);
        }
        return object();
    }
    T& object() { return *std::launder(reinterpret_cast<T*>(storage)); }

    bool is_made = false;
    alignas(T) std::byte storage[sizeof(T)] = {};
};

template <typename T>
constinit inline thread_local Place<T> place{};

}  // namespace per_thread_detail

/// The calling thread's T: made at its first use, destroyed when the thread ends, behind the thread_local
/// objects of the program. A type of its own for each purpose. In place of a thread_local object with a
/// destructor, for which glibc takes memory at the first use, and aborts the process where there is none.
template <typename T>
T& per_thread() {
    return per_thread_detail::place<T>.get();
}

}  // namespace memfabric
