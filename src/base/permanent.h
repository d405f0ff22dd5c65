// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <new>
#include <utility>

namespace memfabric {

/// A static object that is never destroyed: threads of the library and of the program may still use it while
/// the process exits.
template <typename T>
class Permanent {
 public:
    template <typename... Args>
    explicit Permanent(Args&&... args) {
        new (storage_) T(std::forward<Args>(args)...);  // in place: nothing is allocated here
    }
    T& get() { return *std::launder(reinterpret_cast<T*>(storage_)); }
    const T& get() const { return *std::launder(reinterpret_cast<const T*>(storage_)); }

 private:
    alignas(T) std::byte storage_[sizeof(T)];
};

}  // namespace memfabric
